/**
 * Counters of the events of a node, and of its refutations (docs/metrics.md).
 */
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import type { State } from "../membership/State.ts"
import type { Counter, CounterFamily, ObservedMetrics } from "./ObservedMetrics.ts"

/**
 * Events whose series exist from the start, so that the first occurrence is seen as an increase. The series of other
 * events start with their first occurrence.
 */
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
  "SlowPeer",
]

export class EventMetrics {
  private readonly events: CounterFamily
  private readonly refutations: Counter

  constructor(metrics: ObservedMetrics) {
    this.events = metrics.counters("coterie_events_total", "Events that this node published.")
    for (const event of foreseenEvents) this.events.with({ event })
    const suspected = this.events.with({ event: "Suspected" })
    metrics.counter("coterie_suspicions_total", "Members that this node began to suspect.", {}, () => suspected.count)
    this.refutations = metrics
      .counters("coterie_refutations_total", "Accusations of this node as suspect or failed that it refuted.")
      .with({})
  }

  /** Counts an event. */
  event({ _tag }: ViewChange | Notice): void {
    this.events.with({ event: _tag }).count++
  }

  /** Counts a refutation, if the step of the membership was one. */
  changed({ self }: Pick<State, "self">, before: Pick<State, "self">): void {
    // A higher incarnation with a new body announces a change of this node. A new generation is another life.
    const { body, generation, incarnation } = before.self
    if (self.incarnation > incarnation && self.body === body && self.generation === generation) {
      this.refutations.count++
    }
  }
}
