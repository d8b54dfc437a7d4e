/**
 * Encoding of the span that a message carries: trace id, span id and flags of W3C Trace Context, section 3.2, in bytes.
 */
import * as Hex from "effect/encoding/Hex"
import * as Result from "effect/Result"
import * as Tracer from "effect/Tracer"

const traceIdBytes = 16
const spanIdBytes = 8
const sampled = 1

/** Encodes a span. Returns `undefined` if its ids do not follow W3C Trace Context. */
export const encode = (span: Tracer.AnySpan): Uint8Array | undefined => {
  const ids = Hex.decode(span.traceId + span.spanId)
  if (Result.isFailure(ids) || span.spanId.length !== 2 * spanIdBytes) return undefined
  if (ids.success.length !== traceIdBytes + spanIdBytes) return undefined
  const bytes = new Uint8Array(ids.success.length + 1)
  bytes.set(ids.success)
  bytes[ids.success.length] = span.sampled ? sampled : 0
  return bytes
}

/** Decodes a span. */
export const decode = (bytes: Uint8Array): Tracer.ExternalSpan =>
  Tracer.externalSpan({
    traceId: Hex.encode(bytes.subarray(0, traceIdBytes)),
    spanId: Hex.encode(bytes.subarray(traceIdBytes, traceIdBytes + spanIdBytes)),
    sampled: ((bytes[traceIdBytes + spanIdBytes] ?? 0) & sampled) !== 0,
  })
