/**
 * Frames to bytes (docs/protocol.md, section "Frames").
 */
import * as Frame from "../protocol/Frame.ts"
import * as ControlFrames from "./ControlFrames.ts"
import * as Layout from "./Layout.ts"
import * as Traffic from "./Traffic.ts"

/**
 * Payloads from here on are not copied next to their header but handed to the network as they are. Below it
 * the copy is cheaper than one more buffer in the write.
 */
export const largePayload = 4096

/** The bytes of a Data frame before its payload. */
export const dataHeadBytes = (frame: Frame.Data): number =>
  Layout.headerBytes +
  Layout.dataFixedBytes +
  (hasTotal(frame) ? Layout.dataTotalBytes : 0) +
  (frame.confirm === undefined ? 0 : Layout.dataConfirmBytes) +
  (frame.trace === undefined ? 0 : Frame.traceBytes)

/** All bytes of a Data frame on the wire. */
export const dataBytes = (frame: Frame.Data): number => dataHeadBytes(frame) + frame.payload.length

const hasTotal = (frame: Frame.Data): boolean => frame.first && !frame.last

const defect = (frame: Frame.Frame, why: string): never => {
  throw new RangeError(`${frame._tag} cannot be sent: ${why}`)
}

const isU16 = (n: number): boolean => (n & 0xffff) === n

const isU32 = (n: number): boolean => n >>> 0 === n

/**
 * One whole frame in one array.
 *
 * Throws a `RangeError` for a frame with a field out of bounds, which is a defect of the caller, and for an
 * Update, SyncDigest or SyncDelta beyond the largest frame: those go through `Chunk.split` first.
 */
export const encode = (frame: Frame.Frame): Uint8Array => {
  switch (frame._tag) {
    case "Data": {
      checkData(frame)
      const bytes = new Uint8Array(dataBytes(frame))
      const head = writeDataHead(frame, new DataView(bytes.buffer), 0)
      bytes.set(frame.payload, head)
      return bytes
    }
    case "Ping":
    case "Pong":
    case "Credit":
    case "Taken": {
      const bytes = new Uint8Array(fixedBytes(frame))
      writeFixed(frame, new DataView(bytes.buffer), 0)
      return bytes
    }
    default:
      return encodeCbor(frame)
  }
}

/** Gives an array of at least so many bytes, with anything in it, at the begin of its buffer. */
export type Allocate = (size: number) => Uint8Array

const allocateNew: Allocate = (size) => new Uint8Array(size)

/**
 * Appends the bytes of the frames to `out`, in order. All headers, control frames and small payloads share one
 * buffer, which is asked for once; payloads of {@link largePayload} bytes and more are put in between as they are.
 * None of it must be changed until it is written. The frames are counted in `traffic`.
 */
export const encodeInto = (
  frames: ReadonlyArray<Frame.Frame>,
  out: Array<Uint8Array>,
  traffic: Traffic.Traffic = Traffic.make(),
  allocate: Allocate = allocateNew,
): void => {
  const encoded: Array<Uint8Array> = []
  let size = 0
  for (const frame of frames) {
    switch (frame._tag) {
      case "Data": {
        checkData(frame)
        const head = dataHeadBytes(frame)
        const whole = head + frame.payload.length
        size += isLarge(frame) ? head : whole
        Traffic.count(traffic, Layout.kinds.Data, whole)
        break
      }
      case "Ping":
      case "Pong":
      case "Credit":
      case "Taken": {
        const whole = fixedBytes(frame)
        size += whole
        Traffic.count(traffic, Layout.kinds[frame._tag], whole)
        break
      }
      default: {
        const bytes = encodeCbor(frame)
        encoded.push(bytes)
        size += bytes.length
        Traffic.count(traffic, Layout.kinds[frame._tag], bytes.length)
      }
    }
  }
  if (size === 0) return
  const buffer = allocate(size)
  const view = new DataView(buffer.buffer)
  let start = 0
  let pos = 0
  let nextEncoded = 0
  for (const frame of frames) {
    switch (frame._tag) {
      case "Data":
        pos = writeDataHead(frame, view, pos)
        if (isLarge(frame)) {
          out.push(buffer.subarray(start, pos), frame.payload)
          start = pos
        } else {
          buffer.set(frame.payload, pos)
          pos += frame.payload.length
        }
        break
      case "Ping":
      case "Pong":
      case "Credit":
      case "Taken":
        pos = writeFixed(frame, view, pos)
        break
      default: {
        const bytes = encoded[nextEncoded++]
        if (bytes !== undefined) {
          buffer.set(bytes, pos)
          pos += bytes.length
        }
      }
    }
  }
  if (pos > start) out.push(buffer.subarray(start, pos))
}

