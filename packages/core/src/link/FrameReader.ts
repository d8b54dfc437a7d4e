/**
 * Frames of a connection, one at a time for the handshake or in batches for the link. Both use the same reader, so that
 * frames after the last frame of the handshake are not lost.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type { Bye, Frame } from "../protocol/Frame.ts"
import type { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import type { Connection, TransportError } from "../Transport.ts"
import { type DataSink, FrameDecoder, handshakeLimits } from "../wire/FrameDecoder.ts"
import * as Layout from "../wire/Layout.ts"
import type { Traffic } from "../wire/Traffic.ts"

/** Reason for which no further frame arrives. */
export type ReadOutcome =
  /** The peer ended the link with a Bye. */
  | { readonly _tag: "Bye"; readonly bye: Bye }
  /** The peer ended the stream without a Bye, or within a frame. */
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Lost"; readonly error: TransportError }
  | ProtocolViolation

const nothing = new Uint8Array(0)

const none: ReadonlyArray<Frame> = []

/** Reader of the frames of one connection. */
export class FrameReader {
  /**
   * Waits for the next frames. The list is empty if a sink has taken all of them ({@link deliverTo}). Must not run twice
   * at the same time.
   */
  readonly batch: Effect.Effect<ReadonlyArray<Frame>, ReadOutcome>
  /** Waits for the next frame. */
  readonly next: Effect.Effect<Frame, ReadOutcome>
  private readonly decoder: FrameDecoder
  /** Number of delivered frames at the last batch. */
  private delivered = 0
  private isHandshaking = true
  /** Decoded frames that no caller has taken. */
  private ready: Array<Frame> = []
  /** Sizes in bytes of the frames in `ready`, in the same order. */
  private readySizes: Array<number> = []
  private takenSizes: ReadonlyArray<number> = []
  private end: ReadOutcome | undefined
  private bytesListener = (): void => {}
  private received = 0
  private readonly pull: Effect.Effect<ReadonlyArray<Frame>, ReadOutcome>

  constructor(connection: Connection, traffic: Traffic, detachBuffers = true) {
    this.decoder = new FrameDecoder({ ...handshakeLimits, traffic, detachBuffers })
    this.pull = Effect.matchCauseEffect(connection.pull, {
      onSuccess: (chunks) => {
        for (const chunk of chunks) this.received += chunk.length
        this.bytesListener()
        this.decode(chunks)
        return this.take()
      },
      onFailure: (cause) => {
        const failure = cause.reasons.find(Cause.isFailReason)
        // Without a failure the cause has defects and interruptions only.
        if (failure === undefined) return Effect.failCause(cause as Cause.Cause<never>)
        this.end = Pull.isDoneFailure(failure)
          ? { _tag: "Ended" }
          : { _tag: "Lost", error: failure.error as TransportError }
        return this.take()
      },
    })
    this.batch = Effect.suspend(() => {
      // Bytes that arrived together with the last frame of the handshake are still in the decoder.
      if (this.ready.length === 0 && this.decoder.isPartial()) this.decode([nothing])
      return this.take()
    })
    this.next = Effect.flatMap(this.batch, ([frame, ...rest]) => {
      this.ready = rest
      this.readySizes = this.takenSizes.slice(1)
      return frame === undefined ? Effect.fail<ReadOutcome>({ _tag: "Ended" }) : Effect.succeed(frame)
    })
  }

  /** Allows frames of full size from now on, because the handshake is complete. */
  open(): void {
    this.isHandshaking = false
    this.decoder.raiseLimit(Layout.maxFrameBytes)
  }

  /**
   * Delivers Data to this sink as soon as it is decoded; `undefined` ends the delivery. Data behind other frames of the
   * same bytes stays behind them in the batch.
   */
  deliverTo(sink: DataSink | undefined): void {
    this.decoder.deliverTo(sink)
  }

  /** Sizes in bytes of the frames of the last batch, in the same order. */
  get sizes(): ReadonlyArray<number> {
    return this.takenSizes
  }

  /** Number of bytes that have arrived on the connection. */
  get bytes(): number {
    return this.received
  }

  /** Sets the listener that is called whenever bytes arrive. */
  onBytes(listener: () => void): void {
    this.bytesListener = listener
  }

  private decode(chunks: ReadonlyArray<Uint8Array>): void {
    for (const chunk of chunks) {
      // The handshake decodes one frame at a time, because the limits change after its last frame.
      const violation = this.isHandshaking
        ? this.decoder.feed(chunk, this.ready, 1, this.readySizes)
        : this.decoder.feed(chunk, this.ready, Infinity, this.readySizes)
      if (violation !== undefined) {
        this.end = violation
        return
      }
    }
  }

  /** Returns the decoded frames, or waits for the frames of the next bytes. */
  private take(): Effect.Effect<ReadonlyArray<Frame>, ReadOutcome> {
    if (this.ready.length > 0 || this.decoder.delivered !== this.delivered) return this.takeReady
    return this.end === undefined ? this.pull : Effect.fail(this.end)
  }

  // Takes the frames in the step in which the fiber continues. A fiber that is interrupted just before leaves them in
  // place.
  private readonly takeReady = Effect.sync((): ReadonlyArray<Frame> => {
    const frames = this.ready
    this.delivered = this.decoder.delivered
    if (frames.length === 0) return none
    this.ready = []
    this.takenSizes = this.readySizes
    this.readySizes = []
    return frames
  })
}
