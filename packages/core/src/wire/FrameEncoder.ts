/**
 * Encodes frames into bytes (docs/protocol.md, section "Frames"): one frame into one array, or a batch of frames into
 * the chunks of one write.
 */
import * as Protocol from "../protocol/constants.ts"
import type * as Frame from "../protocol/Frame.ts"
import * as FrameTable from "./FrameTable.ts"
import * as Layout from "./Layout.ts"
import * as Traffic from "./Traffic.ts"

/**
 * Minimum size of a payload that is passed to the network without a copy. Below this size a copy next to the header is
 * cheaper than one more buffer in the write.
 */
export const largePayload = 4096

/** Size of the head of a Data frame with a complete message and no optional field, which most frames are. */
const plainHeadBytes = Layout.headerBytes + Layout.dataFixedBytes

/** Last four bytes of such a head for lane 0: the kind, the lane and the flags. */
const plainHead = (FrameTable.dataKind << 24) | Layout.flags.first | Layout.flags.last

const isPlain = ({ abort, confirm, first, last, total, trace }: Frame.Data): boolean =>
  first && last && !abort && total === undefined && confirm === undefined && trace === undefined

/** Returns the number of bytes of a Data frame before its payload. */
export const dataHeadBytes = (frame: Frame.Data): number =>
  Layout.headerBytes +
  Layout.dataFixedBytes +
  (hasTotal(frame) ? Layout.dataTotalBytes : 0) +
  (frame.confirm === undefined ? 0 : Layout.dataConfirmBytes) +
  (frame.trace === undefined ? 0 : Protocol.traceBytes)

/** Returns the number of bytes of a Data frame. */
export const dataBytes = (frame: Frame.Data): number => dataHeadBytes(frame) + frame.payload.length

const hasTotal = (frame: Frame.Data): boolean => frame.first && !frame.last

const defect = (why: string): never => {
  throw new RangeError(`Data cannot be sent: ${why}`)
}

/**
 * Returns the bytes of one frame.
 *
 * Throws a `RangeError` for a frame with a field out of bounds, which is a defect of the caller. Also throws for an
 * Update, SyncDigest, SyncDelta or LaneOpen beyond the largest frame; `FrameSplitter.split` must split these first.
 */
export const encode = (frame: Frame.Frame): Uint8Array => {
  if (frame._tag === "Data") {
    checkData(frame)
    const bytes = new Uint8Array(dataBytes(frame))
    const head = writeDataHead(frame, new DataView(bytes.buffer), 0)
    bytes.set(frame.payload, head)
    return bytes
  }
  const body = FrameTable.bodyOf(frame._tag)
  if (body.body === "cbor") return encodeCbor(frame, body)
  const bytes = new Uint8Array(Layout.headerBytes + body.bytes)
  writeFixed(frame, body, new DataView(bytes.buffer), 0)
  return bytes
}

/** Returns an array of at least `size` bytes with arbitrary content, at the beginning of its buffer. */
export type Allocate = (size: number) => Uint8Array

const allocateNew: Allocate = (size) => new Uint8Array(size)

/** Handles a control frame and its size in bytes. */
export type OnControl = (frame: Frame.ControlFrame, bytes: number) => void

const ignore: OnControl = () => undefined

/**
 * Appends the bytes of the frames to `out`, in order, and counts the frames in `traffic`. All headers, control frames
 * and small payloads share one buffer from `allocate`. Payloads of at least {@link largePayload} bytes are inserted
 * without a copy. `onControl` is called for each control frame. The caller must not change any of the arrays until they
 * are written. Throws like {@link encode}.
 */
export const encodeInto = (
  frames: ReadonlyArray<Frame.Frame>,
  out: Array<Uint8Array>,
  traffic: Traffic.Traffic = Traffic.make(),
  allocate: Allocate = allocateNew,
  onControl: OnControl = ignore,
): void => {
  const encoded: Array<Uint8Array> = []
  const size = measure(frames, encoded, traffic, onControl)
  if (size === 0) return
  const buffer = allocate(size)
  const view = new DataView(buffer.buffer)
  let start = 0
  let pos = 0
  let nextEncoded = 0
  for (const frame of frames) {
    if (frame._tag === "Data") {
      pos = writeDataHead(frame, view, pos)
      if (isLarge(frame)) {
        out.push(buffer.subarray(start, pos), frame.payload)
        start = pos
      } else {
        buffer.set(frame.payload, pos)
        pos += frame.payload.length
      }
      continue
    }
    const body = FrameTable.bodyOf(frame._tag)
    if (body.body === "fixed") {
      pos = writeFixed(frame, body, view, pos)
      continue
    }
    const bytes = encoded[nextEncoded++]
    if (bytes !== undefined) {
      buffer.set(bytes, pos)
      pos += bytes.length
    }
  }
  if (pos > start) out.push(buffer.subarray(start, pos))
}

/**
 * Checks and counts the frames, encodes the CBOR frames into `encoded`, and returns the size of the buffer that {@link
 * encodeInto} needs.
 */
