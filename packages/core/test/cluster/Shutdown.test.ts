import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { OtherCluster, StoppedError } from "../../src/ClusterError.ts"
import { Shutdown } from "../../src/cluster/Shutdown.ts"
import type * as State from "../../src/membership/State.ts"
import { initial } from "../peering/support.ts"

/** Makes the shutdown of a node, and collects its steps in order. */
const make = Effect.fnUntraced(function* (
  phase: State.Phase = { _tag: "Running" },
  refused: Effect.Effect<StoppedError> = Effect.never,
) {
  const reported: Array<string> = []
  const report = (text: string) => Effect.sync(() => void reported.push(text))
  const stops: Array<StoppedError | undefined> = []
  const scope = yield* Scope.make()
  yield* Scope.addFinalizer(scope, report("scope closed"))
  const shutdown: Shutdown = new Shutdown({
    loop: {
      state: () => ({ ...initial, phase }),
      submit: ({ _tag }) =>
        Effect.sync(() => {
          reported.push(_tag)
          shutdown.start("left")
        }),
    },
    links: { closeAll: (code) => report(`links closed: ${code}`) },
    readers: { end: report("readers ended") },
    readingPeers: { end: () => undefined },
    deadLetters: { end: report("dead letters ended") },
    hub: { end: () => void reported.push("events ended") },
    status: { refused, stopping: () => {}, stopped: (error) => void stops.push(error) },
    logging: yield* Effect.forkChild(Effect.andThen(Effect.repeat(Effect.yieldNow, { times: 20 }), report("logged"))),
    scope,
    labels: { cluster: "test", node: "a" },
  })
  return { shutdown, reported, stops, run: yield* Effect.forkChild(shutdown.run) }
})

const inOrder = (code: string) => [
  `links closed: ${code}`,
  "readers ended",
  "dead letters ended",
  "events ended",
  "scope closed",
]

describe("a node that stops", () => {
  it.effect("closes its links first and its scope last, with the code of its reason", () =>
    Effect.gen(function* () {
      for (const [reason, code] of [
        ["left", "left"],
        ["superseded", "superseded"],
      ] as const) {
        const { run, shutdown, reported } = yield* make()
        shutdown.start(reason)
        yield* Fiber.join(run)
        yield* shutdown.await
        assert.deepStrictEqual(
          reported.filter((each) => each !== "logged"),
          inOrder(code),
        )
      }
    }),
  )

  it.effect("logs its last line before it closes its scope", () =>
    Effect.gen(function* () {
      const { run, shutdown, reported } = yield* make()
      shutdown.start("left")
      yield* Fiber.join(run)
      assert.include(reported, "logged")
      assert.isBelow(reported.indexOf("logged"), reported.indexOf("scope closed"))
    }),
  )

  it.effect("stops once, for the first reason", () =>
    Effect.gen(function* () {
      const { run, shutdown, reported } = yield* make()
      shutdown.start("superseded")
      shutdown.start("left")
      yield* Fiber.join(run)
      assert.include(reported, "links closed: superseded")
      assert.notInclude(reported, "links closed: left")
    }),
  )
})

describe("leaving", () => {
  it.effect("submits a leave to the membership, and ends when the shutdown is complete", () =>
    Effect.gen(function* () {
      const { shutdown, reported } = yield* make()
      yield* shutdown.leave("test")
      assert.strictEqual(
        reported.find((each) => each !== "logged"),
        "Leave",
      )
      assert.include(reported, "scope closed")
    }),
  )

  it.effect("submits nothing once the node has stopped", () =>
    Effect.gen(function* () {
      const { run, shutdown, reported } = yield* make({ _tag: "Stopped", reason: "left" })
      assert.isFalse(shutdown.isRunning)
      shutdown.start("left")
      yield* Fiber.join(run)
      yield* shutdown.leave("test")
      assert.notInclude(reported, "Leave")
    }),
  )

  it.effect("has stopped without an error if it has left", () =>
    Effect.gen(function* () {
      const { shutdown, stops } = yield* make()
      shutdown.start("left")
      yield* shutdown.stopped
      assert.deepStrictEqual(stops, [undefined])
    }),
  )

  it.effect("has stopped with an error if a namesake took its name, or its membership failed", () =>
    Effect.gen(function* () {
      const superseded = yield* make()
      superseded.shutdown.start("superseded")
      const died = yield* make()
      died.shutdown.died(Cause.die(new Error("the policy threw")))
      died.shutdown.start("left")
      const errors = [yield* Effect.flip(superseded.shutdown.stopped), yield* Effect.flip(died.shutdown.stopped)]
      assert.deepStrictEqual(
        errors.map(({ reason }) => reason._tag),
        ["Superseded", "Defect"],
      )
      assert.include(errors[1]?.message, "the policy threw")
      assert.strictEqual(died.stops[0], errors[1])
    }),
  )

  it.effect("leaves because of a refusal, and has stopped with its error", () =>
    Effect.gen(function* () {
      const refusal = new StoppedError({ reason: new OtherCluster({ refusedBy: "peer", text: "no" }) })
      const { shutdown, reported } = yield* make({ _tag: "Running" }, Effect.succeed(refusal))
      yield* shutdown.watch
      assert.strictEqual(yield* Effect.flip(shutdown.stopped), refusal)
      assert.strictEqual(reported[0], "Leave")
    }),
  )
})
