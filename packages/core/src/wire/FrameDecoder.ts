/**
 * Decodes the bytes of a connection into frames. The bytes may arrive in chunks of any size (docs/protocol.md, section
 * "Frames").
 *
 * The decoder checks a length against the limit of the phase before it allocates memory for the frame. It decodes a
 * frame that lies completely in one chunk in place. It copies a frame that crosses a chunk boundary once, into a
 * separate array. The decoder never throws: bytes that are not frames produce a {@link ProtocolViolation}, which every
 * later call returns again.
 */
import { detachBuffer } from "../internal/detachBuffer.ts"
import type * as Frame from "../protocol/Frame.ts"
import { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import { Chunk } from "./Chunk.ts"
import { decodeData, maxDataBytes, maxDataHeadBytes, type Place } from "./decodeData.ts"
import * as FrameTable from "./FrameTable.ts"
import * as Layout from "./Layout.ts"
import * as Traffic from "./Traffic.ts"

export interface Options {
  /** Maximum length in the header of a frame. */
  readonly maxFrameBytes: number
  /** Maximum number of bytes of all frames together, until {@link FrameDecoder.raiseLimit} is called. */
  readonly maxTotalBytes?: number | undefined
  /** Counters of the decoded frames. */
  readonly traffic?: Traffic.Traffic | undefined
  /** `true` to free the memory of chunks without a payload. Defaults to `true`. */
  readonly detachBuffers?: boolean | undefined
}

/** Limits before the handshake is complete. */
export const handshakeLimits: Options = {
  maxFrameBytes: Layout.maxHandshakeBytes,
  maxTotalBytes: Layout.maxHandshakeBytes,
}

/** Receiver of Data frames, which takes each one as soon as it is decoded. */
export interface DataSink {
  /** Handles a frame. Returns the violation if the frame breaks a rule. */
  readonly receive: (frame: Frame.Data) => ProtocolViolation | undefined
  /**
   * Returns the memory for the payload of a frame that has not arrived completely. `undefined` if the payload gets an
   * array of its own.
   */
  readonly place: (...args: Parameters<Place>) => Uint8Array | undefined
}

/** State of the decoder within a frame. */
type Partial =
  /** Header of which `filled` bytes have arrived. */
  | { readonly _tag: "Header"; filled: number }
  /** Body that is copied into an array until the array is full. */
  | PartialBody
  /** Extension of which `left` bytes remain to be skipped. */
  | { readonly _tag: "Skipped"; left: number }

interface PartialBody {
  readonly _tag: "Body"
  readonly kind: number
  readonly size: number
  /** Array to fill: the body, or for Data first the head and then the payload of `data`. */
  bytes: Uint8Array
  filled: number
  /** Frame with `bytes` as payload. */
  data: Frame.Data | undefined
}

const empty: Uint8Array = new Uint8Array(0)

/** Position that methods of {@link FrameDecoder} return after a violation. */
const stop = -1 as const

/** Decoder of one direction of one connection. */
export class FrameDecoder {
  private maxFrameBytes: number
  private totalLeft: number
  private readonly traffic: Traffic.Traffic
  private readonly detaches: boolean
  private violation: ProtocolViolation | undefined
  private partial: Partial | undefined
  private sink: DataSink | undefined
  /** `true` if the sink may take the next Data frame, because no earlier frame waits in the list of {@link feed}. */
  private isDirect = false
  /** Number of frames that a sink has taken. */
  private taken = 0
  private sizes: Array<number> = []
  /** Bytes of a header that crosses a chunk boundary. */
  private header: DataView | undefined
  /** Remaining bytes of a chunk after `atMost` frames. */
  private rest: Uint8Array = empty

  constructor(options: Options) {
    this.maxFrameBytes = options.maxFrameBytes
    this.totalLeft = options.maxTotalBytes ?? Infinity
    this.traffic = options.traffic ?? Traffic.make()
    this.detaches = options.detachBuffers ?? true
  }

  /**
   * Appends the frames that the chunk completes to `out`. Returns the violation if there is one; frames before the
   * violation are in `out`. After a violation every call returns the violation again and appends nothing.
   *
   * With `atMost`, the decoder stops after that number of frames and keeps the rest of the chunk. The next call
   * continues with the rest, even if its chunk is empty. A link uses this to change the limit between two frames of one
   * chunk.
   *
   * For each frame, the decoder appends the number of its bytes to `sizes`.
   *
   * With {@link deliverTo}, Data goes to the sink instead, while `out` is empty. So all frames keep their order.
   *
   * The decoder takes ownership of the chunk and frees its memory if no payload lies in it. Payloads of Data are views.
   * A payload of at least 4 KiB is a view of the chunk. A smaller payload is a view of a copy of at most `slabBytes`
   * around it, so that a small retained message does not retain a whole chunk.
   */
  feed(
    chunk: Uint8Array,
    out: Array<Frame.Frame>,
    atMost = Infinity,
    sizes: Array<number> = [],
  ): ProtocolViolation | undefined {
    if (this.violation !== undefined) return this.violation
    this.sizes = sizes
    const bytes = this.rest.length === 0 ? plain(chunk) : chunk.length === 0 ? this.rest : concat(this.rest, chunk)
    this.rest = empty
    const source = new Chunk(bytes)
    const end = bytes.length
    const full = out.length + atMost
    let pos = 0
    while (pos < end) {
      if (out.length >= full) {
        this.rest = bytes.subarray(pos)
        return undefined
      }
      this.isDirect = this.sink !== undefined && out.length === 0
      pos = this.partial === undefined ? this.decode(source, pos, out) : this.resume(this.partial, source, pos, out)
      if (pos === stop) return this.violation
    }
    if (this.detaches && !source.isViewed) detachBuffer(bytes)
    return undefined
  }

  /** Number of frames that sinks have taken. */
  get delivered(): number {
    return this.taken
  }

  /** Delivers Data to this sink from now on; `undefined` ends the delivery. */
  deliverTo(sink: DataSink | undefined): void {
    this.sink = sink
  }

  /** Sets another limit for frames whose header is not read yet, and removes the limit of the total. */
  raiseLimit(maxFrameBytes: number): void {
    this.maxFrameBytes = maxFrameBytes
    this.totalLeft = Infinity
  }

  /** Returns `true` if the decoder holds bytes of an incomplete frame. Never after a violation. */
  isPartial(): boolean {
    return this.partial !== undefined || this.rest.length > 0
  }

  /** Stores the violation, and returns {@link stop}. */
  private fail(violation: ProtocolViolation): typeof stop {
    this.violation = violation
    this.partial = undefined
    return stop
  }

  /**
   * Decodes the frame that begins at `pos`. Returns the position after the decoded part of the frame, or {@link stop}.
   */
  private decode(source: Chunk, pos: number, out: Array<Frame.Frame>): number {
    if (source.bytes.length - pos < Layout.headerBytes) {
      this.partial = { _tag: "Header", filled: 0 }
      return pos
    }
    const { view } = source
    const length = view.getUint32(pos)
    return this.decodeBody(source, pos + Layout.headerBytes, length, view.getUint8(pos + Layout.lengthBytes), out)
  }

  /** Decodes the body of a frame whose header has been read, or the part that has arrived. */
  private decodeBody(source: Chunk, pos: number, length: number, kind: number, out: Array<Frame.Frame>): number {
    const size = length - 1
    const problem = this.lengthProblem(length) ?? sizeProblem(kind, size)
    if (problem !== undefined) return this.fail(problem)
    this.totalLeft -= Layout.lengthBytes + length
    if (kind >= Layout.firstIgnorableKind) {
      Traffic.count(this.traffic, Traffic.unknownKind, Layout.headerBytes + size)
      if (size > 0) this.partial = { _tag: "Skipped", left: size }
      return pos
    }
    const end = pos + size
    if (end > source.bytes.length) return this.beginBody(source, pos, kind, size)
    const frame = readBody(kind, source, pos, end)
    return this.complete(frame, kind, size, out) ?? end
  }

  /** Copies the beginning of a body that continues in the next chunk. */
  private beginBody(source: Chunk, pos: number, kind: number, size: number): number {
    const there = source.bytes.length - pos
    const isData = kind === FrameTable.dataKind
    const body: PartialBody = { _tag: "Body", kind, size, bytes: empty, filled: 0, data: undefined }
    if (isData && there >= maxDataHeadBytes) {
      const problem = this.beginPayload(body, source, pos)
      if (problem !== undefined) return this.fail(problem)
    } else {
      body.bytes = new Uint8Array(isData ? Math.min(size, maxDataHeadBytes) : size)
      body.bytes.set(source.bytes.subarray(pos))
      body.filled = there
    }
    this.partial = body
    return source.bytes.length
  }

  /** Continues a frame of which a part arrived in earlier chunks. */
  private resume(partial: Partial, source: Chunk, pos: number, out: Array<Frame.Frame>): number {
    switch (partial._tag) {
      case "Header":
        return this.resumeHeader(partial, source, pos, out)
      case "Body":
        return this.resumeBody(partial, source, pos, out)
      case "Skipped": {
        const n = Math.min(partial.left, source.bytes.length - pos)
        partial.left -= n
        if (partial.left === 0) this.partial = undefined
        return pos + n
      }
    }
  }

  private resumeHeader(
    partial: Extract<Partial, { readonly _tag: "Header" }>,
    source: Chunk,
    pos: number,
    out: Array<Frame.Frame>,
  ): number {
    this.header ??= new DataView(new ArrayBuffer(Layout.headerBytes))
    this.header.setUint8(partial.filled++, source.view.getUint8(pos))
    if (partial.filled < Layout.lengthBytes) return pos + 1
    const length = this.header.getUint32(0)
    if (partial.filled === Layout.lengthBytes) {
      // Checks the length without waiting for the kind, because a frame of length zero has no kind.
      const problem = this.lengthProblem(length)
      return problem === undefined ? pos + 1 : this.fail(problem)
    }
    this.partial = undefined
    return this.decodeBody(source, pos + 1, length, this.header.getUint8(Layout.lengthBytes), out)
  }

  private resumeBody(partial: PartialBody, source: Chunk, pos: number, out: Array<Frame.Frame>): number {
    const { bytes, kind, size } = partial
    const n = Math.min(bytes.length - partial.filled, source.bytes.length - pos)
    bytes.set(source.bytes.subarray(pos, pos + n), partial.filled)
    partial.filled += n
    if (partial.filled < bytes.length) return pos + n
    if (bytes.length < size && partial.data === undefined) {
      const problem = this.beginPayload(partial, new Chunk(bytes), 0)
      return problem === undefined ? pos + n : this.fail(problem)
    }
    const frame = partial.data ?? readBody(kind, new Chunk(bytes), 0, bytes.length)
    this.partial = undefined
    return this.complete(frame, kind, size, out) ?? pos + n
  }

  /** Delivers or appends a frame whose body has this size. Returns {@link stop} if it is a violation. */
  private complete(
    frame: Frame.Frame | ProtocolViolation,
    kind: number,
    size: number,
    out: Array<Frame.Frame>,
  ): typeof stop | undefined {
    if (frame._tag === "ProtocolViolation") return this.fail(frame)
    const bytes = Layout.headerBytes + size
    Traffic.count(this.traffic, kind, bytes)
    if (this.isDirect && this.sink !== undefined && frame._tag === "Data") {
      this.taken++
      const violation = this.sink.receive(frame)
      return violation === undefined ? undefined : this.fail(violation)
    }
    out.push(frame)
    this.sizes.push(bytes)
    return undefined
  }

  /**
   * Decodes the head of Data whose payload has not arrived completely. The next chunks fill the memory of the payload.
   */
  private beginPayload(partial: PartialBody, source: Chunk, from: number): ProtocolViolation | undefined {
    const frame = decodeData(source, from, from + partial.size, this.place)
    if (frame._tag === "ProtocolViolation") return frame
    const { payload } = frame
    const begin = source.bytes.subarray(from + partial.size - payload.length)
    payload.set(begin)
    partial.data = frame
    partial.bytes = payload
    partial.filled = begin.length
    return undefined
  }

  private readonly place: Place = (head, total, bytes) =>
    (this.isDirect ? this.sink?.place(head, total, bytes) : undefined) ?? new Uint8Array(bytes)

  private lengthProblem(length: number): ProtocolViolation | undefined {
    if (length === 0) return new ProtocolViolation("malformed", "a frame of length 0")
    if (length > this.maxFrameBytes) {
      return new ProtocolViolation("oversize", `a frame of ${length} bytes; the limit is ${this.maxFrameBytes}`)
    }
    if (Layout.lengthBytes + length > this.totalLeft) {
      return new ProtocolViolation("oversize", "more bytes than a handshake may have")
    }
    return undefined
  }
}

/**
 * Returns the bytes as a plain `Uint8Array`. Node's `Buffer` is a `Uint8Array` by type, but its `slice` returns a view,
 * and the application would get a `Buffer` as payload.
 */
const plain = (bytes: Uint8Array): Uint8Array =>
  bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** Returns the violation of a frame by its kind and the size of its body, before the body has arrived. */
const sizeProblem = (kind: number, size: number): ProtocolViolation | undefined => {
  if (kind === FrameTable.dataKind) {
    if (size < Layout.dataFixedBytes) return new ProtocolViolation("malformed", `a Data body of ${size} bytes`)
    return size > maxDataBytes ? new ProtocolViolation("oversize", `a Data body of ${size} bytes`) : undefined
  }
  if (kind >= Layout.firstIgnorableKind) return undefined
  const body = FrameTable.bodyOfKind(kind)
  if (body === undefined) return new ProtocolViolation("unexpectedFrame", `a frame of the unknown kind ${kind}`)
  return body.body === "fixed" && size !== body.bytes
    ? new ProtocolViolation("malformed", `a ${body.name} body of ${size} bytes`)
    : undefined
}

/** Decodes a body that lies completely in the chunk and passed {@link sizeProblem}. */
const readBody = (kind: number, source: Chunk, start: number, end: number): Frame.Frame | ProtocolViolation => {
  if (kind === FrameTable.dataKind) return decodeData(source, start, end)
  const body = FrameTable.bodyOfKind(kind)
  if (body === undefined) return new ProtocolViolation("unexpectedFrame", `a frame of the unknown kind ${kind}`)
  return body.body === "fixed" ? body.read(source.view, start) : body.read(source.bytes.subarray(start, end))
}
