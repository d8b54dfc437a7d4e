import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Slowness } from "../../src/flow/Slowness.ts"
import { burst, WaitAllowance } from "../../src/messaging/WaitAllowance.ts"

const timeout = 1_000

const make = Effect.map(Clock.Clock, (clock) => new WaitAllowance({ timeout, clock }))

/** Waits in vain for several lanes at the same time, or for a connection. */
const spend = (allowance: WaitAllowance, millis: number, ...lanes: ReadonlyArray<Slowness | undefined>) =>
  Effect.gen(function* () {
    const since = allowance.now()
    yield* Effect.sleep(millis)
    for (const lane of lanes) allowance.spend(since, lane)
  })

/** Spends all time for peers that have given no credit. */
const spendAll = (allowance: WaitAllowance) =>
  Effect.replicateEffect(
    Effect.suspend(() => spend(allowance, timeout, new Slowness())),
    burst,
  )

/** Returns a lane of a peer that has given credit. */
const generous = () => {
  const lane = new Slowness()
  lane.grant()
  return lane
}

describe("the allowance of messages to many", () => {
  it.effect("is the timeout for each lane, and some timeouts for all lanes without credit and connections", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      const lane = new Slowness()
      assert.strictEqual(allowance.left(lane), 1_000)
      yield* spend(allowance, 300, lane)
      assert.deepStrictEqual([lane, new Slowness(), undefined].map(allowance.left, allowance), [700, 1_000, 1_000])
      yield* spend(allowance, 700, lane)
      yield* spend(allowance, 1_000, undefined)
      yield* spend(allowance, 600, new Slowness())
      assert.deepStrictEqual([lane, new Slowness(), undefined].map(allowance.left, allowance), [0, 400, 400])
      yield* spend(allowance, 400, new Slowness())
      assert.deepStrictEqual([new Slowness(), undefined].map(allowance.left, allowance), [0, 0])
    }).pipe(VirtualTime.flow),
  )

  it.effect("is the timeout for a lane with credit whatever others have spent, and spends nothing of theirs", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      for (let i = 0; i < 9; i++) yield* spend(allowance, 1_000, generous())
      assert.strictEqual(allowance.left(undefined), 1_000)
      yield* spendAll(allowance)
      const lane = generous()
      assert.strictEqual(allowance.left(lane), 1_000)
      yield* spend(allowance, 600, lane)
      assert.strictEqual(allowance.left(lane), 400)
      lane.grant()
      assert.strictEqual(allowance.left(lane), 1_000)
    }).pipe(VirtualTime.flow),
  )

  it.effect("returns with time, a tenth of it, up to the whole", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      yield* spendAll(allowance)
      yield* Effect.sleep(4_000)
      assert.strictEqual(allowance.left(undefined), 400)
      yield* spend(allowance, 400, undefined)
      assert.strictEqual(allowance.left(undefined), 0, "the time of a wait does not return any")
      yield* Effect.sleep(5_000)
      yield* spend(allowance, 100, undefined)
      assert.strictEqual(allowance.left(undefined), 400)
      yield* Effect.sleep(300_000)
      for (let i = 1; i < burst; i++) yield* spend(allowance, 1_000, undefined)
      yield* spend(allowance, 700, undefined)
      assert.strictEqual(allowance.left(undefined), 300, "no more than the whole has returned")
    }).pipe(VirtualTime.flow),
  )

  it.effect("counts the time in which several messages wait once, also if the longer wait ends last", () =>
    Effect.gen(function* () {
      const allowance = yield* make
      yield* spendAll(allowance)
      yield* Effect.sleep(5_000)
      const [first, second] = [new Slowness(), new Slowness()]
      const since = allowance.now()
      yield* Effect.sleep(450)
      yield* spend(allowance, 50, first, second)
      allowance.spend(since, second)
      assert.deepStrictEqual([first.waited, second.waited, allowance.left(undefined)], [50, 500, 45])
    }).pipe(VirtualTime.flow),
  )
})
