/**
 * What all nodes of a simulation saw and heard, kept outside of them, and what of it contradicts the promises of the
 * membership and of the messages (docs/protocol.md). Each promise is checked where it can first be broken.
 */
import type { ClusterEvent, View } from "@coterie/core/ClusterEvent"
import { apply, emptyView } from "@coterie/core/ClusterEvent"
import type { Peer } from "@coterie/core/Peer"
import * as DeliveryLog from "./DeliveryLog.ts"

/** One life of one node, as it sees the others. */
export interface Observer {
  readonly name: string
  /** What the events add up to. */
  view: View
  readonly events: Array<ClusterEvent>
}

export interface ClusterRecorder {
  /** A new life of a node. */
  readonly observer: (name: string) => Observer
  readonly event: (observer: Observer, event: ClusterEvent) => void
  /** What is said and heard. */
  readonly ledger: DeliveryLog.DeliveryLog
  /** The view that the node itself gives, to be compared with the folded one of the same version. */
  readonly viewed: (observer: Observer, view: View) => void
  /** A queue of the node holds more than it may. */
  readonly exceeded: (observer: Observer, queue: string, size: number) => void
  /** The node says that another one broke the protocol, and all are honest. */
  readonly violated: (observer: Observer, code: string) => void
  /** What contradicts a promise. */
  readonly wrong: ReadonlyArray<string>
  /** How often each event was seen, by all. */
  readonly counts: ReadonlyMap<string, number>
}

const life = (peer: Pick<Peer, "name" | "generation">): string => `${peer.name}#${peer.generation}`

/** Events about a member that must be in the view, and events that bring one in. */
const aboutMembers = new Set([
  "Left",
  "Suspected",
  "Failed",
  "MetadataChanged",
  "Unreachable",
  "Reachable",
  "Disconnected",
])

export const make = (): ClusterRecorder => {
  const wrong: Array<string> = []
  const ledger = DeliveryLog.make((what) => void wrong.push(what))
  const counts = new Map<string, number>()
  /** What is over for an observer: lives that left, and the newest life of each name. */
  const leftOf = new WeakMap<Observer, Set<string>>()
  const newestOf = new WeakMap<Observer, Map<string, number>>()

  const check = (holds: boolean, observer: Observer, promise: string, event: ClusterEvent): void => {
    if (!holds) wrong.push(`${observer.name}: ${promise}: ${JSON.stringify(event)}`)
  }

  /** What begins and ends, and has not ended yet for an observer. */
  const openOf = new WeakMap<Observer, Set<string>>()
  const opposite = new Map([
    ["Reconnected", "Isolated"],
    ["PartitionHealed", "PartitionSuspected"],
  ])

  const checkOpen = (observer: Observer, event: ClusterEvent): void => {
    const open = openOf.get(observer)
    const begun = opposite.get(event._tag)
    if (begun !== undefined) check(open?.delete(begun) === true, observer, `${event._tag} comes after ${begun}`, event)
    if (event._tag !== "Isolated" && event._tag !== "PartitionSuspected") return
    check(open?.has(event._tag) === false, observer, `${event._tag} is told once until it is over`, event)
    open?.add(event._tag)
  }

  const checkPeer = (observer: Observer, event: Extract<ClusterEvent, { readonly peer: Peer }>): void => {
    const { _tag, peer } = event
    const known = observer.view.peers.get(peer.name)
    const left = leftOf.get(observer)
    const newest = newestOf.get(observer)
    if (left === undefined || newest === undefined) return
    check(peer.name !== observer.name, observer, "no node is its own peer", event)
    if (aboutMembers.has(_tag)) check(known !== undefined, observer, `${_tag} is told only of a member`, event)
    if (_tag === "Joined") {
      check(known === undefined, observer, "a member does not join again", event)
      check(peer.link !== "down", observer, "nobody is a member whom nobody reaches", event)
    }
    if (_tag === "Replaced") {
      check(event.old.generation < peer.generation, observer, "a life is replaced only by a newer one", event)
    } else {
      check(
        known === undefined || known.generation === peer.generation,
        observer,
        "only Replaced changes the generation",
        event,
      )
    }
    check((newest.get(peer.name) ?? 0) <= peer.generation, observer, "no older life comes back", event)
    newest.set(peer.name, Math.max(newest.get(peer.name) ?? 0, peer.generation))
    if (_tag === "Left") left.add(life(peer))
    else check(!left.has(life(peer)), observer, "a life that left is gone for good", event)
    if (_tag === "Failed") {
      check(known?.link !== "up", observer, "no peer with a live link is called failed", event)
      check(known?.status === "suspect", observer, "nobody is failed who was not suspected", event)
    }
  }

  return {
    observer: (name) => {
      const observer: Observer = { name, view: emptyView, events: [] }
      ledger.begin(observer)
      leftOf.set(observer, new Set())
      newestOf.set(observer, new Map())
      openOf.set(observer, new Set())
      return observer
    },
    event: (observer, event) => {
      counts.set(event._tag, (counts.get(event._tag) ?? 0) + 1)
      check(
        (event._tag === "Snapshot") === (observer.events.length === 0),
        observer,
        "the first event is the snapshot, and no other one is",
        event,
      )
      if ("peer" in event) checkPeer(observer, event)
      checkOpen(observer, event)
      observer.events.push(event)
      observer.view = apply(observer.view, event)
    },
    ledger,
    viewed: (observer, view) => {
      if (view.version !== observer.view.version) return
      // The view is made of the peers of the events, so there is mostly nothing to look into.
      const [mine, its] = [observer.view.peers, view.peers]
      if (mine.size === its.size && [...mine].every(([name, peer]) => its.get(name) === peer)) return
      const [a, b] = [mine, its].map((peers) => JSON.stringify([...peers].sort()))
      if (a !== b) wrong.push(`${observer.name}: events add up to ${a}, and the view is ${b}`)
    },
    exceeded: ({ name }, queue, size) => {
      wrong.push(`${name}: ${queue}: ${size} is beyond its bound`)
    },
    violated: ({ name }, code) => {
      wrong.push(`${name} ended a link because the peer broke the protocol: ${code}`)
    },
    wrong,
    counts,
  }
}
