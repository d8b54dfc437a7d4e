import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { HandshakeFailed, HandshakeRejected, type HandshakeError } from "../../src/link/Handshake.ts"
import { AddressDialer } from "../../src/peering/AddressDialer.ts"
import { LonelyPause } from "../../src/peering/LonelyPause.ts"
import type { DialOptions } from "../../src/peering/OutboundConnection.ts"
import { RetryAfter } from "../../src/peering/RetryAfter.ts"
import { SeedDialer } from "../../src/peering/SeedDialer.ts"
import { addressOf } from "../membership/support.ts"
import { makeLoop } from "./support.ts"

const seed = addressOf("seed")
const found = addressOf("found")

/** Creates a dialer of seeds whose dials all fail with this error, and the times and options of its dials. */
const make = Effect.fnUntraced(function* (error: HandshakeError) {
  const clock = yield* Clock.Clock
  const { loop } = yield* makeLoop()
  const dials: Array<{ readonly at: number; readonly address: string; readonly options: DialOptions | undefined }> = []
  const links = {
    dial: (address: string, options?: DialOptions) =>
      Effect.suspend(() => {
        dials.push({ at: clock.currentTimeMillisUnsafe(), address, options })
        return Effect.fail(error)
      }),
  }
  const unavailable: Array<string> = []
  const answered: Array<string> = []
  const forgotten: Array<string> = []
  const discovery = { addresses: Stream.empty, interval: Duration.seconds(30), intervalAlone: Duration.seconds(5) }
  const seeds = new SeedDialer({
    loop,
    pause: new LonelyPause(loop, discovery),
    addresses: new AddressDialer(loop, links, new RetryAfter(clock)),
    reconnect: Schedule.spaced("1 second"),
    discovery,
    onTried: () => {},
    availability: {
      failed: (_, { message }) => Effect.sync(() => void unavailable.push(message)),
      answered: (address) => Effect.sync(() => void answered.push(address)),
      forget: (address) => void forgotten.push(address),
    },
    fork: yield* FiberSet.makeRuntime<never, void, never>(),
  })
  const start = clock.currentTimeMillisUnsafe()
  return { seeds, unavailable, answered, forgotten, times: () => dials.map(({ at }) => at - start), dials }
})

const failed = new HandshakeFailed({ reason: "lost", message: "gone" })

describe("a seed or discovered address", () => {
  it.effect("is dialed at once, and then on the schedule while this node is alone, and is reported each time", () =>
    Effect.gen(function* () {
      const { seeds, times, unavailable } = yield* make(failed)
      seeds.addSeed(seed)
      yield* Effect.sleep(3_500)
      assert.deepStrictEqual(times(), [0, 1_000, 2_000, 3_000])
      assert.deepStrictEqual(unavailable, ["gone", "gone", "gone", "gone"])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect(
    "is dialed once per intervalAlone and not reported if this node itself answers, because another peer may answer next time",
    () =>
      Effect.gen(function* () {
        for (const error of [
          new HandshakeRejected({ code: "self", message: "", by: "them" }),
          new HandshakeFailed({ reason: "known", message: "" }),
        ]) {
          const { answered, seeds, times, unavailable } = yield* make(error)
          seeds.addSeed(seed)
          yield* Effect.sleep("11 seconds")
          assert.deepStrictEqual(times(), [0, 5_000, 10_000])
          assert.deepStrictEqual(unavailable, [])
          assert.deepStrictEqual(answered, [seed, seed, seed])
          seeds.stop()
        }
      }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("that was discovered is dialed until a newer result does not contain it, and a seed without end", () =>
    Effect.gen(function* () {
      const { dials, forgotten, seeds } = yield* make(failed)
      seeds.addSeed(seed)
      seeds.setDiscovered([found, seed])
      yield* Effect.sleep(500)
      seeds.setDiscovered([])
      yield* Effect.sleep(1_000)
      assert.deepStrictEqual(
        dials.map(({ address }) => address),
        [seed, found, seed],
      )
      assert.deepStrictEqual(forgotten, [found])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )

  it.effect("is not dialed any more once this node has stopped", () =>
    Effect.gen(function* () {
      const { seeds, times } = yield* make(failed)
      seeds.addSeed(seed)
      yield* Effect.sleep(500)
      seeds.stop()
      yield* Effect.sleep("10 seconds")
      assert.deepStrictEqual(times(), [0])
    }).pipe(Effect.scoped, VirtualTime.flow),
  )
})
