/**
 * Counters of the events of a node, and of its refutations (docs/metrics.md).
 */
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import type { State } from "../membership/State.ts"
import type { Counter, CounterFamily, ObservedMetrics } from "./ObservedMetrics.ts"

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
  "SlowPeer",
]

export class EventMetrics {
  private readonly events: CounterFamily
  private readonly refutations: Counter

  constructor(metrics: ObservedMetrics) {
    this.events = metrics.counters("coterie_events_total", "Events that the application could see.")
    for (const event of foreseenEvents) this.events.with({ event })
    const suspected = this.events.with({ event: "Suspected" })
    metrics.counter("coterie_suspicions_total", "Members that this node began to suspect.", {}, () => suspected.count)
    this.refutations = metrics
      .counters(
        "coterie_refutations_total",
        "Times that this node was taken for suspect or failed, heard of it, and refuted it.",
      )
      .with({})
  }

  /** Counts an event. */
  event({ _tag }: ViewChange | Notice): void {
    this.events.with({ event: _tag }).count++
  }

  /** Counts a refutation, if that is what the step of membership was. */
  changed({ self }: Pick<State, "self">, before: Pick<State, "self">): void {
    // With a new body it is news of its own; with a new generation, another life.
    const { body, generation, incarnation } = before.self
    if (self.incarnation > incarnation && self.body === body && self.generation === generation) {
      this.refutations.count++
    }
  }
}
