/**
 * Gauges of a node: members, links, health, and the queues with their bounds (docs/metrics.md).
 */
import * as Member from "../membership/Member.ts"
import type { Peer } from "../Peer.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import { identityLabel, identityLabels } from "./LinkMetrics.ts"
import type { ObservedMetrics } from "./ObservedMetrics.ts"
import * as Queues from "./queues.ts"

/** Parts of a node that the gauges read. */
export interface Sources extends Queues.Sources {
  readonly loop: Pick<MembershipLoop, "state" | "waiting" | "largestShare">
  readonly links: Pick<LinkManager, "all" | "current" | "gauges">
}

const statuses: ReadonlyArray<ReturnType<typeof Member.localStatus>> = ["alive", "suspect", "failed"]

const linkStates: ReadonlyArray<Peer["link"]> = ["up", "indirect", "down"]

/** Quantiles of the round-trip times in the registry: the median and the maximum. */
const roundTripQuantiles: ReadonlyArray<number> = [0.5, 1]

/** Adds the gauges of a node to the registry. */
export const show = (metrics: ObservedMetrics, node: Sources): void => {
  showMembers(metrics, node)
  showRoundTrips(metrics, node)
  showQueues(metrics, node)
}

const showMembers = (metrics: ObservedMetrics, { links, loop }: Sources): void => {
  for (const status of statuses) {
    metrics.gauge("coterie_members", "Peers that this node knows, by status.", { status }, () =>
      countIf(loop.state().members.values(), (member) => !member.disconnected && Member.localStatus(member) === status),
    )
  }
  for (const state of linkStates) {
    metrics.gauge("coterie_links", "Members by the state of the link to them.", { state }, () =>
      countIf(loop.state().view.peers.values(), ({ link }) => link === state),
    )
  }
  for (const identity of identityLabels) {
    metrics.gauge("coterie_link_identities", "Links by the proof of the peer.", { identity }, () =>
      countIf(links.all(), (link) => identityLabel(link.identity) === identity),
    )
  }
  metrics.gauge(
    "coterie_view_hashes",
    "Number of different views among this node and its peers. 1 if all agree.",
    {},
    () => {
      const hashes = new Set([loop.state().viewHash])
      for (const link of links.all()) hashes.add(link.gauges().viewHash)
      return hashes.size
    },
  )
  metrics.gauge(
    "coterie_health",
    "Local health: distrust of this node in its own timing, from 0 (healthy) to 7.",
    {},
    () => loop.state().health,
  )
  metrics.gauge(
    "coterie_event_loop_lag_seconds",
    "Delay of the last timers of this process.",
    {},
    () => Queues.most(links, ({ lag }) => lag) / 1_000,
  )
}

const showRoundTrips = (metrics: ObservedMetrics, { links }: Sources): void => {
  for (const quantile of roundTripQuantiles) {
    const labels = { quantile: String(quantile) }
    metrics.gauge("coterie_rtt_seconds", "Round-trip time of the measured links.", labels, () => {
      const times: Array<number> = []
      for (const link of links.all()) {
        const { rtt } = link.gauges()
        if (rtt !== undefined) times.push(rtt)
      }
      return quantileOf(times, quantile) / 1_000
    })
  }
}

/** Returns a quantile of the numbers by the nearest rank. Returns 0 for an empty list. */
const quantileOf = (numbers: ReadonlyArray<number>, quantile: number): number =>
  [...numbers].sort((a, b) => a - b)[Math.ceil(quantile * numbers.length) - 1] ?? 0

const showQueues = (metrics: ObservedMetrics, node: Sources): void => {
  for (const { limit, name, read } of Queues.ofNode) {
    const labels = { queue: name }
    metrics.gauge("coterie_queue_size", "Current size of a bounded queue.", labels, () => read(node))
    metrics.gauge("coterie_queue_limit", "Limit of a bounded queue.", labels, () => limit(node.limits))
  }
}

const countIf = <A>(items: Iterable<A>, test: (item: A) => boolean): number => {
  let total = 0
  for (const item of items) if (test(item)) total++
  return total
}
