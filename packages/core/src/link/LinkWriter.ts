/**
 * Writing half of a link: the queue of control frames, the batches of frames of one write, and the Bye at the end.
 * Control frames precede data.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { SendLanes } from "../flow/SendLanes.ts"
import { TokenBucket } from "../internal/TokenBucket.ts"
import { WakeSignal } from "../internal/WakeSignal.ts"
import type { Limits } from "../Limits.ts"
import { minControlBurst, minControlRate } from "../protocol/constants.ts"
import type { Bye, ByeCode, ControlFrame, Frame, Taken } from "../protocol/Frame.ts"
import { clipMessage } from "../protocol/Frame.ts"
import type { Connection, TransportError } from "../Transport.ts"
import * as FrameEncoder from "../wire/FrameEncoder.ts"
import type { Traffic } from "../wire/Traffic.ts"
import { controlCost } from "./controlCost.ts"
import { ControlQueue } from "./ControlQueue.ts"
import { isUse } from "./isUse.ts"
import type { WriteBuffers } from "./WriteBuffers.ts"

/**
 * Maximum size of one write in bytes, plus one frame. It limits the amount of data that a control frame waits behind.
 */
const writeBytes = 64 * 1024

/** Size of a buffer that fits most writes: their data without large payloads, which are not copied, and all headers. */
export const writeBufferBytes = writeBytes + FrameEncoder.largePayload + 1024

/**
 * Rate of control frames per second, and at once, up to which answers continue. The frames count as the receiver counts
 * them. Other frames also count, but do not wait.
 */
const answerRate = minControlRate / 2
const answerBurst = minControlBurst / 2

/** Phase of the writing half. */
type Phase =
  | { readonly _tag: "Open" }
  /** The writer accepts no more frames. The Bye, if there is one, follows the accepted frames. */
  | { readonly _tag: "Closing"; readonly bye: Bye | undefined }

export interface Options {
  readonly connection: Pick<Connection, "write" | "end">
  /** Creates the sending lanes, which call `wake` when there is something to write. */
  readonly makeSendLanes: (wake: () => void) => SendLanes
  /** Returns the acknowledgements to send now. */
  readonly acknowledgements: () => ReadonlyArray<Taken>
  /**
   * Reports that no control frame waits any more after {@link LinkWriter.answer}, and that the written frames are
   * within the rate of answers.
   */
  readonly onAnswerWritten: () => Effect.Effect<void>
  /**
   * Reports that this side is about to write a frame for which it needs the peer. A Ping that is sent meanwhile precedes
   * the data, because a large message on a slow line takes longer than the link timeout.
   */
  readonly onUse: (at: number) => void
  readonly limits: Pick<Limits, "controlOutbox" | "controlOutboxBytes" | "drainTimeout">
  readonly buffers: WriteBuffers
  /** Counters of the written frames. */
  readonly sent: Traffic
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number
}

/** Writer of one link. */
export class LinkWriter {
  /** Sending lanes. Their frames follow the control frames. */
  readonly lanes: SendLanes
  private readonly options: Options
  private readonly pending = new WakeSignal()
  private phase: Phase = { _tag: "Open" }
  private readonly control: ControlQueue
  private readonly rate: TokenBucket
  /** `true` once the peer has not kept up with control frames. */
  private overflowed = false
  /** `true` while a control frame waits for which this side needs the peer. */
  private isUsed = false
  /** `true` while an answer waits to be written or reported. */
  private isAnswering = false
  /** Start of the current write. Stalls of this process move it later. */
  private writingSince: number | undefined
  /** End of the last write, or time of construction. */
  private writtenAt: number
  private accepted = 0

  constructor(options: Options) {
    this.options = options
    this.writtenAt = options.now()
    this.rate = new TokenBucket(answerRate, answerBurst, this.writtenAt)
    this.control = new ControlQueue({ frames: options.limits.controlOutbox, bytes: options.limits.controlOutboxBytes })
    this.lanes = options.makeSendLanes(this.wake)
  }

  /** Wakes the writer, because there is something to write. */
  readonly wake = (): void => {
    this.pending.set()
  }

  /**
   * Queues a control frame before all data. Drops the frame if the link is closing or the queue is full. The loss of a
   * list of records has no lasting effect, because the two sides compare their views again.
   */
  readonly send = (frame: ControlFrame): void => {
    if (this.phase._tag === "Closing") return
    if (this.control.add(frame) === "full") this.overflowed = true
    if (isUse(frame)) this.isUsed = true
    this.pending.set()
  }

  /** Queues an answer like {@link send}. Reports when no control frame waits any more. */
  answer(frame: ControlFrame): void {
    this.isAnswering = true
    this.send(frame)
  }

