/**
 * Frames from a connection, one at a time or in batches. The handshake and the life of the link read
 * from the same reader, so nothing that follows the last frame of the handshake is lost.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type { Bye, Frame } from "../protocol/Frame.ts"
import type { Connection, TransportError } from "../Transport.ts"
import * as FrameDecoder from "../wire/FrameDecoder.ts"
import * as Layout from "../wire/Layout.ts"
import type { Traffic } from "../wire/Traffic.ts"
import type { ProtocolViolation } from "../protocol/ProtocolViolation.ts"

/** Why no further frame comes. */
export type ReadOutcome =
  /** The peer said why. */
  | { readonly _tag: "Bye"; readonly bye: Bye }
  /** The peer ended the stream without a word, or in the middle of a frame. */
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Lost"; readonly error: TransportError }
  | { readonly _tag: "Violation"; readonly error: ProtocolViolation }

export interface FrameReader {
  /** The next frames, at least one. Not to be called twice at the same time. */
  readonly batch: Effect.Effect<ReadonlyArray<Frame>, ReadOutcome>
  /** The next frame. */
  readonly next: Effect.Effect<Frame, ReadOutcome>
  /** The handshake is complete: from now on frames may have their full size. */
  readonly open: () => void
  /** Calls this whenever bytes arrive. */
  readonly onBytes: (f: () => void) => void
}

export const make = (connection: Connection, traffic: Traffic): FrameReader => {
  const decoder = FrameDecoder.make({ ...FrameDecoder.handshakeLimits, traffic })
  let handshaking = true
  let ready: Array<Frame> = []
  let end: ReadOutcome | undefined
  let heard = () => {}
  const nothing = new Uint8Array(0)

  const decode = (chunks: ReadonlyArray<Uint8Array>): void => {
    for (const chunk of chunks) {
      // One frame at a time until the limits change, so that they hold for the right frames.
      const error = handshaking ? decoder.feed(chunk, ready, 1) : decoder.feed(chunk, ready)
      if (error !== undefined) {
        end = { _tag: "Violation", error }
        return
      }
    }
  }

  // In the step in which the fiber goes on: one that is interrupted just before leaves the frames where they are.
  const takeReady = Effect.sync((): ReadonlyArray<Frame> => {
    const frames = ready
    ready = []
    return frames
  })

  /** The frames that are there, or come with the next bytes. */
  const take = (): Effect.Effect<ReadonlyArray<Frame>, ReadOutcome> =>
    ready.length > 0 ? takeReady : end === undefined ? pull : Effect.fail(end)

  const pull: Effect.Effect<ReadonlyArray<Frame>, ReadOutcome> = Effect.matchCauseEffect(connection.pull, {
    onSuccess: (chunks) => {
      heard()
      decode(chunks)
      return take()
    },
    onFailure: (cause) => {
      const failure = cause.reasons.find(Cause.isFailReason)
      if (failure === undefined) return Effect.failCause(cause as Cause.Cause<never>)
      end = Pull.isDoneFailure(failure) ? { _tag: "Ended" } : { _tag: "Lost", error: failure.error as TransportError }
      return take()
    },
  })

  const batch = Effect.suspend(() => {
    // What came together with the last frame of the handshake is still in the decoder.
    if (ready.length === 0 && decoder.isPartial()) decode([nothing])
    return take()
  })

  return {
    batch,
    next: Effect.flatMap(batch, ([frame, ...rest]) => {
      ready = rest
      return frame === undefined ? Effect.fail<ReadOutcome>({ _tag: "Ended" }) : Effect.succeed(frame)
    }),
    open: () => {
      handshaking = false
      decoder.limit(Layout.maxFrameBytes)
    },
    onBytes: (f) => {
      heard = f
    },
  }
}
