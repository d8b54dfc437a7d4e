/**
 * Events of the membership, and the view that is made of them. A subscriber gets a snapshot and
 * then every change in order; {@link apply} folds an event into a view, and that fold *is* how the view
 * is made, so the two cannot disagree.
 */
import type { Duration } from "effect/Duration"
import { SharedMap } from "./internal/SharedMap.ts"
import type { Peer } from "./Peer.ts"

/** All members except this node, by name. */
export interface View {
  /** Counts the changes of this view. */
  readonly version: number
  readonly peers: ReadonlyMap<string, Peer>
}

/** The view of a node that has met nobody. */
export const emptyView: View = { version: 0, peers: SharedMap.from<Peer>(new Map()) }

/** One change of the view. */
export type ViewChange =
  /** A peer became a member. Mostly there is a link to it (`peer.link` is `up`); if only others have one, `indirect`. */
  | { readonly _tag: "Joined"; readonly peer: Peer }
  /** A member left on purpose. Nobody redials it. */
  | { readonly _tag: "Left"; readonly peer: Peer }
  /** A member cannot be reached; the suspicion timer runs. */
  | { readonly _tag: "Suspected"; readonly peer: Peer }
  /** A suspected or failed member showed a sign of life. */
  | { readonly _tag: "Recovered"; readonly peer: Peer }
  /** A suspected member gave no sign of life in time. It is redialed now and then for a day. */
  | { readonly _tag: "Failed"; readonly peer: Peer }
  /** A newer life of a known name took its place, mostly after a restart. */
  | { readonly _tag: "Replaced"; readonly peer: Peer; readonly old: Peer }
  /** A member changed its metadata or addresses. */
  | { readonly _tag: "MetadataChanged"; readonly peer: Peer }
  /**
   * The link to a member is lost (`peer.link` is `down`), or others were asked and reach it (`indirect`). Neither says
   * anything bad about the member.
   */
  | { readonly _tag: "Unreachable"; readonly peer: Peer }
  /** The link to a member is back. */
  | { readonly _tag: "Reachable"; readonly peer: Peer }
  /** This node or the peer called `disconnect`. Neither redials until a `join`. */
  | { readonly _tag: "Disconnected"; readonly peer: Peer }

/**
 * A peer accepts nothing on a lane: sends to it have waited for `limits.slowPeerTimeout`, or a message to many went on
 * without it. From now on messages to many skip it at once. The event comes once for a peer and lane, until the peer gives
 * credit again or its link ends.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlowPeer {
  readonly _tag: "SlowPeer"
  readonly peer: Peer
  /** Name of the lane or topic; empty for the inbox. */
  readonly lane: string
  /** Time for which senders have waited. */
  readonly waited: Duration
  /** Bytes of the messages that wait for the peer on this lane, with the one that went on without it. */
  readonly bytes: number
}

/**
 * A seed, or a joined or discovered address, did not answer or refused this node. This node dials the address again.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeedUnavailable {
  readonly _tag: "SeedUnavailable"
  readonly address: string
  /**
   * - `unreachable`: no route, no such host, or no answer. `refused`: no process listens at the address.
   * - `timeout`: a process answered and did not complete the handshake in time. `lost`: the connection ended before that.
   * - `protocol`: the process at the address does not speak the protocol of Coterie.
   * - `busy`: the peer has no room for another connection, or leaves.
   * - `denied`: the admission policy of one side refused the other, or the two clocks differ by more than a day.
   * - `duplicate`: another process has this node's name. `stale`: the peer knows a newer life of this node's name.
   * - `otherCluster`: the peer belongs to another cluster. `version`: the peer speaks another version of the protocol.
   * - `self`: the address is that of this node. `otherPeer`: another peer than before answered.
   * - `disconnected`: the peer has disconnected from this node.
   */
  readonly reason:
    | "unreachable"
    | "refused"
    | "timeout"
    | "lost"
    | "protocol"
    | "busy"
    | "denied"
    | "duplicate"
    | "stale"
    | "otherCluster"
    | "version"
    | "self"
    | "otherPeer"
    | "disconnected"
  /** Description of the failure, for people. */
  readonly message: string
}

/** Event that does not change the view. */
export type Notice =
  | SlowPeer
  | SeedUnavailable
  /**
   * No member can be reached, so it is rather this node that is cut off. If it knows more than one, it calls nobody failed
   * before the longest suspicion is over.
   */
  | { readonly _tag: "Isolated" }
  /** After `Isolated`: there is a link again. */
  | { readonly _tag: "Reconnected" }
  /**
   * So many members failed within the longest suspicion, at least two and a quarter of all, that the cluster is probably
   * in two parts. The others see the same of this part.
   */
  | { readonly _tag: "PartitionSuspected"; readonly lost: ReadonlyArray<Peer> }
  /**
   * After `PartitionSuspected`: it is over, for so few are lost any more. Some returned, or none if it was no partition
   * and the lost have been given up. The missing may be dead.
   */
  | {
      readonly _tag: "PartitionHealed"
      readonly returned: ReadonlyArray<Peer>
      readonly missing: ReadonlyArray<Peer>
    }
  /** A newer life of this node's own name is in the cluster; this one has stopped. */
  | { readonly _tag: "Superseded" }
  /** A peer said something that cannot be true, or a bound was reached; it was ignored. */
  | { readonly _tag: "Diagnostic"; readonly message: string }

/** An element of `cluster.events`. */
export type ClusterEvent =
  | ViewChange
  | Notice
  /** The view of this moment: first of all, and again after {@link Lagged}. */
  | { readonly _tag: "Snapshot"; readonly view: View }
  /** The subscriber was too slow and its buffer too small: events are missing here. A Snapshot follows. */
  | { readonly _tag: "Lagged"; readonly missed: number }

/** The marker of a subscriber that fell behind. */
export type Lagged = Extract<ClusterEvent, { readonly _tag: "Lagged" }>

/** Returns a writable copy of the peers. Those of a node's own view share what does not change. */
const copyOf = ({ peers }: View): Map<string, Peer> | SharedMap<Peer> =>
  peers instanceof SharedMap ? SharedMap.from(peers) : new Map(peers)

/** The view after an event. */
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
    case "Reachable": {
      const peers = copyOf(view)
      peers.set(event.peer.name, event.peer)
      return { version: view.version + 1, peers }
    }
    case "Left":
    case "Failed":
    case "Disconnected": {
      const peers = copyOf(view)
      peers.delete(event.peer.name)
      return { version: view.version + 1, peers }
    }
    case "SlowPeer":
    case "SeedUnavailable":
    case "Isolated":
    case "Reconnected":
    case "PartitionSuspected":
    case "PartitionHealed":
    case "Superseded":
    case "Diagnostic":
    case "Lagged":
      return view
  }
}