  /** Ends the writing half with a Bye after all accepted frames. */
  close(code: ByeCode, message: string): void {
    this.finish({ _tag: "Bye", code, message: clipMessage(message) })
  }

  /** Ends the writing half after all accepted frames, with `bye` if given. Later calls have no effect. */
  finish(bye: Bye | undefined): void {
    if (this.phase._tag === "Closing") return
    this.phase = { _tag: "Closing", bye }
    this.lanes.stop(bye?.code === "duplicate" ? "moved" : "closed")
    this.pending.set()
  }

  /** Drops all waiting frames, so that the Bye follows the current write. */
  discard(): void {
    this.control.clear()
    this.lanes.clear()
  }

  /** Records that the peer does not keep up with control frames. */
  overflow(): void {
    this.overflowed = true
  }

  /** Returns `true` if the peer does not drain: a control frame was dropped, or a write has taken the drain timeout. */
  isStuck(at: number): boolean {
    const { drainTimeout } = this.options.limits
    return this.overflowed || (this.writingSince !== undefined && at - this.writingSince >= drainTimeout)
  }

  /** Returns the time of the last write: the current time while a write is in progress. */
  lastWritten(): number {
    return this.writingSince === undefined ? this.writtenAt : this.options.now()
  }

  /** Returns `true` while a write waits for the network. */
  isWriting(): boolean {
    return this.writingSince !== undefined
  }

  /** Excludes a stall of this process from the time that the current write has taken. */
  excuse(late: number, at: number): void {
    if (this.writingSince !== undefined) this.writingSince = Math.min(at, this.writingSince + late)
  }

  /** Returns the number of control frames that wait to be written. */
  queued(): number {
    return this.control.length
  }

  /** Returns an upper bound of the bytes of the control frames that wait to be written. */
  queuedBytes(): number {
    return this.control.bytes
  }

  /** Returns the number of bytes that the network has accepted. */
  written(): number {
    return this.accepted
  }

  /**
   * Writes until the writing half has ended or the connection fails. Between two writes the writer waits until the
   * fibers with frames to send wait as well, so that one write contains all of them.
   */
  run(): Effect.Effect<void> {
    return Effect.ignore(LinkWriter.writing.call(this))
  }

  private static readonly writing = Effect.fnUntraced(function* (this: LinkWriter) {
    while (true) {
      const batch = this.nextBatch()
      if (batch !== undefined) {
        yield* this.write(batch)
        this.lanes.written()
        if (this.isAnswering && this.control.length === 0) yield* this.reportAnswer()
      } else if (this.phase._tag === "Closing") {
        if (this.phase.bye !== undefined) yield* this.write([this.phase.bye])
        return yield* this.options.connection.end
      } else {
        this.pending.clear()
        yield* this.pending.wait
      }
    }
  })

  /**
   * Reports a written answer. The next answer is not written before the report, so a delayed report limits the rate.
   */
  private reportAnswer(): Effect.Effect<void> {
    const { now, onAnswerWritten } = this.options
    this.isAnswering = false
    const pause = this.rate.debt(now())
    return pause === 0 ? onAnswerWritten() : Effect.asVoid(Effect.forkChild(Effect.delay(onAnswerWritten(), pause)))
  }

  private readonly charge = (frame: ControlFrame, bytes: number): void => {
    this.rate.spend(this.options.now(), controlCost(frame, bytes))
  }

  /** Returns the frames of the next write, or `undefined` when there is nothing to write. */
  private nextBatch(): ReadonlyArray<Frame> | undefined {
    for (const frame of this.options.acknowledgements()) {
      this.control.push(frame)
      this.isUsed = true
    }
    if (this.isUsed || this.lanes.size() > 0) this.options.onUse(this.options.now())
    this.isUsed = false
    if (this.control.length === 0) {
      const data = this.lanes.next(writeBytes)
      return data.length === 0 ? undefined : data
    }
    const room = writeBytes - this.control.bytes
    const batch: Array<Frame> = this.control.next(writeBytes)
    if (room > 0) for (const frame of this.lanes.next(room)) batch.push(frame)
    return batch
  }

  private write(frames: ReadonlyArray<Frame>): Effect.Effect<void, TransportError> {
    const { buffers, connection, now, sent } = this.options
    const chunks: Array<Uint8Array> = []
    let buffer: Uint8Array | undefined
    FrameEncoder.encodeInto(frames, chunks, sent, (size) => (buffer = buffers.take(size)), this.charge)
    if (!Arr.isArrayNonEmpty(chunks)) return Effect.void
    let size = 0
    for (const chunk of chunks) size += chunk.length
    this.writingSince = now()
    return Effect.map(connection.write(chunks), () => {
      this.accepted += size
      this.writingSince = undefined
      this.writtenAt = now()
      if (buffer !== undefined) buffers.give(buffer)
    })
  }
}
