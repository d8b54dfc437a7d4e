import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as ObservedMetrics from "../../src/cluster/ObservedMetrics.ts"
import { count, makeMetrics } from "./metricsSupport.ts"

describe("observed metrics", () => {
  it("compute their value when it is read", () => {
    const { metrics, valueOf } = makeMetrics()
    let value = 1
    metrics.gauge("size", "", {}, () => value)
    value = 2
    assert.deepStrictEqual(valueOf("size", { node: "a" }), { value: 2 })
  })

  it("include a sum once, from its first request", () => {
    const { metrics, registry, valueOf } = makeMetrics()
    const sums = metrics.counters("events", "")
    assert.strictEqual(registry.size, 0)
    sums.with({ event: "Joined" }).count++
    sums.with({ event: "Joined" }).count++
    assert.strictEqual(registry.size, 1)
    assert.deepStrictEqual(valueOf("events", { event: "Joined" }), count(2))
  })

  it("have one key for the same labels in any order, and another key for other labels", () => {
    const { keyOf } = ObservedMetrics
    assert.strictEqual(keyOf("m", { a: "1", b: "2" }), keyOf("m", { b: "2", a: "1" }))
    const others = [
      { a: "1" },
      { a: "1", b: "" },
      { a: "12" },
      { a: "1 1:b1:2" },
      { a: "1", b: "2 1:c0:" },
      { ab: "12" },
    ]
    assert.strictEqual(new Set(others.map((labels) => keyOf("m", labels))).size, others.length)
  })

  it("leave the registry at the end, and add nothing after it", () => {
    const { metrics, registry } = makeMetrics()
    metrics.gauge("size", "", {}, () => 1)
    metrics.end()
    metrics.gauge("size", "", {}, () => 1)
    assert.strictEqual(registry.size, 0)
  })

  it("keep a series that a newer node has replaced", () => {
    const { metrics, registry } = makeMetrics()
    metrics.gauge("size", "", {}, () => 1)
    new ObservedMetrics.ObservedMetrics(registry, { node: "a" }).gauge("size", "", {}, () => 2)
    metrics.end()
    assert.strictEqual(registry.size, 1)
  })

  it.effect("end with their scope, and have the labels of the context", () =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      const scope = yield* Scope.make()
      const metrics = yield* ObservedMetrics.make({ node: "a" }).pipe(
        Scope.provide(scope),
        Effect.provideService(Metric.MetricRegistry, registry),
        Effect.provideService(Metric.CurrentMetricAttributes, { region: "eu" }),
      )
      metrics.gauge("size", "", {}, () => 1)
      assert.deepStrictEqual([...registry.values()][0]?.attributes, { region: "eu", node: "a" })
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(registry.size, 0)
    }),
  )
})
