import { EventEmitter } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Reply } from "../../src/cli/protocol.ts"
import { SimulationThread } from "../../src/cli/SimulationThread.ts"

/** Worker that answers when a test makes it answer. */
class TestWorker extends EventEmitter {
  readonly requests: Array<unknown> = []
  postMessage(request: unknown): void {
    this.requests.push(request)
  }
}

const make = () => {
  const worker = new TestWorker()
  const thread = new SimulationThread(worker, "/folder/lease.sim.ts")
  return {
    thread,
    requests: worker.requests,
    answer: (reply: Reply) => worker.emit("message", reply),
    exit: (code: number) => worker.emit("exit", code),
    fail: (error: Error) => worker.emit("error", error),
  }
}

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("SimulationThread", () => {
  it.effect("passes replies to callers in the order of their requests", () =>
    Effect.gen(function* () {
      const { answer, requests, thread } = make()
      const first = yield* start(thread.seed(1, "a"))
      const second = yield* start(thread.seed(2, "b"))
      assert.deepStrictEqual(requests, [
        { _tag: "Seed", seed: 1, scenario: "a" },
        { _tag: "Seed", seed: 2, scenario: "b" },
      ])
      assert.strictEqual(thread.running(), 1)
      answer({ _tag: "Done", runs: [] })
      assert.strictEqual(thread.running(), 2)
      answer({ _tag: "Refused", reason: "options", message: "no" })
      assert.deepStrictEqual(yield* Fiber.join(first), [])
      assert.strictEqual((yield* Effect.flip(Fiber.join(second))).message, "no")
      assert.isUndefined(thread.running())
    }),
  )

  it.effect("fails all callers with the seed at which the thread ended", () =>
    Effect.gen(function* () {
      const { exit, fail, thread } = make()
      const callers = [yield* start(thread.seed(5, "a")), yield* start(thread.seed(6, "a"))]
      fail(new Error("out of memory"))
      exit(1)
      for (const caller of callers) {
        const error = yield* Effect.flip(Fiber.join(caller))
        assert(error._tag === "ThreadDied")
        assert.strictEqual(error.seed, 5)
        assert.include(error.message, "running seed 5")
        assert.include(error.message, "out of memory")
      }
    }),
  )

  it.effect("fails requests after its end with the first reason", () =>
    Effect.gen(function* () {
      const { exit, fail, thread } = make()
      exit(7)
      fail(new Error("later"))
      const error = yield* Effect.flip(thread.replay("{}"))
      assert(error._tag === "ThreadDied")
      assert.include(error.message, "running the artifact: it exited with code 7")
    }),
  )

  it.effect("names the module that ended the thread while it was loaded", () =>
    Effect.gen(function* () {
      const { exit, thread } = make()
      const loading = yield* start(thread.loaded)
      exit(1)
      assert.include((yield* Effect.flip(Fiber.join(loading))).message, "loading lease.sim.ts")
    }),
  )
})
