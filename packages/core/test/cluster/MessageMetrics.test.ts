import { assert, it } from "@effect/vitest"
import { MessageMetrics } from "../../src/cluster/MessageMetrics.ts"
import { count, makeMetrics } from "./metricsSupport.ts"

it("messages are counted by outcome", () => {
  const { metrics, valueOf } = makeMetrics()
  const messages = new MessageMetrics(metrics, 8)
  messages.confirmed("ConfirmTimeout")
  messages.lost("orders", "sliding")
  messages.deadLetter("orders")
  messages.skipped("orders")
  messages.readerFailed("orders")
  assert.deepStrictEqual(valueOf("coterie_confirmations_total", { outcome: "ConfirmTimeout" }), count(1))
  assert.deepStrictEqual(valueOf("coterie_confirmations_total", { outcome: "taken" }), count(0))
  assert.deepStrictEqual(valueOf("coterie_dropped_messages_total", { lane: "orders" }), count(1))
  assert.deepStrictEqual(valueOf("coterie_dead_letters_total", { lane: "orders" }), count(1))
  assert.deepStrictEqual(valueOf("coterie_skipped_messages_total", { lane: "orders" }), count(1))
  assert.deepStrictEqual(valueOf("coterie_reader_failures_total", { lane: "orders" }), count(1))
})

it("messages are counted by lane and direction, and the lanes beyond the bound together", () => {
  const { metrics, registry, valueOf } = makeMetrics()
  const messages = new MessageMetrics(metrics, 2)
  for (let i = 0; i < 3; i++) messages.sent.of("orders").add(10)
  messages.received.of("orders").add(7)
  messages.received.of("").add(1)
  for (let i = 0; i < 100; i++) messages.sent.of(`lane ${i}`).add(1)
  messages.publishFailed("orders", "SlowPeer")
  messages.publishFailed("lane 5", "SlowPeer")
  messages.deadLetter("lane 6")
  const expected: ReadonlyArray<readonly [string, Record<string, string>, number]> = [
    ["coterie_messages_total", { lane: "orders", direction: "out" }, 3],
    ["coterie_message_bytes_total", { lane: "orders", direction: "out" }, 30],
    ["coterie_message_bytes_total", { lane: "orders", direction: "in" }, 7],
    ["coterie_messages_total", { lane: "", direction: "in" }, 1],
    ["coterie_messages_total", { lane: "other", direction: "out" }, 100],
    ["coterie_publish_failures_total", { lane: "orders", reason: "SlowPeer" }, 1],
    ["coterie_publish_failures_total", { lane: "other", reason: "SlowPeer" }, 1],
    ["coterie_dead_letters_total", { lane: "other" }, 1],
  ]
  for (const [id, labels, sum] of expected) assert.deepStrictEqual(valueOf(id, labels), count(sum), id)
  assert.isBelow(registry.size, 20)
})