const isLarge = (frame: Frame.Data): boolean => frame.payload.length >= largePayload

const encodeCbor = (frame: ControlFrames.CborFrame): Uint8Array => {
  const body = ControlFrames.encode(frame)
  const length = body.length + 1
  if (length > Layout.maxFrameBytes) defect(frame, `${length} bytes are more than one frame holds`)
  const bytes = new Uint8Array(Layout.headerBytes + body.length)
  writeHeader(new DataView(bytes.buffer), 0, length, Layout.kinds[frame._tag])
  bytes.set(body, Layout.headerBytes)
  return bytes
}

const writeHeader = (view: DataView, pos: number, length: number, kind: number): number => {
  view.setUint32(pos, length)
  view.setUint8(pos + Layout.lengthBytes, kind)
  return pos + Layout.headerBytes
}

/** The frames of a fixed size. */
type FixedFrame = Frame.Ping | Frame.Pong | Frame.Credit | Frame.Taken

const bodyBytes: { readonly [Tag in FixedFrame["_tag"]]: number } = {
  Ping: Layout.heartbeatBytes,
  Pong: Layout.heartbeatBytes,
  Credit: Layout.creditBytes,
  Taken: Layout.takenBytes,
}

const fixedBytes = (frame: FixedFrame): number => Layout.headerBytes + bodyBytes[frame._tag]

const writeFixed = (frame: FixedFrame, view: DataView, start: number): number => {
  const pos = writeHeader(view, start, fixedBytes(frame) - Layout.lengthBytes, Layout.kinds[frame._tag])
  if (frame._tag === "Taken") {
    if (!isU16(frame.lane) || !isU32(frame.id)) defect(frame, "lane is 16 bits and id 32")
    view.setUint16(pos, frame.lane)
    view.setUint32(pos + 2, frame.id)
    return pos + Layout.takenBytes
  }
  if (frame._tag === "Credit") {
    if (!isU16(frame.lane) || !isU32(frame.bytes)) defect(frame, "lane is 16 bits and bytes 32")
    view.setUint16(pos, frame.lane)
    view.setUint32(pos + 2, frame.bytes)
    return pos + Layout.creditBytes
  }
  if (!isU32(frame.seq) || !isU16(frame.lag)) defect(frame, "seq is 32 bits and lag 16")
  view.setUint32(pos, frame.seq)
  view.setBigUint64(pos + 4, frame.viewHash)
  view.setUint16(pos + 12, frame.lag)
  return pos + Layout.heartbeatBytes
}

const checkData = (frame: Frame.Data): void => {
  if (!isU16(frame.lane)) defect(frame, "lane is 16 bits")
  if (frame.payload.length > Frame.maxFragmentBytes) {
    defect(frame, `a payload is at most ${Frame.maxFragmentBytes} bytes`)
  }
  if (frame.abort && (frame.first || frame.last || frame.payload.length > 0)) {
    defect(frame, "abort stands alone")
  }
  if (!frame.first && (frame.confirm !== undefined || frame.trace !== undefined)) {
    defect(frame, "confirm and trace are for the first fragment")
  }
  if (frame.confirm !== undefined && !isU32(frame.confirm)) defect(frame, "confirm is 32 bits")
  if (frame.trace !== undefined && frame.trace.length !== Frame.traceBytes) {
    defect(frame, `trace is ${Frame.traceBytes} bytes`)
  }
  if (hasTotal(frame)) {
    if (frame.total === undefined || !isU32(frame.total) || frame.total <= frame.payload.length) {
      defect(frame, "total is 32 bits and more than the payload")
    }
  } else if (frame.total !== undefined) {
    defect(frame, "total is for the first of several fragments")
  }
}

const writeDataHead = (frame: Frame.Data, view: DataView, start: number): number => {
  let pos = writeHeader(view, start, dataBytes(frame) - Layout.lengthBytes, Layout.kinds.Data)
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
