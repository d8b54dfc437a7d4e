/**
 * Events of the membership, and the view that results from them. A subscriber gets a snapshot and then every change in
 * order. {@link apply} folds an event into a view. The node makes its own view with the same function, so a folded view
 * always equals the view of the node.
 *
 * All values are plain immutable data: Effect's `Equal.equals` and `Hash.hash` compare them by content. `View`,
 * `ViewChange`, `Notice` and `ClusterEvent` are also schemas. The schemas of events are tagged unions with `match`,
 * `guards` and `isAnyOf`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { SharedMap } from "./internal/SharedMap.ts"
import { Peer, RemovedPeer } from "./Peer.ts"

// ---- the view ----

/**
 * Members of the cluster, as one node sees them at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface View {
  /** Number of changes of this view since the node started. */
  readonly version: number
  /**
   * This node, always `alive` and with the link `up`. `updateMetadata` changes its metadata. Its generation may rise
   * until it has met a peer. The event `SelfChanged` reports both changes.
   */
  readonly self: Peer
  /**
   * `true` between the events `Isolated` and `Reconnected`: this node reaches no member and is probably cut off from
   * the network.
   */
  readonly isolated: boolean
  /** All members except this node, by name. */
  readonly peers: ReadonlyMap<string, Peer>
}

const isPeerMap = (input: unknown): input is ReadonlyMap<string, Peer> =>
  input instanceof Map || input instanceof SharedMap

const peerMap = (peers: Iterable<Peer>): ReadonlyMap<string, Peer> => {
  const byName = SharedMap.from<Peer>(new Map())
  for (const peer of peers) byName.set(peer.name, peer)
  return byName
}

const PeerMap = Schema.Array(Peer).pipe(
  Schema.decodeTo(Schema.declare(isPeerMap, { expected: "a map of peers" }), {
    decode: SchemaGetter.transform(peerMap),
    encode: SchemaGetter.transform((peers) => [...peers.values()]),
  }),
)

type EncodedPeer = (typeof Peer)["Encoded"]

/**
 * Encoded form of a {@link View}, with the peers as a list.
 *
 * @category models
 * @since 0.1.0
 */
export interface EncodedView extends Omit<View, "self" | "peers"> {
  readonly self: EncodedPeer
  readonly peers: ReadonlyArray<EncodedPeer>
}

/**
 * Schema of a view.
 *
 * @category schemas
 * @since 0.1.0
 */
export const View: Schema.Codec<View, EncodedView> = Schema.Struct({
  version: Schema.Int,
  self: Peer,
  isolated: Schema.Boolean,
  peers: PeerMap,
})

/**
 * Makes a view. By default it has no peers, is not isolated, and has the version 0.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeView = (options: {
  readonly self: Peer
  readonly peers?: Iterable<Peer>
  readonly isolated?: boolean
  readonly version?: number
}): View => ({
  version: options.version ?? 0,
  self: options.self,
  isolated: options.isolated ?? false,
  peers: peerMap(options.peers ?? []),
})

/**
 * Returns all members: this node first, then its peers.
 *
 * @category getters
 * @since 0.1.0
 */
export const members = ({ peers, self }: View): ReadonlyArray<Peer> => [self, ...peers.values()]

// ---- events ----

