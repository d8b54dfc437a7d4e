/**
 * Events of the membership, and the view that is made of them. A subscriber gets a snapshot and
 * then every change in order; {@link apply} folds an event into a view, and that fold *is* how the view
 * is made, so the two cannot disagree.
 *
 * All values are plain immutable data: Effect's `Equal.equals` and `Hash.hash` compare them by content. `View`, `ViewChange`,
 * `Notice` and `ClusterEvent` are also schemas. Those of events are tagged unions with `match`, `guards` and `isAnyOf`.
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
   * This node: alive, with its link `up`. Its metadata changes with `updateMetadata`, and its generation may rise until it has
   * met a peer; the event `SelfChanged` reports both.
   */
  readonly self: Peer
  /** `true` between the events `Isolated` and `Reconnected`: this node reaches no member, and is probably cut off itself. */
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
 * Encoded form of a {@link View}: the peers are a list.
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
 * Makes a view. Defaults to one of a node that has met nobody: no peers, not isolated, version 0.
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
  /** A peer became a member. Mostly there is a link to it (`peer.link` is `up`); if only others have one, `indirect`. */
  Joined: { peer: Peer },
  /** A member left on purpose. No peer redials it. */
  Left: { peer: RemovedPeer("left") },
  /** A member cannot be reached; the suspicion timer runs. */
  Suspected: { peer: Peer },
  /** A suspected or failed member showed a sign of life. */
  Recovered: { peer: Peer },
  /** A suspected member gave no sign of life in time. It is redialed now and then for a day. */
  Failed: { peer: RemovedPeer("failed") },
  /** A newer life of a known name took the place of the older one, mostly after a restart. */
  Replaced: { peer: Peer, old: RemovedPeer("replaced") },
  /** A member changed its metadata or addresses. */
  MetadataChanged: { peer: Peer },
  /**
   * The link to a member is lost (`peer.link` is `down`), or others were asked and reach it (`indirect`). Neither says
   * anything bad about the member.
   */
  Unreachable: { peer: Peer },
  /** The link to a member is back. */
  Reachable: { peer: Peer },
  /** This node or the peer called `disconnect`. Neither redials until a `join`. */
  Disconnected: { peer: RemovedPeer("disconnected") },
  /**
   * This node itself changed: it has other metadata, or a higher generation. The generation rises only while this node has met
   * nobody, when a peer that it dials knows a newer life of its name.
   */
  SelfChanged: { self: Peer },
  /**
   * No member can be reached, so this node itself is probably cut off. If it knows more than one, it calls no member failed
   * before the longest suspicion is over.
   */
  Isolated: {},
  /** After `Isolated`: there is a link again. */
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

const notices = {
  /**
   * A peer accepts nothing on a lane: sends to it have waited for `limits.slowPeerTimeout`, or a message to many went on
   * without it. From now on messages to many skip it at once. The event comes once for a peer and lane, until the peer gives
   * credit again or its link ends.
   */
  SlowPeer: {
    peer: Peer,
    /** Name of the lane or topic; empty for the inbox. */
    lane: Schema.String,
    /** Time for which senders have waited. */
    waited: Schema.Duration,
    /** Bytes of the messages that wait for the peer on this lane, with the one that went on without it. */
    bytes: Schema.Number,
  },
  /** A seed, or a joined or discovered address, did not answer or refused this node. This node dials the address again. */
  SeedUnavailable: {
    address: Schema.String,
    /**
     * - `unreachable`: no route, no such host, or no answer. `refused`: no process listens at the address.
     * - `unauthenticated`: a process answered, and one side does not accept the proof of the other.
     * - `forbidden`: the network lists of this node exclude the address.
     * - `timeout`: a process answered and did not complete the handshake in time. `lost`: the connection ended before that.
     * - `protocol`: the process at the address does not speak the protocol of Coterie.
     * - `busy`: the peer has no room for another connection, or leaves.
     * - `denied`: the admission policy of one side refused the other, or the two clocks differ by more than a day.
     * - `duplicate`: another process has this node's name. `stale`: the peer knows a newer life of this node's name.
     * - `otherCluster`: the peer belongs to another cluster. `version`: the peer speaks another version of the protocol.
     * - `self`: the address is that of this node. `otherPeer`: another peer than before answered.
     * - `disconnected`: the peer has disconnected from this node.
     */
    reason: Schema.Literals([
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
    ]),
    /** Description of the failure, for people. */
    message: Schema.String,
  },
  /**
   * So many members failed within the longest suspicion, at least two and a quarter of all, that the cluster is probably
   * in two parts. The others see the same of this part.
   */
  PartitionSuspected: { lost: Schema.Array(RemovedPeer("failed")) },
  /**
   * The suspected partition ended: fewer members are lost than the threshold. `returned` came back, and is empty if there was
   * no partition and the lost have been given up; `missing` did not, and may have crashed.
   */
  PartitionHealed: { returned: Schema.Array(Peer), missing: Schema.Array(RemovedPeer("failed")) },
  /** A newer life of this node's own name is in the cluster; this one has stopped. */
  Superseded: {},
  /** A peer said something that cannot be true, or a bound was reached; it was ignored. */
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
  /** The view of this moment: first of all, and again after `Lagged`. */
  Snapshot: { view: View },
  /** The subscriber was too slow and its buffer too small: events are missing here. A `Snapshot` follows. */
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
 * The mark of a subscriber that fell behind.
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
