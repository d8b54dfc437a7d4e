import { assert, it } from "@effect/vitest"
import { MessageMetrics } from "../../src/cluster/MessageMetrics.ts"
import { count, makeMetrics } from "./metricsSupport.ts"

it("messages are counted by what became of them", () => {
  const { metrics, valueOf } = makeMetrics()
  const messages = new MessageMetrics(metrics)
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