const measure = (
  frames: ReadonlyArray<Frame.Frame>,
  encoded: Array<Uint8Array>,
  traffic: Traffic.Traffic,
  onControl: OnControl,
): number => {
  let size = 0
  for (const frame of frames) {
    if (frame._tag === "Data") {
      checkData(frame)
      const head = isPlain(frame) ? plainHeadBytes : dataHeadBytes(frame)
      const whole = head + frame.payload.length
      size += isLarge(frame) ? head : whole
      Traffic.count(traffic, FrameTable.dataKind, whole)
      continue
    }
    const body = FrameTable.bodyOf(frame._tag)
    let whole: number
    if (body.body === "fixed") whole = Layout.headerBytes + body.bytes
    else {
      const bytes = encodeShared(frame, body)
      encoded.push(bytes)
      whole = bytes.length
    }
    size += whole
    Traffic.count(traffic, body.kind, whole)
    onControl(frame, whole)
  }
  return size
}

const isLarge = (frame: Frame.Data): boolean => frame.payload.length >= largePayload

/** Encoded Updates, by their identity. Gossip sends one Update to many peers, and a frame is immutable. */
const encodedUpdates = new WeakMap<Frame.Update, Uint8Array>()

/** Returns the bytes of a frame with a CBOR body, which the caller must not change. Encodes an Update only once. */
const encodeShared = (frame: Frame.ControlFrame, body: FrameTable.CborBody): Uint8Array => {
  if (frame._tag !== "Update") return encodeCbor(frame, body)
  const known = encodedUpdates.get(frame)
  if (known !== undefined) return known
  const bytes = encodeCbor(frame, body)
  encodedUpdates.set(frame, bytes)
  return bytes
}

const encodeCbor = (frame: Frame.ControlFrame, body: FrameTable.CborBody): Uint8Array => {
  const content = body.write(frame)
  const length = content.length + 1
  if (length > Layout.maxFrameBytes) {
    throw new RangeError(`${frame._tag} cannot be sent: ${length} bytes exceed the maximum of one frame`)
  }
  const bytes = new Uint8Array(Layout.headerBytes + content.length)
  writeHeader(new DataView(bytes.buffer), 0, length, body.kind)
  bytes.set(content, Layout.headerBytes)
  return bytes
}

const writeHeader = (view: DataView, pos: number, length: number, kind: number): number => {
  view.setUint32(pos, length)
  view.setUint8(pos + Layout.lengthBytes, kind)
  return pos + Layout.headerBytes
}

const writeFixed = (frame: Frame.ControlFrame, body: FrameTable.FixedBody, view: DataView, start: number): number => {
  const pos = writeHeader(view, start, body.bytes + 1, body.kind)
  body.write(frame, view, pos)
  return pos + body.bytes
}

const checkData = (frame: Frame.Data): void => {
  if (!Layout.isU16(frame.lane)) defect("lane is 16 bits")
  if (frame.payload.length > Protocol.maxFragmentBytes) {
    defect(`a payload is at most ${Protocol.maxFragmentBytes} bytes`)
  }
  if (isPlain(frame)) return
  if (frame.abort && (frame.first || frame.last || frame.payload.length > 0)) {
    defect("abort excludes other flags and a payload")
  }
  if (!frame.first && (frame.confirm !== undefined || frame.trace !== undefined)) {
    defect("confirm and trace belong to the first fragment")
  }
  if (frame.confirm !== undefined && !Layout.isU32(frame.confirm)) defect("confirm is 32 bits")
  if (frame.trace !== undefined && frame.trace.length !== Protocol.traceBytes) {
    defect(`trace is ${Protocol.traceBytes} bytes`)
  }
  if (hasTotal(frame)) {
    if (frame.total === undefined || !Layout.isU32(frame.total) || frame.total <= frame.payload.length) {
      defect("total is 32 bits and more than the payload")
    }
  } else if (frame.total !== undefined) {
    defect("total belongs to the first of several fragments")
  }
}

const writeDataHead = (frame: Frame.Data, view: DataView, start: number): number => {
  if (isPlain(frame)) {
    view.setUint32(start, frame.payload.length + plainHeadBytes - Layout.lengthBytes)
    view.setUint32(start + Layout.lengthBytes, plainHead | (frame.lane << 8))
    return start + plainHeadBytes
  }
  let pos = writeHeader(view, start, dataBytes(frame) - Layout.lengthBytes, FrameTable.dataKind)
  view.setUint16(pos, frame.lane)
  view.setUint8(
    pos + 2,
    (frame.first ? Layout.flags.first : 0) |
      (frame.last ? Layout.flags.last : 0) |
      (frame.abort ? Layout.flags.abort : 0) |
      (frame.confirm === undefined ? 0 : Layout.flags.confirm) |
      (frame.trace === undefined ? 0 : Layout.flags.trace),
  )
  pos += Layout.dataFixedBytes
  if (hasTotal(frame)) {
    view.setUint32(pos, frame.total ?? 0)
    pos += Layout.dataTotalBytes
  }
  if (frame.confirm !== undefined) {
    view.setUint32(pos, frame.confirm)
    pos += Layout.dataConfirmBytes
  }
  if (frame.trace !== undefined) {
    for (const byte of frame.trace) view.setUint8(pos++, byte)
  }
  return pos
}
