import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import type { PeerDescription } from "@coterie/core/Peer"

/** Event about the liveness of a peer, as one node emitted it. */
export interface LivenessEvent {
  /** Name of the node that emitted the event. */
  readonly by: string
  readonly tag: "Suspected" | "Failed" | "Recovered"
  /** Name and generation of the peer. */
  readonly of: string
  readonly generation: number
  /** Microseconds of virtual time. */
  readonly at: number
}

type PeerEvent = Extract<ClusterEvent, { readonly peer: PeerDescription }>

/** Peers as one life of a node sees them. */
interface Seen {
  /** Names of peers that are alive and have a link. */
  readonly live: Set<string>
  /** Names of all peers in the view. */
  readonly listed: Set<string>
}

/** Sums over the views of all nodes, updated with each event, so that every query takes constant time. */
export class ViewTracker {
  /** Number of pairs of a node and a peer that the node sees as alive with a link. */
  live = 0
  /** Number of `Failed` events. */
  failed = 0
  readonly livenessEvents: Array<LivenessEvent> = []
  private readonly now: () => number
  private readonly seenBy = new Map<string, Seen>()

  constructor(now: () => number) {
    this.now = now
  }

  /** Starts a new life of a node. Returns the function that handles its events. */
  observe(name: string): (event: ClusterEvent) => void {
    this.remove(name)
    const seen: Seen = { live: new Set(), listed: new Set() }
    this.seenBy.set(name, seen)
    return (event) => {
      if (this.seenBy.get(name) === seen && "peer" in event) this.record(name, seen, event)
    }
  }

  /** Removes a node that has ended. */
  remove(name: string): void {
    this.live -= this.seenBy.get(name)?.live.size ?? 0
    this.seenBy.delete(name)
  }

  /** Returns whether a node has a peer in its view. */
  lists(by: string, of: string): boolean {
    return this.seenBy.get(by)?.listed.has(of) === true
  }

  private record(by: string, seen: Seen, event: PeerEvent): void {
    const { _tag, peer } = event
    if (_tag === "Suspected" || _tag === "Failed" || _tag === "Recovered") {
      this.livenessEvents.push({ by, tag: _tag, of: peer.name, generation: peer.generation, at: this.now() })
    }
    if (_tag === "Failed") this.failed++
    this.live -= seen.live.size
    if ("link" in peer && peer.status === "alive" && peer.link === "up") seen.live.add(peer.name)
    else seen.live.delete(peer.name)
    this.live += seen.live.size
    if ("link" in peer) seen.listed.add(peer.name)
    else seen.listed.delete(peer.name)
  }
}
