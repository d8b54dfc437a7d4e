import { assert, it } from "@effect/vitest"
import * as Tracer from "effect/Tracer"
import * as Trace from "../../src/internal/trace.ts"
import { ReceivedMessage } from "../../src/messaging/ReceivedMessage.ts"

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
