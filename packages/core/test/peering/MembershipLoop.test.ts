import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as TestClock from "effect/testing/TestClock"
import type * as Membership from "../../src/membership/Membership.ts"
import type { Output } from "../../src/membership/Draft.ts"
import type * as State from "../../src/membership/State.ts"
import { initial, makeLoop } from "./support.ts"

const ignore = { perform: () => undefined, changed: () => undefined }

/** Raises the local health, and sends a frame. */
const output: Output = { _tag: "Send", to: ["b"], frame: { _tag: "Leave", generation: 1 } }
const raise = (state: State.State): readonly [State.State, ReadonlyArray<Output>] => [
  { ...state, health: state.health + 1, improvesAt: 1_000_000 },
  [output],
]

it.effect("handles inputs in order, and performs the outputs of each step before it reports the new state", () =>
  Effect.gen(function* () {
    const { loop } = yield* makeLoop(raise)
    const seen: Array<string> = []
    yield* Effect.forkChild(
      loop.run({
        perform: ({ _tag }, { health }) => seen.push(`${_tag} ${health}`),
        changed: (state, before) => seen.push(`${before.health} -> ${state.health}`),
      }),
    )
    yield* loop.submit({ _tag: "Leave" })
    const after = yield* loop.submitAndAwait({ _tag: "Leave" })
    assert.strictEqual(after.health, 2)
    assert.strictEqual(loop.state(), after)
    assert.deepStrictEqual(seen, ["Send 1", "0 -> 1", "Send 2", "1 -> 2"])
  }),
)

it.effect("does not report a step that changes nothing", () =>
  Effect.gen(function* () {
    const { loop } = yield* makeLoop()
    let changes = 0
    yield* Effect.forkChild(loop.run({ ...ignore, changed: () => void changes++ }))
    assert.strictEqual(yield* loop.submitAndAwait({ _tag: "Leave" }), initial)
    assert.strictEqual(changes, 0)
  }),
)

it.effect("makes a submitter wait while the queue is full, and counts the waiting inputs", () =>
  Effect.gen(function* () {
    const { loop } = yield* makeLoop(undefined, { capacity: 1 })
    yield* loop.submit({ _tag: "Leave" })
    const second = yield* Effect.forkChild(loop.submit({ _tag: "Leave" }), { startImmediately: true })
    yield* Effect.yieldNow
    assert.isUndefined(second.pollUnsafe())
    assert.isAtLeast(loop.waiting(), 1)
    yield* Effect.forkChild(loop.run(ignore))
    yield* Fiber.join(second)
    yield* loop.submitAndAwait({ _tag: "Leave" })
    assert.strictEqual(loop.waiting(), 0)
  }),
)

it.effect("submits a Tick once per pulse, and at the deadline of the state if that is earlier", () =>
  Effect.gen(function* () {
    const { inputs, loop } = yield* makeLoop((state, now, input) => [
      input._tag === "Tick" ? { ...state, health: 0 } : { ...state, health: 1, improvesAt: now + 300 },
      [],
    ])
    const ticks = () => inputs.filter(({ _tag }) => _tag === "Tick").length
    yield* Effect.forkChild(loop.run(ignore))
    yield* Effect.yieldNow
    yield* TestClock.adjust("999 millis")
    assert.strictEqual(ticks(), 0)
    yield* TestClock.adjust("1 millis")
    assert.deepStrictEqual(inputs, [{ _tag: "Tick", stalled: false, wall: 1_000 }])
    yield* loop.submitAndAwait({ _tag: "Leave" })
    yield* TestClock.adjust("299 millis")
    assert.strictEqual(ticks(), 1)
    yield* TestClock.adjust("1 millis")
    assert.strictEqual(ticks(), 2)
    yield* TestClock.adjust("1 second")
    assert.strictEqual(ticks(), 3)
  }),
)

const frameFrom = (name: string): Extract<Membership.Input, { readonly _tag: "Received" }> => ({
  _tag: "Received",
  from: { name, generation: 1 },
  frame: { _tag: "Update", records: [] },
})

