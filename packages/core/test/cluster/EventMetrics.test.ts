import { assert, it } from "@effect/vitest"
import { EventMetrics } from "../../src/cluster/EventMetrics.ts"
import { initial } from "../peering/support.ts"
import { count, makeMetrics } from "./metricsSupport.ts"

it("events are counted by kind, and suspicions twice", () => {
  const { metrics, valueOf } = makeMetrics()
  const events = new EventMetrics(metrics)
  events.event({ _tag: "Isolated" })
  assert.deepStrictEqual(valueOf("coterie_events_total", { event: "Isolated" }), count(1))
  assert.deepStrictEqual(valueOf("coterie_events_total", { event: "Joined" }), count(0))
  assert.deepStrictEqual(valueOf("coterie_suspicions_total"), count(0))
})

it("a higher incarnation counts as a refutation, unless this node changed or is another life", () => {
  const { metrics, valueOf } = makeMetrics()
  const events = new EventMetrics(metrics)
  const { self } = initial
  events.changed({ self: { ...self, incarnation: 1 } }, { self })
  assert.deepStrictEqual(valueOf("coterie_refutations_total"), count(1))
  events.changed({ self: { ...self, incarnation: 1, body: { ...self.body } } }, { self })
  events.changed({ self: { ...self, incarnation: 1, generation: self.generation + 1 } }, { self })
  events.changed({ self }, { self })
  assert.deepStrictEqual(valueOf("coterie_refutations_total"), count(1))
})
