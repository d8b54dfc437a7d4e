import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { InputShares } from "../../src/peering/InputShares.ts"

const settle = Effect.repeat(Effect.yieldNow, { times: 5 })

it.effect("makes a peer wait whose share is full, and no other peer", () =>
  Effect.gen(function* () {
    const shares = new InputShares(10)
    yield* shares.add("a", 6)
    const second = yield* Effect.forkChild(shares.add("a", 5), { startImmediately: true })
    yield* shares.add("b", 10)
    yield* settle
    assert.isUndefined(second.pollUnsafe())
    assert.strictEqual(shares.most(), 10)
    shares.remove("a", 1)
    yield* Fiber.join(second)
    assert.strictEqual(shares.most(), 10)
  }),
)

it.effect("accepts an input above the share once no other input of the peer waits", () =>
  Effect.gen(function* () {
    const shares = new InputShares(10)
    yield* shares.add("a", 1)
    const large = yield* Effect.forkChild(shares.add("a", 100), { startImmediately: true })
    yield* settle
    assert.isUndefined(large.pollUnsafe())
    shares.remove("a", 1)
    yield* Fiber.join(large)
    assert.strictEqual(shares.most(), 100)
  }),
)

it.effect("counts nothing for an input that stopped waiting", () =>
  Effect.gen(function* () {
    const shares = new InputShares(10)
    yield* shares.add("a", 10)
    const second = yield* Effect.forkChild(shares.add("a", 5), { startImmediately: true })
    yield* Fiber.interrupt(second)
    shares.remove("a", 10)
    yield* settle
    assert.strictEqual(shares.most(), 0)
  }),
)
