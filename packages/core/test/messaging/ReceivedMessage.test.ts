import { assert, describe, it } from "@effect/vitest"
import * as Tracer from "effect/Tracer"
import * as Trace from "../../src/internal/trace.ts"
import { release } from "../../src/Message.ts"
import * as Received from "../../src/messaging/ReceivedMessage.ts"

const { ReceivedMessage } = Received

const from = { name: "peer", generation: 1 }

it("decodes its payload as UTF-8, and invalid bytes as U+FFFD", () => {
  assert.strictEqual(new ReceivedMessage(from, 1, new TextEncoder().encode("grüße"), undefined).text, "grüße")
  assert.strictEqual(new ReceivedMessage(from, 1, Uint8Array.of(0xff), undefined).text, "\ufffd")
})

it("has the span of its sender, if the sender sent one", () => {
  const span = Tracer.externalSpan({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" })
  const received = new ReceivedMessage(from, 1, new Uint8Array(0), Trace.encode(span))
  assert.strictEqual(received.span?.traceId, span.traceId)
  assert.strictEqual(received.span?.spanId, span.spanId)
  assert.isUndefined(new ReceivedMessage(from, 1, new Uint8Array(0), undefined).span)
})

describe("a message that is released", () => {
  const received = (payload: Uint8Array, isOwned = true) =>
    Received.make(from, 1, { payload, cost: 0, confirm: undefined, trace: undefined, isOwned })

  it("has an empty payload whose memory is free, and stays so when it is released again", () => {
    const payload = new Uint8Array(100_000)
    const message = received(payload)
    for (let i = 0; i < 2; i++) {
      release(message)
      assert.strictEqual(message.payload.length, 0)
      assert.strictEqual(payload.buffer.byteLength, 0)
      assert.strictEqual(message.text, "")
    }
  })

  it("keeps a payload that others may have, that is a part of a buffer, or that is small", () => {
    const payloads = [
      received(new Uint8Array(100_000), false),
      received(new Uint8Array(100_000).subarray(1)),
      received(new Uint8Array(1_000)),
    ]
    for (const message of payloads) {
      const { length } = message.payload
      release(message)
      assert.strictEqual(message.payload.length, length)
    }
  })
})
