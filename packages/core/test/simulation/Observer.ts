import * as Equal from "effect/Equal"
import type { ClusterEvent, View } from "@coterie/core/ClusterEvent"
import { apply, makeView } from "@coterie/core/ClusterEvent"
import type { Peer, PeerDescription } from "@coterie/core/Peer"

/** Events that require an existing member. */
const aboutMembers = new Set([
  "Left",
  "Suspected",
  "Failed",
  "MetadataChanged",
  "Unreachable",
  "Reachable",
  "Disconnected",
])

/** Events that no node emits about a healthy peer to which it has a live link. */
const harm: ReadonlySet<string> = new Set(["Suspected", "Failed", "Left", "Replaced", "Unreachable", "Disconnected"])

/** Events with which a node reports that it stopped. */
const ends: ReadonlySet<string> = new Set(["Superseded"])

/** Events that end a condition, with the events that start it. */
const beginningOf = new Map([
  ["Reconnected", "Isolated"],
  ["PartitionHealed", "PartitionSuspected"],
])

const keyOf = (peer: Pick<Peer, "name" | "generation">): string => `${peer.name}#${peer.generation}`

type PeerEvent = Extract<ClusterEvent, { readonly peer: PeerDescription }>

export interface Options {
  readonly name: string
  /** `true` if some members break the protocol and send false reports about others. */
  readonly hasBabblers: boolean
  /** Returns `true` if this node is healthy and reaches the other healthy nodes. */
  readonly isHealthy: (name: string) => boolean
  /** Reports a broken guarantee. */
  readonly complain: (wrong: string) => void
  /** Counts an event of any observer. */
  readonly count: (tag: ClusterEvent["_tag"]) => void
}

/**
 * Observer of one life of one node, with its events about its peers. It checks each guarantee at the first event that
 * can break it.
 */
export class Observer {
  readonly name: string
  /** Fold of all events, which begin with a snapshot. */
  view: View
  readonly events: Array<ClusterEvent> = []
  private readonly options: Options
  /** Lives of peers that left. */
  private readonly left = new Set<string>()
  /** Newest generation of each peer. */
  private readonly newest = new Map<string, number>()
  /** Conditions that have started and not ended. */
  private readonly open = new Set<string>()

  constructor(options: Options) {
    this.name = options.name
    const self = { name: options.name, generation: 0, addresses: [], metadata: {} } as const
    this.view = makeView({ self: { ...self, status: "alive", link: "up" } })
    this.options = options
  }

  record(event: ClusterEvent): void {
    this.options.count(event._tag)
    const isFirst = this.events.length === 0
    this.check((event._tag === "Snapshot") === isFirst, "the first event and no other is the snapshot", event)
    if ("peer" in event) this.checkPeer(event)
    this.checkHealthy(event)
    this.checkOpen(event)
    this.events.push(event)
    this.view = apply(this.view, event)
  }

  /** Compares the node's own view with the fold of the events, if both have the same version. */
  compareView(view: View): void {
    if (view.version !== this.view.version) return
    // The view consists of the peers of the events, so comparing identity is usually enough.
    const [folded, own] = [this.view.peers, view.peers]
    const isSame = this.view.self === view.self && this.view.isolated === view.isolated && folded.size === own.size
    if (isSame && [...folded].every(([name, peer]) => own.get(name) === peer)) return
    if (Equal.equals(view, this.view)) return
    const [a, b] = [this.view, view].map((each) => JSON.stringify({ ...each, peers: [...each.peers.values()] }))
    this.options.complain(`${this.name}: the events add up to ${a}, but the view is ${b}`)
  }

  /** Reports that a queue of the node exceeds its limit. */
  reportQueue(queue: string, size: number): void {
    this.options.complain(`${this.name}: ${queue}: ${size} exceeds its limit`)
  }

  /**
   * Reports that the node ended a link for a violation of the protocol, which is a defect if all nodes follow the
   * protocol.
   */
  reportViolation(code: string): void {
    if (!this.options.hasBabblers)
      this.options.complain(`${this.name} ended a link because the peer broke the protocol: ${code}`)
  }

  private check(holds: boolean, guarantee: string, event: ClusterEvent): void {
    if (!holds) this.options.complain(`${this.name}: ${guarantee}: ${JSON.stringify(event)}`)
  }

  private checkOpen(event: ClusterEvent): void {
    const beginning = beginningOf.get(event._tag)
    if (beginning !== undefined)
      this.check(this.open.delete(beginning), `${event._tag} comes after ${beginning}`, event)
    if (event._tag !== "Isolated" && event._tag !== "PartitionSuspected") return
    this.check(!this.open.has(event._tag), `${event._tag} is emitted once until it is over`, event)
    this.open.add(event._tag)
  }

  private checkHealthy(event: ClusterEvent): void {
    const { isHealthy } = this.options
    if (!isHealthy(this.name)) return
    this.check(!ends.has(event._tag), "a healthy node does not stop", event)
    if (!("peer" in event) || !isHealthy(event.peer.name)) return
    this.check(!harm.has(event._tag), `no healthy node emits ${event._tag} about a healthy peer`, event)
  }

  private checkPeer(event: PeerEvent): void {
    const { _tag, peer } = event
    const known = this.view.peers.get(peer.name)
    this.check(peer.name !== this.name, "no node is its own peer", event)
    if (aboutMembers.has(_tag)) this.check(known !== undefined, `${_tag} is emitted only for a member`, event)
    if (_tag === "Joined") {
      this.check(known === undefined, "a member does not join again", event)
      this.check(event.peer.link !== "down", "a peer joins only if this node or another member reaches it", event)
    }
    this.checkGeneration(event, known)
    if (_tag === "Left") this.left.add(keyOf(peer))
    // A node without a link to a peer may believe a babbler's report that the peer left, until the peer refutes it.
    else if (!this.options.hasBabblers) this.checkReturn(event)
    if (_tag === "Failed") {
      this.check(known?.link !== "up", "no peer with a live link is called failed", event)
      this.check(known?.status === "suspect", "only a suspected member is called failed", event)
    }
  }

  /**
   * A handshake that began before another member reported the leave may complete after it. The life leaves again on that
   * link.
   */
  private checkReturn(event: PeerEvent): void {
    const key = keyOf(event.peer)
    const isByHandshake = event._tag === "Joined" && event.peer.link === "up"
    if (isByHandshake) this.left.delete(key)
    this.check(!this.left.has(key), "a life that left returns only by a handshake", event)
  }

  private checkGeneration(event: PeerEvent, known: Peer | undefined): void {
    const { peer } = event
    if (event._tag === "Replaced") {
      this.check(event.old.generation < peer.generation, "a life is replaced only by a newer life", event)
    } else {
      const isSame = known === undefined || known.generation === peer.generation
      this.check(isSame, "only Replaced changes the generation", event)
    }
    const newest = this.newest.get(peer.name) ?? 0
    const isByHandshake = event._tag === "Joined" && event.peer.link === "up"
    // A node whose clock was set back before its restart, and that first meets a peer without its tombstone, is such a life.
    this.check(isByHandshake || newest <= peer.generation, "an older life returns only by a handshake", event)
    this.newest.set(peer.name, isByHandshake ? peer.generation : Math.max(newest, peer.generation))
  }
}
