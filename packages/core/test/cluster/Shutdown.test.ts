import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { Shutdown } from "../../src/cluster/Shutdown.ts"
import type * as State from "../../src/membership/State.ts"
import { initial } from "../peering/support.ts"

/** The shutdown of a node, and the order of what it did. */
const make = Effect.fnUntraced(function* (phase: State.Phase = { _tag: "Running" }) {
  const told: Array<string> = []
  const tell = (text: string) => Effect.sync(() => void told.push(text))
  const scope = yield* Scope.make()
  yield* Scope.addFinalizer(scope, tell("scope closed"))
  const shutdown: Shutdown = new Shutdown({
    loop: {
      state: () => ({ ...initial, phase }),
      submit: ({ _tag }) =>
        Effect.sync(() => {
          told.push(_tag)
          shutdown.start("left")
        }),
    },
    links: { closeAll: (code) => tell(`links closed: ${code}`) },
    readers: { end: tell("readers ended") },
    readingPeers: { end: () => undefined },
    deadLetters: { end: tell("dead letters ended") },
    hub: { end: () => void told.push("events ended") },
    logging: yield* Effect.forkChild(Effect.andThen(Effect.repeat(Effect.yieldNow, { times: 20 }), tell("logged"))),
    scope,
    labels: { cluster: "test", node: "a" },
  })
  return { shutdown, told, run: yield* Effect.forkChild(shutdown.run) }
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
        const { run, shutdown, told } = yield* make()
        shutdown.start(reason)
        yield* Fiber.join(run)
        yield* shutdown.await
        assert.deepStrictEqual(
          told.filter((each) => each !== "logged"),
          inOrder(code),
        )
      }
    }),
  )

  it.effect("waits until its last line is logged before it closes its scope", () =>
    Effect.gen(function* () {
      const { run, shutdown, told } = yield* make()
      shutdown.start("left")
      yield* Fiber.join(run)
      assert.include(told, "logged")
      assert.isBelow(told.indexOf("logged"), told.indexOf("scope closed"))
    }),
  )

  it.effect("does so once, for the first reason", () =>
    Effect.gen(function* () {
      const { run, shutdown, told } = yield* make()
      shutdown.start("superseded")
      shutdown.start("left")
      yield* Fiber.join(run)
      assert.include(told, "links closed: superseded")
      assert.notInclude(told, "links closed: left")
    }),
  )
})

describe("leaving", () => {
  it.effect("asks membership to leave, and ends when nothing is left", () =>
    Effect.gen(function* () {
      const { shutdown, told } = yield* make()
      yield* shutdown.leave
      assert.strictEqual(
        told.find((each) => each !== "logged"),
        "Leave",
      )
      assert.include(told, "scope closed")
    }),
  )

  it.effect("asks for nothing once the node has stopped", () =>
    Effect.gen(function* () {
      const { run, shutdown, told } = yield* make({ _tag: "Stopped", reason: "left" })
      assert.isFalse(shutdown.isRunning)
      shutdown.start("left")
      yield* Fiber.join(run)
      yield* shutdown.leave
      assert.notInclude(told, "Leave")
    }),
  )
})
