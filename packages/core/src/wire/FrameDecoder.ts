/**
 * Bytes to frames, however the network cuts them (docs/protocol.md, section "Frames").
 *
 * A length is checked against the limit of the phase before anything is allocated for it. A frame that lies
 * whole in one chunk is decoded where it is; one that crosses a border is copied once, into an array of its
 * own. Nothing throws: bytes that are not frames give a {@link ProtocolViolation.ProtocolViolation}, once and for good.
 */
import * as Frame from "../protocol/Frame.ts"
import { detachBuffer } from "../internal/detachBuffer.ts"
import * as ControlFrames from "./ControlFrames.ts"
import { largePayload } from "./FrameEncoder.ts"
import * as Layout from "./Layout.ts"
import * as Traffic from "./Traffic.ts"
import * as ProtocolViolation from "../protocol/ProtocolViolation.ts"

export interface FrameDecoder {
  /**
   * Appends the frames that the chunk completes to `out`, and says what is wrong if something is. Frames
   * before the fault are in `out`. After a fault every call returns it again and appends nothing.
   *
   * With `atMost`, stops after so many frames and keeps the rest of the chunk: the next call goes on with it,
   * also if it brings no bytes. That is how the link changes the limit between two frames of one chunk.
   *
   * The chunk is the decoder's from now on, which gives its memory back when no payload lies in it. Payloads of Data are
   * views: of 4 KiB and more, into the chunk; smaller ones, into a copy of at most {@link slabBytes} around them, so that
   * one small message that somebody keeps does not keep a whole chunk.
   */
  readonly feed: (
    chunk: Uint8Array,
    out: Array<Frame.Frame>,
    atMost?: number,
  ) => ProtocolViolation.ProtocolViolation | undefined
  /** Sets another limit for frames whose header is not read yet, and lifts the limit of the total. */
  readonly limit: (maxFrameBytes: number) => void
  /** Whether bytes are held that are no frame yet. Never after a fault. */
  readonly isPartial: () => boolean
}

export interface Options {
  /** The largest length that a header may say. */
  readonly maxFrameBytes: number
  /** The most bytes that all frames may have together until {@link FrameDecoder.limit} is called. */
  readonly maxTotalBytes?: number | undefined
  /** Counts the frames. */
  readonly traffic?: Traffic.Traffic | undefined
}

/** The limits before the handshake is complete. */
export const handshakeLimits: Options = {
  maxFrameBytes: Layout.maxHandshakeBytes,
  maxTotalBytes: Layout.maxHandshakeBytes,
}