it.effect("lets other fibers run after some inputs, however many inputs wait", () =>
  Effect.gen(function* () {
    const { inputs, loop } = yield* makeLoop(undefined, { capacity: 1_000 })
    for (let i = 0; i < 500; i++) yield* loop.submit({ _tag: "Leave" })
    yield* Effect.forkChild(loop.run(ignore))
    const handled: Array<number> = []
    while (inputs.length < 500) {
      yield* Effect.yieldNow
      handled.push(inputs.length)
    }
    assert.isAtLeast(new Set(handled).size, 500 / 64)
    assert.isBelow(handled.find((count) => count > 0) ?? 500, 65)
  }),
)

it.effect("yields to timers and sockets after some milliseconds of work, however few inputs there were", () =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    let worked = 0
    const busy: Clock.Clock = {
      ...clock,
      sleep: (duration) => clock.sleep(duration),
      monotonicTimeNanosUnsafe: () => BigInt(worked) * 1_000_000n,
    }
    const { inputs, loop } = yield* makeLoop(
      (state) => {
        worked += 3
        return [state, []]
      },
      { clock: busy },
    )
    for (let i = 0; i < 10; i++) yield* loop.submit({ _tag: "Leave" })
    yield* Effect.forkChild(loop.run(ignore))
    const handled: Array<number> = []
    while (inputs.length < 10) {
      yield* Effect.yieldNow
      handled.push(inputs.length)
    }
    assert.deepStrictEqual([...new Set(handled)].filter((count) => count > 0).slice(0, 2), [2, 4])
  }),
)

it.effect("makes the reader of a peer wait whose frames cost more than its share, and no other reader", () =>
  Effect.gen(function* () {
    const { inputs, loop } = yield* makeLoop(undefined, { share: 10 })
    yield* loop.submitFrame(frameFrom("b"), 8)
    const second = yield* Effect.forkChild(loop.submitFrame(frameFrom("b"), 8), { startImmediately: true })
    yield* loop.submitFrame(frameFrom("c"), 8)
    yield* loop.submit({ _tag: "Leave" })
    assert.isUndefined(second.pollUnsafe())
    assert.strictEqual(loop.waiting(), 3)
    assert.strictEqual(loop.largestShare(), 8)
    yield* Effect.forkChild(loop.run(ignore))
    yield* Fiber.join(second)
    yield* loop.submitAndAwait({ _tag: "Leave" })
    assert.strictEqual(inputs.length, 5)
    assert.strictEqual(loop.largestShare(), 0)
  }),
)

it.effect("handles a Tick while many submitters wait", () =>
  Effect.gen(function* () {
    const { inputs, loop } = yield* makeLoop(
      (state, _, { _tag }) => [_tag === "Tick" ? { ...state, health: 0 } : { ...state, health: 1, improvesAt: 0 }, []],
      { capacity: 4 },
    )
    const submits = Effect.repeat(loop.submit({ _tag: "Leave" }), { times: 50 })
    const crowd = yield* Effect.forEach(Array.from({ length: 200 }), () => Effect.forkChild(submits))
    yield* Effect.forkChild(loop.run(ignore))
    yield* Fiber.joinAll(crowd)
    assert.isAtMost(inputs.findIndex(({ _tag }) => _tag === "Tick") >>> 0, 1_000)
  }),
)

it.effect("keeps no share for a frame whose link ends at any time", () =>
  Effect.gen(function* () {
    const { loop } = yield* makeLoop(undefined, { capacity: 1 })
    for (let turns = 0; turns < 40; turns++) {
      const fiber = yield* Effect.forkChild(
        Effect.provideService(loop.submitFrame(frameFrom("b"), 10), Scheduler.MaxOpsBeforeYield, 3),
      )
      for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
    }
    yield* Effect.forkChild(loop.run(ignore))
    yield* loop.submitAndAwait({ _tag: "Leave" })
    assert.strictEqual(loop.largestShare(), 0)
  }),
)
