import { assert, describe, it } from "@effect/vitest"
import * as Tracer from "effect/Tracer"
import * as Trace from "../../src/internal/trace.ts"

const traceId = "0af7651916cd43dd8448eb211c80319c"
const spanId = "b7ad6b7169203331"

const span = (fields: Partial<Parameters<typeof Tracer.externalSpan>[0]> = {}) =>
  Tracer.externalSpan({ traceId, spanId, sampled: true, ...fields })

describe("the binary form of a span", () => {
  it("is trace id, span id and flags, in 25 bytes", () => {
    const bytes = Trace.encode(span())
    assert.strictEqual(Buffer.from(bytes ?? []).toString("hex"), traceId + spanId + "01")
    assert.strictEqual(Trace.encode(span({ sampled: false }))?.[24], 0)
  })

  it("is decoded to the same ids and the same sampling decision", () => {
    for (const sampled of [true, false]) {
      const bytes = Trace.encode(span({ sampled })) ?? assert.fail("the ids are valid")
      const decoded = Trace.decode(bytes)
      assert.deepInclude(decoded, { traceId, spanId, sampled })
    }
  })

  it("ignores undefined flags", () => {
    const bytes = Trace.encode(span({ sampled: false })) ?? assert.fail("the ids are valid")
    bytes[24] = 0xfe
    assert.isFalse(Trace.decode(bytes).sampled)
    bytes[24] = 0xff
    assert.isTrue(Trace.decode(bytes).sampled)
  })

  it("does not exist for ids of other tracers", () => {
    for (const ids of [
      { traceId: "short" },
      { spanId: "short" },
      { traceId: traceId.slice(2) },
      { traceId: traceId + "00" },
      { spanId: spanId + "00" },
      // The total length is valid, but the boundary between the ids is not.
      { traceId: traceId + "00", spanId: spanId.slice(2) },
      { traceId: "z".repeat(32) },
      { traceId: "", spanId: "" },
    ]) {
      assert.isUndefined(Trace.encode(span(ids)), JSON.stringify(ids))
    }
  })
})