const viewChanges = {
  /**
   * A peer became a member. `peer.link` is usually `up`. It is `indirect` if only other members have a link to the
   * peer.
   */
  Joined: { peer: Peer },
  /** A member left on purpose. No peer dials it again. */
  Left: { peer: RemovedPeer("left") },
  /** No member reaches this member. Its suspicion timer runs. */
  Suspected: { peer: Peer },
  /** A suspected or failed member showed a sign of life. */
  Recovered: { peer: Peer },
  /** A suspected member gave no sign of life in time. This node still dials it now and then for a day. */
  Failed: { peer: RemovedPeer("failed") },
  /** A newer generation of a known name replaced the older one, usually after a restart. */
  Replaced: { peer: Peer, old: RemovedPeer("replaced") },
  /** A member changed its metadata or addresses. */
  MetadataChanged: { peer: Peer },
  /**
   * The link to a member is lost (`peer.link` is `down`), or other members report that they reach the member
   * (`indirect`). The member may be healthy in both cases.
   */
  Unreachable: { peer: Peer },
  /** The link to a member was restored. */
  Reachable: { peer: Peer },
  /** This node or the peer called `disconnect`. Neither side dials until one of them calls `join`. */
  Disconnected: { peer: RemovedPeer("disconnected") },
  /**
   * This node has new metadata or a higher generation. The generation rises only until this node has met a peer: a peer
   * that it dials may know a newer generation of its name.
   */
  SelfChanged: { self: Peer },
  /**
   * This node reaches no member, so it is probably cut off itself. If it knows more than one member, it marks no member
   * as failed before the longest suspicion ends.
   */
  Isolated: {},
  /** This node has a link again after `Isolated`. */
  Reconnected: {},
}

/**
 * Schema of the events that change the view.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ViewChange = Schema.TaggedUnion(viewChanges)

/**
 * One change of the view.
 *
 * @category models
 * @since 0.1.0
 */
export type ViewChange = typeof ViewChange.Type

/**
 * Schema of the reason of the event `SeedUnavailable`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SeedUnavailableReason = Schema.Literals([
  "unreachable",
  "refused",
  "unauthenticated",
  "forbidden",
  "timeout",
  "lost",
  "protocol",
  "busy",
  "denied",
  "duplicate",
  "stale",
  "otherCluster",
  "version",
  "self",
  "otherPeer",
  "disconnected",
])

/**
 * Reason for which a dial failed:
 *
 * - `unreachable`: no route, no such host, or no answer. `refused`: no process listens at the address.
 * - `unauthenticated`: a process answered, and one side does not accept the proof of the other.
 * - `forbidden`: the network lists of this node exclude the address.
 * - `timeout`: the connection or the handshake did not complete in time. `lost`: the connection ended before the
 *   handshake was complete.
 * - `protocol`: the process at the address does not speak the protocol of Coterie.
 * - `busy`: the peer has no room for another connection, or is leaving.
 * - `denied`: the admission policy of one side refused the other, or the two clocks differ by more than a day.
 * - `duplicate`: another process uses this node's name. `stale`: the peer knows a newer generation of this node's
 *   name.
 * - `otherCluster`: the peer belongs to another cluster. `version`: the peer speaks another version of the
 *   protocol.
 * - `self`: this node itself listens at the address. `otherPeer`: a different peer than before answered.
 * - `disconnected`: this node and the peer are disconnected until one of them calls `join`.
 *
 * @category models
 * @since 0.1.0
 */
export type SeedUnavailableReason = typeof SeedUnavailableReason.Type

const notices = {
  /**
   * A peer takes nothing on a lane: sends to it have waited for `limits.slowPeerTimeout`, or a message to many skipped
   * it. From now on messages to many do not wait for the peer. The event occurs once per peer and lane, until the peer
   * gives credit again, takes a message of a send with `confirm`, or its link ends. `peer` is this node itself if its
   * own readers take nothing of what it sends to itself.
   */
  SlowPeer: {
    peer: Peer,
    /** Name of the lane or topic; empty for the inbox. */
    lane: Schema.String,
    /** Time that senders have waited. */
    waited: Schema.Duration,
    /** Bytes of the messages that wait for the peer on this lane, including a message to many that skipped the peer. */
    bytes: Schema.Number,
  },
  /**
   * A seed, or a joined or discovered address, did not answer or refused this node. This node dials the address again.
   */
  SeedUnavailable: {
    address: Schema.String,
    reason: SeedUnavailableReason,
    /** Description of the failure, for people. */
    message: Schema.String,
  },
  /**
   * At least two members, and a quarter of all, failed within the longest suspicion, so the cluster is probably split.
   * The members on the other side see the same for this side.
   */
  PartitionSuspected: { lost: Schema.Array(RemovedPeer("failed")) },
  /**
   * The suspected partition ended: fewer members are lost than the threshold. `returned` lists the members that came
   * back; it is empty if there was no partition and this node has given up the lost members. `missing` lists the
   * members that did not come back and may have crashed.
   */
  PartitionHealed: { returned: Schema.Array(Peer), missing: Schema.Array(RemovedPeer("failed")) },
  /** A newer generation of this node's name is in the cluster. This node has stopped. */
  Superseded: {},
  /** A peer sent a statement that cannot be true, or a bound was reached. The node ignored the input. */
  Diagnostic: { message: Schema.String },
}

