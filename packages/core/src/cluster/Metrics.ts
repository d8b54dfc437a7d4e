/**
 * What an operator sees of a node (docs/metrics.md). Nothing here runs by itself: what is counted is a plain sum, what is
 * measured is looked at when somebody reads the metrics, and all of it is gone from the registry when the node is.
 */
import type { Clock } from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import { violationCodes } from "../protocol/ProtocolViolation.ts"
import { monotonicMillis } from "../internal/time.ts"
import type { Limits } from "../Limits.ts"
import type { Link } from "../link/Link.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import type { LinkObserver } from "../link/LinkObserver.ts"
import * as Member from "../membership/Member.ts"
import type { State } from "../membership/State.ts"
import type { Peer } from "../Peer.ts"
import * as FrameTable from "../wire/FrameTable.ts"
import * as Traffic from "../wire/Traffic.ts"
import type { EventHub } from "./EventHub.ts"
import * as ObservedMetrics from "./ObservedMetrics.ts"

/** Which node it is that a metric is of: on every one of them. */
export type Labels = { readonly cluster: string; readonly node: string }

export interface Metrics {
  /** What the links count into. */
  readonly tally: LinkObserver
  /** The application is told this. */
  readonly event: (event: ViewChange | Notice) => void
  /** What became of a message that was to be confirmed: `taken`, or the reason of the `SendError`. */
  readonly confirmed: (outcome: string) => void
  /** A message did not fit the buffer of a reader. */
  readonly dropped: (lane: string, strategy: string) => void
  /** A reader could not use a message. */
  readonly died: (lane: string) => void
  /** Membership took a step. */
  readonly changed: (state: State, before: State) => void
  /** Shows from now on what can be read off these. */
  readonly observe: (node: {
    readonly loop: MembershipLoop
    readonly links: LinkManager
    readonly hub: EventHub
    readonly limits: Limits
  }) => void
}

const statuses: ReadonlyArray<ReturnType<typeof Member.localStatus>> = ["alive", "suspect", "failed"]

const linkStates: ReadonlyArray<Peer["link"]> = ["up", "indirect", "down"]

/** Events that are shown from the start, so that the first of each is seen as an increase. Others are shown once they occur. */
const foreseenEvents: ReadonlyArray<(ViewChange | Notice)["_tag"]> = [
  "Joined",
  "Left",
  "Suspected",
  "Recovered",
  "Failed",
  "Replaced",
  "Unreachable",
  "Reachable",
  "Isolated",
  "Reconnected",
  "PartitionSuspected",
  "PartitionHealed",
]

/** In seconds: close where the policies of one machine, of a data centre and of several sites end up. */
const detectionBoundaries = [0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60]

