import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Life } from "../../src/kernel/Life.ts"
import { Machine } from "../../src/kernel/Machine.ts"
import { type Guest, NodeCall } from "../../src/run/NodeCall.ts"
import type { NodeDown } from "../../src/SimulationError.ts"

const make = () => {
  const life = new Life(new Machine("a", 0), 1)
  const guests = new Set<Guest>()
  const exits: Array<Exit.Exit<string, NodeDown | "refused">> = []
  const call = new NodeCall<string, "refused">({
    node: "a",
    life,
    guests,
    inTurnOfCaller: (task) => task(),
    done: (exit) => exits.push(exit),
  })
  return { call, exits, guests, life }
}

const loseAll = (guests: Set<Guest>, why: string): void => {
  for (const guest of [...guests]) guest.lost(why)
}

describe("NodeCall", () => {
  it.live("returns the exit of the effect to its caller, and leaves the life", () =>
    Effect.gen(function* () {
      const { call, exits, guests } = make()
      assert.strictEqual(guests.size, 1)
      call.start(() => Effect.runFork(Effect.succeed("done")))
      yield* Effect.yieldNow
      assert.deepStrictEqual(exits, [Exit.succeed("done")])
      assert.strictEqual(guests.size, 0)
    }),
  )

  it.live("fails with NodeDown once when the life ends", () =>
    Effect.gen(function* () {
      const { call, exits, guests } = make()
      const fiber = Effect.runFork(Effect.never)
      call.start(() => fiber)
      loseAll(guests, "a has crashed")
      call.lost("again")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(exits.length, 1)
      const [exit] = exits
      assert(exit !== undefined && Exit.isFailure(exit))
      assert.include(String(exit.cause), "a has crashed: effects that ran on the node are lost")
    }),
  )

  it("does not start an effect that was lost before its first turn", () => {
    const { call } = make()
    call.lost("a was stopped")
    call.start(() => assert.fail("the effect started"))
  })

  it.live("waits for the finalizers of an abandoned effect", () =>
    Effect.gen(function* () {
      const { call, exits, guests } = make()
      let finalized = false
      call.start(() =>
        Effect.runFork(
          Effect.onInterrupt(Effect.never, () =>
            Effect.andThen(
              Effect.sleep(1),
              Effect.sync(() => {
                finalized = true
              }),
            ),
          ),
        ),
      )
      yield* Effect.yieldNow
      yield* call.abandon
      assert.isTrue(finalized)
      assert.deepStrictEqual([exits.length, guests.size], [0, 0])
    }),
  )

  it.live("ends the wait for finalizers when the life ends", () =>
    Effect.gen(function* () {
      const { call, guests } = make()
      call.start(() => Effect.runFork(Effect.onInterrupt(Effect.never, () => Effect.never)))
      yield* Effect.yieldNow
      const abandoning = yield* Effect.forkChild(call.abandon, { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(abandoning.pollUnsafe())
      loseAll(guests, "a has crashed")
      yield* Fiber.join(abandoning)
      assert.strictEqual(guests.size, 0)
    }),
  )

  it.live("does not wait for a paused process", () =>
    Effect.gen(function* () {
      const { call, life } = make()
      call.start(() => Effect.runFork(Effect.onInterrupt(Effect.never, () => Effect.never)))
      yield* Effect.yieldNow
      life.machine.paused = true
      yield* call.abandon
    }),
  )
})
