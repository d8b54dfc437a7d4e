/** Decodes the bytes of one connection of the cluster into texts for a trace. */
import type * as Frame from "../protocol/Frame.ts"
import { FrameDecoder } from "../wire/FrameDecoder.ts"
import * as Layout from "../wire/Layout.ts"
import { controlText } from "./controlText.ts"
import { LaneNames, otherSide, type Side } from "./LaneNames.ts"

/**
 * A decoded frame in readable form.
 *
 * @category models
 * @since 0.1.0
 */
export interface FrameText {
  /** Kind of the frame. For Data it includes the name of the lane. */
  readonly kind: string
  readonly text: string
  /** `true` for heartbeats and credit, which a connection carries continuously. */
  readonly background: boolean
}

/** Returns the text of a message of a lane. */
export type PayloadText = (lane: string, payload: Uint8Array) => string

/** Frames that are independent of the actions of an application or the membership. */
const backgroundKinds: ReadonlySet<string> = new Set(["Ping", "Pong", "Credit"])

/** Kind of bytes that are not frames. */
const violationKind = "ProtocolViolation"

const concat = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** Decoder of one direction, and the fragments of incomplete messages by the number of the lane. */
class Direction {
  readonly decoder = new FrameDecoder({ maxFrameBytes: Layout.maxFrameBytes })
  readonly fragments = new Map<number, Array<Uint8Array>>()
  isBroken = false
}

export class ConnectionTracer {
  private readonly payloadText: PayloadText
  private readonly lanes = new LaneNames()
  private readonly directions = { dialer: new Direction(), acceptor: new Direction() }

  constructor(payloadText: PayloadText) {
    this.payloadText = payloadText
  }

  /** Returns the frames that the bytes of a side complete. Reports a violation of the protocol once. */
  readonly receive = (bytes: Uint8Array, side: Side): ReadonlyArray<FrameText> => {
    const direction = this.directions[side]
    if (direction.isBroken) return []
    const frames: Array<Frame.Frame> = []
    const violation = direction.decoder.feed(bytes, frames)
    const texts = frames.map((frame) => this.frameText(frame, side))
    if (violation === undefined) return texts
    direction.isBroken = true
    return [...texts, { kind: violationKind, text: `${violation.code}: ${violation.message}`, background: false }]
  }

  private frameText(frame: Frame.Frame, side: Side): FrameText {
    if (frame._tag === "Data") return this.dataText(frame, side)
    if (frame._tag === "LaneOpen") this.lanes.open(side, frame)
    const background = backgroundKinds.has(frame._tag)
    return { kind: frame._tag, text: controlText(frame, side, this.lanes), background }
  }

  /**
   * Returns the text of a Data frame. The last fragment of a message gets the text of the message, and each fragment
   * before it gets its size.
   */
  private dataText(frame: Frame.Data, side: Side): FrameText {
    const lane = this.lanes.nameOf(otherSide(side), frame.lane)
    const text = this.messageText(frame, lane, this.directions[side].fragments)
    return { kind: `Data ${lane}`, text, background: false }
  }

  private messageText(frame: Frame.Data, lane: string, fragments: Direction["fragments"]): string {
    const { abort, first, last, payload } = frame
    const before = first ? [] : (fragments.get(frame.lane) ?? [])
    fragments.delete(frame.lane)
    if (abort) return "given up"
    if (last) return this.payloadText(lane, before.length === 0 ? payload : concat([...before, payload]))
    fragments.set(frame.lane, [...before, payload])
    return first ? `the first ${payload.length} of ${frame.total ?? 0} bytes` : `${payload.length} more bytes`
  }
}
