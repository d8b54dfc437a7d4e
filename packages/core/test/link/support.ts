/** Fixtures for the tests of link. */
import { assert } from "@effect/vitest"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { FrameReader } from "../../src/link/FrameReader.ts"
import { monotonicMillis } from "../../src/internal/time.ts"
import type { Frame } from "../../src/protocol/Frame.ts"
import type { Connection } from "../../src/Transport.ts"
import { TransportError } from "../../src/Transport.ts"
import { FrameDecoder } from "../../src/wire/FrameDecoder.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as Layout from "../../src/wire/Layout.ts"
import * as Traffic from "../../src/wire/Traffic.ts"

/** Returns the time in milliseconds on the test clock. */
export const testNow = Effect.map(Clock.Clock, (clock) => () => monotonicMillis(clock))

export const lost = new TransportError({ reason: "closed", message: "the connection is lost" })

/** Creates a connection whose other end is the test. */
export const makeConnection = Effect.gen(function* () {
  const inbound = yield* Queue.unbounded<Uint8Array, TransportError | Cause.Done>()
  const decoder = new FrameDecoder({ maxFrameBytes: Layout.maxFrameBytes })
  /** Frames of this side, by write. */
  const writes: Array<ReadonlyArray<Frame>> = []
  let isEnded = false
  let isReset = false
  let writing: Effect.Effect<void, TransportError> = Effect.void
  const connection: Connection = {
    remoteHost: "198.51.100.7",
    pull: Effect.map(Queue.take(inbound), (bytes): NonEmptyReadonlyArray<Uint8Array> => [bytes]),
    write: (chunks) =>
      Effect.suspend(() => {
        const frames: Array<Frame> = []
        for (const chunk of chunks) assert.isUndefined(decoder.feed(chunk.slice(), frames))
        writes.push(frames)
        return writing
      }),
    end: Effect.sync(() => {
      isEnded = true
    }),
    reset: Effect.suspend(() => {
      isReset = true
      return Effect.asVoid(Queue.fail(inbound, lost))
    }),
  }
  return {
    connection,
    writes,
    written: () => writes.flat(),
    isEnded: () => isEnded,
    /** Returns `true` once this side has reset the connection. */
    isReset: () => isReset,
    /** Makes later writes take this effect. */
    writesTake: (effect: Effect.Effect<void, TransportError>) => {
      writing = effect
    },
    /** Sends frames from the other end, in one chunk. */
    says: (...frames: ReadonlyArray<Frame>) => {
      const bytes = frames.flatMap((frame) => [...FrameEncoder.encode(frame)])
      Queue.offerUnsafe(inbound, Uint8Array.from(bytes))
    },
    sendsBytes: (...bytes: ReadonlyArray<number>) => void Queue.offerUnsafe(inbound, Uint8Array.from(bytes)),
    /** Ends the stream from the other end. */
    ends: Queue.end(inbound),
    breaks: Queue.fail(inbound, lost),
    /** Fails the reading of this side with another error than `lost`. */
    fails: (error: TransportError) => Queue.fail(inbound, error),
    reader: () => new FrameReader(connection, Traffic.make()),
  }
})

/** Runs every fiber until it waits. */
export const settle = Effect.repeat(Effect.yieldNow, { times: 20 })
