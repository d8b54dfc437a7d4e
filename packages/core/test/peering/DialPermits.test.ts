import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { HearsayDial } from "../../src/peering/HearsayQueue.ts"
import { TransportError } from "../../src/Transport.ts"
import { DialPermits } from "../../src/peering/DialPermits.ts"

it.effect("runs no more dials at once than there are permits, and counts the running dials", () =>
  Effect.gen(function* () {
    const permits = new DialPermits(1)
    const first = Deferred.makeUnsafe<void>()
    const exits: Array<Exit.Exit<void>> = []
    let hasStarted = false
    const one = yield* Effect.forkChild(permits.run(Deferred.await(first), (exit) => exits.push(exit)))
    const two = yield* Effect.forkChild(
      permits.run(
        Effect.sync(() => {
          hasStarted = true
        }),
        (exit) => exits.push(exit),
      ),
    )
    yield* Effect.yieldNow
    yield* Effect.yieldNow
    assert.strictEqual(permits.size(), 1)
    assert.isFalse(hasStarted)
    Deferred.doneUnsafe(first, Effect.void)
    yield* Fiber.join(one)
    yield* Fiber.join(two)
    assert.isTrue(hasStarted)
    assert.strictEqual(permits.size(), 0)
    assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, true])
  }),
)

it.effect("returns the permit when a dial fails", () =>
  Effect.gen(function* () {
    const permits = new DialPermits(1)
    yield* Effect.flip(permits.run(Effect.fail("no"), () => {}))
    assert.strictEqual(permits.size(), 0)
    yield* permits.run(Effect.void, () => {})
  }),
)

const settle = Effect.repeat(Effect.yieldNow, { times: 5 })

/** Creates permits that dials of candidates all wait for, and the names of the dials that have started. */
const makeFlooded = Effect.gen(function* () {
  const permits = new DialPermits(4)
  const started: Array<string> = []
  const run = (name: string, hearsay?: HearsayDial) =>
    Effect.forkChild(
      permits.run(
        Effect.andThen(
          Effect.sync(() => void started.push(name)),
          Effect.never,
        ),
        () => {},
        hearsay,
      ),
      { startImmediately: true },
    )
  const ghosts: Array<Fiber.Fiber<void>> = []
  for (let i = 0; i < 100; i++) ghosts.push(yield* run(`ghost ${i}`, { announcer: "flood", isRetry: false }))
  yield* settle
  return { ghosts, permits, run, started }
})

it.effect("leaves permits to members, seeds and joins, however many candidates wait", () =>
  Effect.gen(function* () {
    const { ghosts, permits, run, started } = yield* makeFlooded
    assert.strictEqual(permits.size(), 3)
    yield* run("member")
    yield* run("seed")
    yield* settle
    assert.deepStrictEqual(started.slice(3), ["member"])
    yield* Fiber.interruptAll(ghosts.slice(0, 3))
    yield* settle
    assert.strictEqual(started[4], "seed")
    assert.strictEqual(permits.size(), 4)
  }),
)

it.effect("returns every permit that an interrupted dial had or waited for", () =>
  Effect.gen(function* () {
    const { ghosts, permits, run, started } = yield* makeFlooded
    yield* Fiber.interruptAll(ghosts)
    yield* settle
    assert.strictEqual(permits.size(), 0)
    const before = started.length
    for (let i = 0; i < 4; i++) yield* run(`member ${i}`)
    yield* settle
    assert.strictEqual(started.length, before + 4)
  }),
)

it.effect("runs fewer dials of an announcer whose address the network lists of this node exclude", () =>
  Effect.gen(function* () {
    const { ghosts, permits, started } = yield* makeFlooded
    // Three dials of one announcer run at once. Each dial into an excluded network takes one of them away.
    const forbidden = new TransportError({ reason: "forbidden", message: "" })
    const run = (dial: Effect.Effect<never, TransportError>) =>
      permits.run(dial, () => {}, { announcer: "other", isRetry: false })
    yield* Fiber.interruptAll(ghosts)
    const wait = Deferred.makeUnsafe<void>()
    const dial = Effect.andThen(Deferred.await(wait), Effect.fail(forbidden))
    const dials: Array<Fiber.Fiber<never, TransportError>> = []
    for (let i = 0; i < 3; i++) dials.push(yield* Effect.forkChild(run(dial)))
    const later = Effect.andThen(
      Effect.sync(() => void started.push("later")),
      Effect.never,
    )
    for (let i = 0; i < 3; i++) yield* Effect.forkChild(run(later))
    yield* settle
    assert.strictEqual(permits.size(), 3)
    Deferred.doneUnsafe(wait, Effect.void)
    for (const each of dials) assert.strictEqual(yield* Effect.flip(Fiber.join(each)), forbidden)
    yield* settle
    assert.strictEqual(permits.size(), 1)
    assert.deepStrictEqual(
      started.filter((name) => name === "later"),
      ["later"],
    )
  }),
)
