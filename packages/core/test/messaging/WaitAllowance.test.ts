import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Slowness } from "../../src/flow/Slowness.ts"
import { connection, WaitAllowance } from "../../src/messaging/WaitAllowance.ts"

const make = Effect.map(Clock.Clock, (clock) => new WaitAllowance({ timeout: 1_000, peers: 2, clock }))

describe("the allowance of messages to many", () => {
  it.effect("is spent by waits, separately for each lane and for the connection", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      const start = allowance.now()
      yield* Effect.sleep(300)
      allowance.spend("b", "orders", start, new Slowness())
      allowance.spend("b", connection, allowance.now() - 100, undefined)
      assert.deepStrictEqual(
        [allowance.left("b", "orders"), allowance.left("b", connection), allowance.left("b", "news")],
        [700, 900, 1_000],
      )
      assert.strictEqual(allowance.left("c", "orders"), 1_000)
      yield* Effect.sleep(2_000)
      allowance.spend("b", "orders", start, new Slowness())
      assert.strictEqual(allowance.left("b", "orders"), 0)
    }).pipe(VirtualTime.flow),
  )

  it.effect("counts the time in which several messages wait once", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      const first = allowance.now()
      yield* Effect.sleep(100)
      const second = allowance.now()
      yield* Effect.sleep(100)
      allowance.spend("b", "", first, undefined)
      yield* Effect.sleep(100)
      allowance.spend("b", "", second, undefined)
      assert.strictEqual(allowance.left("b", ""), 700)
    }).pipe(VirtualTime.flow),
  )

  it.effect("returns with time, a tenth of it, up to the whole", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      const spend = Effect.fnUntraced(function* (millis: number) {
        const since = allowance.now()
        yield* Effect.sleep(millis)
        allowance.spend("b", "", since, undefined)
      })
      yield* spend(1_000)
      assert.strictEqual(allowance.left("b", ""), 0)
      yield* Effect.sleep(4_000)
      assert.strictEqual(allowance.left("b", ""), 400)
      yield* spend(400)
      assert.strictEqual(allowance.left("b", ""), 0, "the time of a wait does not return any")
      yield* Effect.sleep(5_000)
      yield* spend(100)
      assert.strictEqual(allowance.left("b", ""), 400)
      yield* Effect.sleep(60_000)
      assert.strictEqual(allowance.left("b", ""), 1_000)
      yield* spend(300)
      assert.strictEqual(allowance.left("b", ""), 700, "no more than the whole has returned")
    }).pipe(VirtualTime.flow),
  )

  it.effect("is whole again after credit for a frame on the lane, on the same link or another one", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      const wait = Effect.fnUntraced(function* (slowness: Slowness | undefined) {
        const since = allowance.now()
        yield* Effect.sleep(400)
        for (const missing of ["orders", "news", connection] as const) allowance.spend("b", missing, since, slowness)
      })
      const left = () => [allowance.left("b", "orders"), allowance.left("b", "news"), allowance.left("b", connection)]
      const [first, second] = [new Slowness(), new Slowness()]
      first.grant()
      yield* wait(first)
      allowance.noticeCredit("b", "orders", first)
      assert.deepStrictEqual(left(), [600, 600, 1_000], "the credit was given before the wait of the lane")
      yield* wait(first)
      allowance.noticeCredit("b", "orders", second)
      assert.deepStrictEqual(left(), [200, 200, 600], "the new link has given no credit")
      first.grant()
      allowance.noticeCredit("b", "orders", first)
      assert.deepStrictEqual(left(), [1_000, 200, 1_000])
      second.grant()
      allowance.noticeCredit("b", "news", second)
      assert.deepStrictEqual(left(), [1_000, 1_000, 1_000])
    }).pipe(VirtualTime.flow),
  )

  it.effect("is remembered for a bounded number of peers, the newest ones", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      const since = allowance.now()
      yield* Effect.sleep(1_000)
      for (const name of ["b", "c", "d"]) allowance.spend(name, "", since, undefined)
      assert.deepStrictEqual(
        ["b", "c", "d"].map((name) => allowance.left(name, "")),
        [1_000, 0, 0],
      )
    }).pipe(VirtualTime.flow),
  )
})
