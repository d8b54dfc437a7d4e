import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { OpenPacer } from "../../src/messaging/OpenPacer.ts"

const isClosed = () => false
const isOpen = () => true

/** How exact the pace is for one lane, in milliseconds. */
const pollMillis = 10

/** Ten lanes a second, and three at once. */
const limits = { controlRate: 40, controlBurst: 12 }

const timed = <A>(effect: Effect.Effect<A>) =>
  Effect.gen(function* () {
    const before = yield* Clock.currentTimeMillis
    yield* effect
    return (yield* Clock.currentTimeMillis) - before
  })

it.effect("lets a burst of lanes open at once, and the next ones at the rate", () =>
  Effect.gen(function* () {
    const pacer = new OpenPacer(limits, yield* Clock.Clock)
    assert.strictEqual(yield* timed(Effect.repeat(pacer.await(isClosed), { times: 2 })), 0)
    assert.approximately(yield* timed(pacer.await(isClosed)), 100, pollMillis)
    const many = Effect.all(
      Array.from({ length: 10 }, () => pacer.await(isClosed)),
      { concurrency: "unbounded", discard: true },
    )
    assert.approximately(yield* timed(many), 1_000, 10 * pollMillis)
  }).pipe(VirtualTime.flow),
)

it.effect("lets a reader of a lane that is open wait for nothing", () =>
  Effect.gen(function* () {
    const pacer = new OpenPacer(limits, yield* Clock.Clock)
    yield* Effect.repeat(pacer.await(isClosed), { times: 2 })
    assert.strictEqual(yield* timed(pacer.await(isOpen)), 0)
  }).pipe(VirtualTime.flow),
)
