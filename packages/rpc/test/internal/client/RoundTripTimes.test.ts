import * as Rendezvous from "@coterie/core/Rendezvous"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import type { Candidate } from "../../../src/internal/client/pickPeer.ts"
import { RoundTripTimes } from "../../../src/internal/client/RoundTripTimes.ts"

const candidate = (name: string): Candidate => ({ ...Rendezvous.candidate(name), generation: 1 })
const [b, c] = [candidate("b"), candidate("c")]

const setUp = Effect.gen(function* () {
  const clock = yield* Effect.clockWith(Effect.succeed)
  const measured: Array<string> = []
  const times = new Map<string, Effect.Effect<Option.Option<Duration.Duration>>>()
  const roundTrips = new RoundTripTimes({
    rtt: (peer) =>
      Effect.suspend(() => {
        const name = typeof peer === "string" ? peer : peer.name
        measured.push(name)
        return times.get(name) ?? Effect.succeed(Option.none())
      }),
    clock,
    scope: yield* Effect.scope,
  })
  const is = (name: string, millis: number) => times.set(name, Effect.succeed(Option.some(Duration.millis(millis))))
  return { is, measured, roundTrips, times }
})

describe("the round-trip times to the peers that serve", () => {
  it.effect("are measured again when they are older than 10 seconds, or when the peers change", () =>
    Effect.gen(function* () {
      const { is, measured, roundTrips } = yield* setUp
      is("b", 3)
      is("c", 4)
      const both = [b, c]
      for (let i = 0; i < 100; i++) {
        yield* roundTrips.refresh(both)
        yield* Effect.yieldNow
      }
      assert.deepStrictEqual([roundTrips.of(b), roundTrips.of(c)], [3, 4])
      assert.deepStrictEqual(measured, ["b", "c"])
      yield* TestClock.adjust("9 seconds")
      yield* roundTrips.refresh(both)
      yield* Effect.yieldNow
      assert.strictEqual(measured.length, 2)
      yield* TestClock.adjust("1 second")
      yield* roundTrips.refresh(both)
      yield* Effect.yieldNow
      assert.strictEqual(measured.length, 4)
      yield* roundTrips.refresh([c])
      yield* Effect.yieldNow
      assert.deepStrictEqual(measured.slice(4), ["c"])
      assert.deepStrictEqual([roundTrips.of(b), roundTrips.of(c)], [undefined, 4])
    }),
  )

  it.effect("are measured by one measurement at a time, and no pick waits for it", () =>
    Effect.gen(function* () {
      const { measured, roundTrips, times } = yield* setUp
      const go = Deferred.makeUnsafe<Option.Option<Duration.Duration>>()
      times.set("b", Deferred.await(go))
      yield* roundTrips.refresh([b])
      yield* roundTrips.refresh([b, c])
      yield* Effect.yieldNow
      assert.deepStrictEqual(measured, ["b"])
      assert.isUndefined(roundTrips.of(b))
      yield* Deferred.succeed(go, Option.some(Duration.millis(5)))
      yield* Effect.yieldNow
      assert.strictEqual(roundTrips.of(b), 5)
      yield* roundTrips.refresh([b, c])
      yield* Effect.yieldNow
      assert.deepStrictEqual(measured, ["b", "b", "c"])
    }),
  )
})