export const make = (options: Options): FrameDecoder => {
  let maxFrameBytes = options.maxFrameBytes
  let totalLeft = options.maxTotalBytes ?? Infinity
  const traffic = options.traffic ?? Traffic.make()
  let error: ProtocolViolation.ProtocolViolation | undefined
  // What of a header came before the border of a chunk.
  const head = new Uint8Array(Layout.headerBytes)
  const headView = new DataView(head.buffer)
  let headFilled = 0
  // The body that crosses a border, its kind and size, and how much of it is there. Of Data it is first what may be the head,
  // and then the payload of the frame.
  let body: Uint8Array | undefined
  let bodyKind = 0
  let bodySize = 0
  let bodyFilled = 0
  let data: Frame.Data | undefined
  // How much of an ignorable frame is still to pass.
  let skip = 0
  // What `atMost` left over.
  let rest: Uint8Array = empty

  const fail = (problem: ProtocolViolation.ProtocolViolation): ProtocolViolation.ProtocolViolation => {
    error = problem
    body = undefined
    data = undefined
    headFilled = 0
    return problem
  }

  /** Data of which so much is there, the whole head and not the whole payload: the payload gets an array of its own. */
  const beginData = (source: Source, from: number): ProtocolViolation.ProtocolViolation | undefined => {
    const frame = decodeData(source, from, from + bodySize, ownPayload)
    if (frame._tag === "WireError") return frame
    const { payload } = frame
    const begin = source.bytes.subarray(from + bodySize - payload.length)
    payload.set(begin)
    data = frame
    body = payload
    bodyFilled = begin.length
    return undefined
  }

  const feed: FrameDecoder["feed"] = (chunk, out, atMost = Infinity) => {
    if (error !== undefined) return error
    const bytes = rest.length === 0 ? plain(chunk) : chunk.length === 0 ? rest : concat(rest, chunk)
    rest = empty
    const source = sourceOf(bytes)
    const { view } = source
    const end = bytes.length
    const full = out.length + atMost
    let pos = 0
    while (pos < end) {
      if (out.length >= full) {
        rest = bytes.subarray(pos)
        return undefined
      }
      if (skip > 0) {
        const n = Math.min(skip, end - pos)
        skip -= n
        pos += n
        continue
      }
      if (body !== undefined) {
        const n = Math.min(body.length - bodyFilled, end - pos)
        body.set(bytes.subarray(pos, pos + n), bodyFilled)
        bodyFilled += n
        pos += n
        if (bodyFilled < body.length) continue
        const whole = body
        if (whole.length < bodySize && data === undefined) {
          const problem = beginData(sourceOf(whole), 0)
          if (problem !== undefined) return fail(problem)
          continue
        }
        const frame = data ?? decodeBody(bodyKind, sourceOf(whole), 0, whole.length)
        body = undefined
        data = undefined
        if (frame._tag === "WireError") return fail(frame)
        Traffic.count(traffic, bodyKind, Layout.headerBytes + bodySize)
        out.push(frame)
        continue
      }
      let length: number
      let kind: number
      if (headFilled === 0 && end - pos >= Layout.headerBytes) {
        length = view.getUint32(pos)
        kind = view.getUint8(pos + Layout.lengthBytes)
        pos += Layout.headerBytes
      } else {
        head[headFilled++] = view.getUint8(pos++)
        if (headFilled < Layout.lengthBytes) continue
        length = headView.getUint32(0)
        if (headFilled === Layout.lengthBytes) {
          // The length is judged without waiting for the kind, which a length of zero does not have.
          const problem = lengthProblem(length, maxFrameBytes, totalLeft)
          if (problem !== undefined) return fail(problem)
          continue
        }
        kind = headView.getUint8(Layout.lengthBytes)
        headFilled = 0
      }
      const problem = lengthProblem(length, maxFrameBytes, totalLeft) ?? kindProblem(kind, length - 1)
      if (problem !== undefined) return fail(problem)
      totalLeft -= Layout.lengthBytes + length
      const size = length - 1
      if (kind >= Layout.firstIgnorableKind) {
        skip = size
        Traffic.count(traffic, Traffic.unknownKind, Layout.headerBytes + size)
      } else if (end - pos >= size) {
        const frame = decodeBody(kind, source, pos, pos + size)
        if (frame._tag === "WireError") return fail(frame)
        Traffic.count(traffic, kind, Layout.headerBytes + size)
        out.push(frame)
        pos += size
      } else {
        bodyKind = kind
        bodySize = size
        if (kind === Layout.kinds.Data && end - pos >= maxDataHeadBytes) {
          const problem = beginData(source, pos)
          if (problem !== undefined) return fail(problem)
        } else {
          body = new Uint8Array(kind === Layout.kinds.Data ? Math.min(size, maxDataHeadBytes) : size)
          body.set(bytes.subarray(pos))
          bodyFilled = end - pos
        }
        pos = end
      }
    }
    if (!source.isViewed) detachBuffer(bytes)
    return undefined
  }

  return {
    feed,
    limit: (bytes) => {
      maxFrameBytes = bytes
      totalLeft = Infinity
    },
    isPartial: () => headFilled > 0 || body !== undefined || skip > 0 || rest.length > 0,
  }
}