export const make = Effect.fnUntraced(function* (
  labels: Labels,
  clock: Clock,
): Effect.fn.Return<Metrics, never, Scope.Scope> {
  const { counter, counters, gauge, show } = yield* ObservedMetrics.make(labels)

  // ---- what is counted ----

  const events = counters("coterie_events_total", "Events that the application could see.")
  for (const event of foreseenEvents) events({ event })
  const suspected = events({ event: "Suspected" })
  counter("coterie_suspicions_total", "Members that this node began to suspect.", {}, () => suspected.count)

  const refutations = counters(
    "coterie_refutations_total",
    "Times that this node was taken for suspect or failed, heard of it, and refuted it.",
  )({})

  const violations = counters(
    "coterie_violations_total",
    "Links that this node ended because the peer broke the protocol.",
  )
  for (const code of violationCodes) violations({ code })

  const connections = counters("coterie_connections_total", "Attempts to make a link, by how the handshake ended.")
  connections({ direction: "in", outcome: "up" })
  connections({ direction: "out", outcome: "up" })

  const confirmations = counters(
    "coterie_confirmations_total",
    "Messages that were to be confirmed, by what became of them.",
  )
  confirmations({ outcome: "taken" })
  const dropped = counters("coterie_dropped_messages_total", "Messages that did not fit the buffer of a reader.")
  const died = counters("coterie_dead_letters_total", "Messages that are not what their topic says.")

  const received = Traffic.make()
  const sent = Traffic.make()
  const kinds: ReadonlyArray<readonly [string, number]> = [
    ...Object.entries(FrameTable.kinds),
    ["unknown", Traffic.unknownKind],
  ]
  const directions = [
    ["in", received],
    ["out", sent],
  ] as const
  for (const [direction, { bytes, frames }] of directions) {
    for (const [kind, index] of kinds) {
      const more = { direction, kind }
      counter("coterie_frames_total", "Frames received and sent.", more, () => frames[index] ?? 0)
      counter("coterie_frame_bytes_total", "Bytes of these frames.", more, () => bytes[index] ?? 0)
    }
  }

  // ---- how long it takes to notice a failure ----

  // A registry of its own holds the histogram, for only so can its series be taken away again.
  const own = Context.make(Metric.MetricRegistry, new Map())
  const detection = Metric.histogram("coterie_detection_seconds", { boundaries: detectionBoundaries })
  show(
    "Histogram",
    detection.id,
    "Time from the last sign of life of a peer until this node called it failed.",
    {},
    () => detection.valueUnsafe(own),
  )

  let linkOf: (peer: Peer) => Link | undefined = () => undefined
  let isMember = (_: string): boolean => false
  let members = (): number => 0

  /** When a member whose link is over was last heard, by name. */
  const lastHeard = new Map<string, number>()

  const remember = (name: string, at: number): void => {
    if (!isMember(name)) return
    lastHeard.set(name, Math.max(at, lastHeard.get(name) ?? at))
    if (lastHeard.size <= members()) return
    for (const each of lastHeard.keys()) if (!isMember(each)) lastHeard.delete(each)
  }

  const detected = (peer: Peer): void => {
    const at = linkOf(peer)?.gauges().lastHeard ?? lastHeard.get(peer.name)
    if (at !== undefined) detection.updateUnsafe((monotonicMillis(clock) - at) / 1_000, own)
  }

  return {
    tally: {
      received,
      sent,
      connected: (direction, outcome) => {
        connections({ direction, outcome }).count++
      },
      ended: (link, end) => {
        remember(link.peer.name, link.gauges().lastHeard)
        if (end._tag === "ProtocolViolation") violations({ code: end.code }).count++
      },
    },
    event: (event) => {
      events({ event: event._tag }).count++
      if (event._tag === "Failed") detected(event.peer)
      // It may have been others who heard it.
      if (event._tag === "Recovered") remember(event.peer.name, monotonicMillis(clock))
    },
    confirmed: (outcome) => {
      confirmations({ outcome }).count++
    },
    dropped: (lane, strategy) => {
      dropped({ lane, strategy }).count++
    },
    died: (lane) => {
      died({ lane }).count++
    },
    changed: ({ self }, before) => {
      // With a new body it is news of its own; with a new generation, another life.
      const { body, generation, incarnation } = before.self
      if (self.incarnation > incarnation && self.body === body && self.generation === generation) refutations.count++
    },
    observe: ({ hub, limits, links, loop }) => {
      linkOf = ({ generation, name }) => {
        const link = links.current(name)
        return link?.peer.generation === generation ? link : undefined
      }
      isMember = (name) => loop.state().members.has(name)
      members = () => loop.state().members.size

      const countIf = <A>(items: Iterable<A>, test: (item: A) => boolean): number => {
        let total = 0
        for (const item of items) if (test(item)) total++
        return total
      }
      for (const status of statuses) {
        gauge("coterie_members", "Peers that this node knows, by status.", { status }, () =>
          countIf(
            loop.state().members.values(),
            (member) => !member.disconnected && Member.localStatus(member) === status,
          ),
        )
      }
      for (const state of linkStates) {
        gauge("coterie_links", "Members by the state of the link to them.", { state }, () =>
          countIf(loop.state().view.peers.values(), ({ link }) => link === state),
        )
      }
      gauge("coterie_view_hashes", "Different views among this node and its peers. 1: they agree.", {}, () => {
        const hashes = new Set([loop.state().viewHash])
        for (const link of links.all()) hashes.add(link.gauges().viewHash)
        return hashes.size
      })
      gauge("coterie_health", "How far this node distrusts itself, from 0 to 7.", {}, () => loop.state().health)

      const most = (read: (gauges: ReturnType<Link["gauges"]>) => number): number => {
        let found = 0
        for (const link of links.all()) found = Math.max(found, read(link.gauges()))
        return found
      }
      gauge(
        "coterie_event_loop_lag_seconds",
        "How late the last timers of this process were.",
        {},
        () => most(({ lag }) => lag) / 1_000,
      )

      const queue = (name: string, limit: number, read: () => number): void => {
        gauge("coterie_queue_size", "What waits in a bounded queue.", { queue: name }, read)
        gauge("coterie_queue_limit", "The bound of the queue.", { queue: name }, () => limit)
      }
      queue("membership", limits.membershipQueue, loop.waiting)
      queue("events", limits.eventBuffer, hub.waiting)
      queue("inbox_bytes", limits.inboxWindow, () => most(({ inbox }) => inbox))
      queue("lane_bytes", limits.laneWindow, () => most(({ lane }) => lane))
      queue("outbox_bytes", limits.outbox, () => most(({ data }) => data))
      queue("control_outbox", limits.controlOutbox, () => most(({ control }) => control))
      queue("links", limits.links, () => links.gauges().links)
      queue("handshakes", limits.handshakes, () => links.gauges().handshakes)
      queue("dials", limits.dials, () => links.gauges().dials)
    },
  }
})
