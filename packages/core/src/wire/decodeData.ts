/**
 * Decodes the bodies of Data frames (docs/protocol.md, section "Fixed bodies").
 */
import { maxFragmentBytes, traceBytes } from "../protocol/constants.ts"
import type * as Frame from "../protocol/Frame.ts"
import { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import type { Chunk } from "./Chunk.ts"
import * as Layout from "./Layout.ts"

/** Maximum size of the part of a Data body before the payload, in bytes. */
export const maxDataHeadBytes = Layout.dataFixedBytes + Layout.dataTotalBytes + Layout.dataConfirmBytes + traceBytes

/** Maximum size of a Data body, in bytes. */
export const maxDataBytes = maxDataHeadBytes + maxFragmentBytes

/**
 * Returns the memory for the payload of a frame that has not arrived completely: an array of `bytes` bytes with
 * arbitrary content. `total` is the length of the message, in the first of several fragments.
 */
export type Place = (
  head: Pick<Frame.Data, "lane" | "first" | "last">,
  total: number | undefined,
  bytes: number,
) => Uint8Array

/**
 * Decodes the body of a Data frame from `start` to `end` of the chunk. If the body extends beyond the chunk, `place`
 * returns the array of the payload, which the decoder fills.
 */
export const decodeData = (chunk: Chunk, start: number, end: number, place?: Place): Frame.Data | ProtocolViolation => {
  const { view } = chunk
  const lane = view.getUint16(start)
  const bits = view.getUint8(start + 2)
  if ((bits & ~Layout.knownFlags) !== 0) return new ProtocolViolation("malformed", "Data with reserved flags")
  const first = (bits & Layout.flags.first) !== 0
  const last = (bits & Layout.flags.last) !== 0
  const abort = (bits & Layout.flags.abort) !== 0
  let from = start + Layout.dataFixedBytes
  if (abort && (bits !== Layout.flags.abort || from !== end))
    return new ProtocolViolation("malformed", "Data with abort and other content")
  // The most common frame has no field except the payload.
  if (bits <= Layout.flags.abort && (!first || last)) {
    if (end - from > maxFragmentBytes) return tooLarge(end - from)
    return {
      _tag: "Data",
      lane,
      first,
      last,
      abort,
      payload: place === undefined ? chunk.payload(from, end) : place({ lane, first, last }, undefined, end - from),
    }
  }
  const confirms = (bits & Layout.flags.confirm) !== 0
  const isTraced = (bits & Layout.flags.trace) !== 0
  if (!first && (confirms || isTraced))
    return new ProtocolViolation("malformed", "Data with confirm or trace that is not a first fragment")
  const hasTotal = first && !last
  const head =
    (hasTotal ? Layout.dataTotalBytes : 0) + (confirms ? Layout.dataConfirmBytes : 0) + (isTraced ? traceBytes : 0)
  if (end - from < head) return new ProtocolViolation("malformed", "Data that ends before its payload")
  const size = end - from - head
  if (size > maxFragmentBytes) return tooLarge(size)
  let total: number | undefined
  let confirm: number | undefined
  let trace: Uint8Array | undefined
  if (hasTotal) {
    total = view.getUint32(from)
    from += Layout.dataTotalBytes
    if (total <= size) return new ProtocolViolation("malformed", "Data with a total that does not exceed its payload")
  }
  if (confirms) {
    confirm = view.getUint32(from)
    from += Layout.dataConfirmBytes
  }
  if (isTraced) {
    trace = chunk.bytes.slice(from, from + traceBytes)
    from += traceBytes
  }
  const payload = place === undefined ? chunk.payload(from, end) : place({ lane, first, last }, total, end - from)
  return {
    _tag: "Data",
    lane,
    first,
    last,
    abort,
    ...(total === undefined ? {} : { total }),
    ...(confirm === undefined ? {} : { confirm }),
    ...(trace === undefined ? {} : { trace }),
    payload,
  }
}

const tooLarge = (size: number): ProtocolViolation => new ProtocolViolation("oversize", `a payload of ${size} bytes`)