const empty: Uint8Array = new Uint8Array(0)

/**
 * The same bytes as a plain `Uint8Array`. Node's `Buffer` is one by type, but its `slice` is a view, and it
 * would travel up to the application as a payload.
 */
const plain = (bytes: Uint8Array): Uint8Array =>
  bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

const lengthProblem = (
  length: number,
  max: number,
  totalLeft: number,
): ProtocolViolation.ProtocolViolation | undefined => {
  if (length === 0) return ProtocolViolation.make("malformed", "a frame of length 0")
  if (length > max) return ProtocolViolation.make("oversize", `a frame of ${length} bytes; the limit is ${max}`)
  if (Layout.lengthBytes + length > totalLeft) {
    return ProtocolViolation.make("oversize", "more bytes than the handshake may have")
  }
  return undefined
}

/** What can be said about a frame from its kind and the size of its body, before the body is there. */
const kindProblem = (kind: number, size: number): ProtocolViolation.ProtocolViolation | undefined => {
  switch (kind) {
    case Layout.kinds.Data:
      if (size < Layout.dataFixedBytes) return ProtocolViolation.make("malformed", `a Data body of ${size} bytes`)
      return size > maxDataBytes ? ProtocolViolation.make("oversize", `a Data body of ${size} bytes`) : undefined
    case Layout.kinds.Ping:
    case Layout.kinds.Pong:
      return size === Layout.heartbeatBytes
        ? undefined
        : ProtocolViolation.make("malformed", `a heartbeat body of ${size} bytes`)
    case Layout.kinds.Taken:
      return size === Layout.takenBytes
        ? undefined
        : ProtocolViolation.make("malformed", `a Taken body of ${size} bytes`)
    case Layout.kinds.Credit:
      return size === Layout.creditBytes
        ? undefined
        : ProtocolViolation.make("malformed", `a Credit body of ${size} bytes`)
    default:
      return ControlFrames.isCborKind(kind) || kind >= Layout.firstIgnorableKind
        ? undefined
        : ProtocolViolation.make("unexpectedFrame", `a frame of the unknown kind ${kind}`)
  }
}

/** The most that can come before the payload in a body of Data. */
const maxDataHeadBytes = Layout.dataFixedBytes + Layout.dataTotalBytes + Layout.dataConfirmBytes + Frame.traceBytes

/** The largest body of Data. */
const maxDataBytes = maxDataHeadBytes + Frame.maxFragmentBytes

const decodeBody = (
  kind: number,
  source: Source,
  start: number,
  end: number,
): Frame.Frame | ProtocolViolation.ProtocolViolation => {
  const { view } = source
  switch (kind) {
    case Layout.kinds.Data:
      return decodeData(source, start, end, payloadOf)
    case Layout.kinds.Taken:
      return { _tag: "Taken", lane: view.getUint16(start), id: view.getUint32(start + 2) }
    case Layout.kinds.Credit:
      return { _tag: "Credit", lane: view.getUint16(start), bytes: view.getUint32(start + 2) }
    case Layout.kinds.Ping:
    case Layout.kinds.Pong:
      return {
        _tag: kind === Layout.kinds.Ping ? "Ping" : "Pong",
        seq: view.getUint32(start),
        viewHash: view.getBigUint64(start + 4),
        lag: view.getUint16(start + 12),
      }
    default:
      return ControlFrames.decode(kind, source.bytes.subarray(start, end))
  }
}