/**
 * Schema of the events that do not change the view.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Notice = Schema.TaggedUnion(notices)

/**
 * Event that does not change the view.
 *
 * @category models
 * @since 0.1.0
 */
export type Notice = typeof Notice.Type

/**
 * Schema of an element of `cluster.events`.
 *
 * **Example** (Log each peer that joins or fails)
 *
 * ```ts
 * import { Cluster, ClusterEvent } from "@coterie/core"
 * import { Effect, Stream } from "effect"
 *
 * const logPeers = Effect.gen(function* () {
 *   const cluster = yield* Cluster.Cluster
 *   yield* cluster.events.pipe(
 *     Stream.filter(ClusterEvent.ClusterEvent.isAnyOf(["Joined", "Failed"])),
 *     Stream.runForEach(({ _tag, peer }) => Effect.log(`${_tag}: ${peer.name}`)),
 *   )
 * })
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const ClusterEvent = Schema.TaggedUnion({
  ...viewChanges,
  ...notices,
  /** The view at this moment: the first element, and again after `Lagged`. */
  Snapshot: { view: View },
  /** The subscriber was too slow for its buffer, and `missed` events are lost. A `Snapshot` follows. */
  Lagged: { missed: Schema.Int },
})

/**
 * An element of `cluster.events`.
 *
 * @category models
 * @since 0.1.0
 */
export type ClusterEvent = typeof ClusterEvent.Type

/**
 * The event that reports a slow peer.
 *
 * @category models
 * @since 0.1.0
 */
export type SlowPeer = Extract<Notice, { readonly _tag: "SlowPeer" }>

/**
 * The event that reports an address that did not answer or refused this node.
 *
 * @category models
 * @since 0.1.0
 */
export type SeedUnavailable = Extract<Notice, { readonly _tag: "SeedUnavailable" }>

/**
 * The marker for a subscriber that fell behind.
 *
 * @category models
 * @since 0.1.0
 */
export type Lagged = Extract<ClusterEvent, { readonly _tag: "Lagged" }>

/**
 * Returns the view after an event.
 *
 * @category folding
 * @since 0.1.0
 */
export const apply = (view: View, event: ClusterEvent): View => {
  switch (event._tag) {
    case "Snapshot":
      return event.view
    case "Joined":
    case "Suspected":
    case "Recovered":
    case "Replaced":
    case "MetadataChanged":
    case "Unreachable":
    case "Reachable":
      return next(view, { peers: SharedMap.from(view.peers).set(event.peer.name, event.peer) })
    case "Left":
    case "Failed":
    case "Disconnected": {
      const peers = SharedMap.from(view.peers)
      peers.delete(event.peer.name)
      return next(view, { peers })
    }
    case "SelfChanged":
      return next(view, { self: event.self })
    case "Isolated":
      return next(view, { isolated: true })
    case "Reconnected":
      return next(view, { isolated: false })
    case "SlowPeer":
    case "SeedUnavailable":
    case "PartitionSuspected":
    case "PartitionHealed":
    case "Superseded":
    case "Diagnostic":
    case "Lagged":
      return view
  }
}

const next = (view: View, changes: Partial<Omit<View, "version">>): View => ({
  ...view,
  ...changes,
  version: view.version + 1,
})
