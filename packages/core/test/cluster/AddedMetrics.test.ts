import { assert, describe, it } from "@effect/vitest"
import { AddedMetrics } from "../../src/cluster/AddedMetrics.ts"
import { MessageMetrics } from "../../src/cluster/MessageMetrics.ts"
import { count, makeMetrics } from "./metricsSupport.ts"

const make = (lanes = 2) => {
  const { metrics, registry, valueOf } = makeMetrics()
  const messages = new MessageMetrics(metrics, lanes)
  return { added: new AddedMetrics(metrics, (lane) => messages.laneLabel(lane)), messages, metrics, registry, valueOf }
}

describe("metrics that packages add", () => {
  it("exist from the start with the labels of the node", () => {
    const { added, valueOf } = make()
    const labels = { service: "work" }
    const counter = added.counter({ id: "requests", description: "", labels })
    const gauge = added.gauge({ id: "in flight", description: "", labels })
    const histogram = added.histogram({ id: "seconds", description: "", labels, boundaries: [1, 2] })
    assert.deepStrictEqual(valueOf("requests", { node: "a", service: "work" }), count(0))
    counter.increment()
    counter.increment()
    gauge.add(3)
    gauge.add(-1)
    histogram.record(1.5)
    assert.deepStrictEqual(valueOf("requests", labels), count(2))
    assert.deepStrictEqual(valueOf("in flight", labels), { value: 2 })
    assert.deepInclude(valueOf("seconds", labels), {
      count: 1,
      sum: 1.5,
      buckets: [
        [1, 0],
        [2, 1],
      ],
    })
  })

  it("are one series for all users of an id with the same labels", () => {
    const { added, registry, valueOf } = make()
    const before = registry.size
    added.counter({ id: "requests", description: "", labels: { a: "1", b: "2" } }).increment()
    added.counter({ id: "requests", description: "", labels: { b: "2", a: "1" } }).increment()
    added.gauge({ id: "in flight", description: "", labels: {} }).add(1)
    added.gauge({ id: "in flight", description: "", labels: {} }).add(1)
    const histogram = { id: "seconds", description: "", labels: {}, boundaries: [1] }
    for (let i = 0; i < 2; i++) added.histogram(histogram).record(0.5)
    assert.deepStrictEqual(valueOf("requests"), count(2))
    assert.deepStrictEqual(valueOf("in flight"), { value: 2 })
    assert.deepInclude(valueOf("seconds"), { count: 2 })
    assert.strictEqual(registry.size - before, 3)
    added.counter({ id: "requests", description: "", labels: { a: "2", b: "2" } }).increment()
    assert.deepStrictEqual(valueOf("requests", { a: "2" }), count(1))
  })

  it("are computed when they are read, until they are removed", () => {
    const { added, registry, valueOf } = make()
    const before = registry.size
    let size = 1
    const labels = { a: "1", b: "2" }
    const remove = added.observe({ id: "size", description: "", labels, read: () => size })
    size = 2
    assert.deepStrictEqual(valueOf("size", { node: "a", ...labels }), { value: 2 })
    remove()
    assert.strictEqual(registry.size, before)
    remove()
    added.observe({ id: "size", description: "", labels, read: () => 3 })
    remove()
    assert.deepStrictEqual(valueOf("size", labels), { value: 3 })
  })

  it("that are computed replace those with the same id and labels", () => {
    const { added, registry, valueOf } = make()
    const before = registry.size
    const removeFirst = added.observe({ id: "size", description: "", labels: { a: "1", b: "2" }, read: () => 1 })
    const remove = added.observe({ id: "size", description: "", labels: { b: "2", a: "1" }, read: () => 2 })
    removeFirst()
    assert.deepStrictEqual(valueOf("size"), { value: 2 })
    remove()
    assert.strictEqual(registry.size, before)
  })

  it("end with the node", () => {
    const { added, metrics, registry } = make()
    const counter = added.counter({ id: "requests", description: "", labels: {} })
    metrics.end()
    counter.increment()
    added.gauge({ id: "in flight", description: "", labels: {} }).add(1)
    added.observe({ id: "size", description: "", labels: {}, read: () => 1 })()
    assert.strictEqual(registry.size, 0)
  })

  it("share the labels of lanes with the metrics of messages", () => {
    const { added, messages, valueOf } = make()
    messages.sent.of("orders").add(1)
    assert.strictEqual(added.laneLabel("orders"), "orders")
    assert.strictEqual(added.laneLabel("prices"), "prices")
    assert.strictEqual(added.laneLabel("news"), "other")
    assert.strictEqual(added.laneLabel("prices"), "prices")
    messages.sent.of("prices").add(1)
    messages.sent.of("weather").add(1)
    const shown = (lane: string) => valueOf("coterie_messages_total", { direction: "out", lane })
    assert.deepStrictEqual([shown("prices"), shown("other")], [count(1), count(1)])
  })
})