const decodeData = (
  source: Source,
  start: number,
  end: number,
  payloadOf: (source: Source, from: number, end: number) => Uint8Array,
): Frame.Data | ProtocolViolation.ProtocolViolation => {
  const { view } = source
  const lane = view.getUint16(start)
  const bits = view.getUint8(start + 2)
  if ((bits & ~Layout.knownFlags) !== 0) return ProtocolViolation.make("malformed", "Data with reserved flags")
  const first = (bits & Layout.flags.first) !== 0
  const last = (bits & Layout.flags.last) !== 0
  const abort = (bits & Layout.flags.abort) !== 0
  let from = start + Layout.dataFixedBytes
  if (abort && (bits !== Layout.flags.abort || from !== end))
    return ProtocolViolation.make("malformed", "Data with abort and more")
  // The common frame: one of a message that carries nothing but its payload.
  if (bits <= Layout.flags.abort && (!first || last)) {
    if (end - from > Frame.maxFragmentBytes) return tooLarge(end - from)
    return { _tag: "Data", lane, first, last, abort, payload: payloadOf(source, from, end) }
  }
  const confirms = (bits & Layout.flags.confirm) !== 0
  const isTraced = (bits & Layout.flags.trace) !== 0
  if (!first && (confirms || isTraced))
    return ProtocolViolation.make("malformed", "Data with confirm or trace and not the first")
  const hasTotal = first && !last
  const head =
    (hasTotal ? Layout.dataTotalBytes : 0) +
    (confirms ? Layout.dataConfirmBytes : 0) +
    (isTraced ? Frame.traceBytes : 0)
  if (end - from < head) return ProtocolViolation.make("malformed", "Data that ends before its payload")
  const size = end - from - head
  if (size > Frame.maxFragmentBytes) return tooLarge(size)
  let total: number | undefined
  let confirm: number | undefined
  let trace: Uint8Array | undefined
  if (hasTotal) {
    total = view.getUint32(from)
    from += Layout.dataTotalBytes
    if (total <= size) return ProtocolViolation.make("malformed", "Data with a total that one fragment reaches")
  }
  if (confirms) {
    confirm = view.getUint32(from)
    from += Layout.dataConfirmBytes
  }
  if (isTraced) {
    trace = source.bytes.slice(from, from + Frame.traceBytes)
    from += Frame.traceBytes
  }
  const payload = payloadOf(source, from, end)
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

const tooLarge = (size: number): ProtocolViolation.ProtocolViolation =>
  ProtocolViolation.make("oversize", `a payload of ${size} bytes`)

/**
 * The most that a small payload keeps from being freed besides itself. One copy of this much serves many
 * small payloads; an array of its own for each costs ten times the rest of decoding.
 */
export const slabBytes = 8192

/** A chunk while it is decoded. */
interface Source {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly buffer: ArrayBufferLike
  /** Whether it is so small that what keeps a part of it may keep all of it. */
  readonly isSmall: boolean
  /** Whether a payload is a view of the chunk itself. */
  isViewed: boolean
  /** A copy of a stretch of it. */
  slab: ArrayBufferLike
  slabFrom: number
  slabTo: number
}

const sourceOf = (bytes: Uint8Array): Source => {
  const { buffer, byteLength, byteOffset } = bytes
  return {
    bytes,
    view: new DataView(buffer, byteOffset, byteLength),
    buffer,
    isSmall: buffer.byteLength <= slabBytes,
    isViewed: false,
    slab: buffer,
    slabFrom: 0,
    slabTo: 0,
  }
}

/** A payload that does not all lie in the source: an array of its own, with nothing in it yet. */
const ownPayload = (_: Source, from: number, end: number): Uint8Array => new Uint8Array(end - from)

/** A payload that lies in the source. */
const payloadOf = (source: Source, from: number, end: number): Uint8Array => {
  const size = end - from
  if (size === 0) return empty
  if (size >= largePayload || source.isSmall) {
    source.isViewed = true
    return new Uint8Array(source.buffer, source.bytes.byteOffset + from, size)
  }
  if (end > source.slabTo) {
    const slab = source.bytes.slice(from, from + slabBytes)
    source.slab = slab.buffer
    source.slabFrom = from
    source.slabTo = from + slab.length
  }
  return new Uint8Array(source.slab, from - source.slabFrom, size)
}
