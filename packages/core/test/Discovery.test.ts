import * as Discovery from "@coterie/core/Discovery"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"

const found = (...addresses: ReadonlyArray<string>) => Effect.succeed(addresses)

/** Polls once with each of the effects. Returns the sets and the log lines. */
const poll = (runs: ReadonlyArray<Effect.Effect<ReadonlyArray<string>, unknown>>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
    let next = 0
    const find = Effect.suspend(() => runs[next++] ?? Effect.die("one run too many"))
    const sets = yield* Discovery.poll(find, Schedule.recurs(runs.length - 1)).pipe(
      Stream.runCollect,
      Effect.provide(Logger.layer([logger])),
    )
    return { sets, lines }
  })

const kept = "the addresses found before stay in use"

describe("a polled discovery", () => {
  it.effect("emits the set of each run, including an empty set", () =>
    Effect.gen(function* () {
      const { lines, sets } = yield* poll([found("a:1", "b:2"), found(), found("c:3")])
      assert.deepStrictEqual(sets, [["a:1", "b:2"], [], ["c:3"]])
      assert.deepStrictEqual(lines, [])
    }),
  )

  it.effect("emits no set for a failed run, and continues", () =>
    Effect.gen(function* () {
      const { sets } = yield* poll([Effect.fail("at first"), found("a:1"), Effect.fail("later"), found("b:2")])
      assert.deepStrictEqual(sets, [["a:1"], ["b:2"]])
    }),
  )

  it.effect("logs a failure only when it begins, changes and ends", () =>
    Effect.gen(function* () {
      const down = Effect.fail(new Error("down"))
      const late = Effect.fail("late")
      const { lines } = yield* poll([found(), down, down, late, late, found(), found(), late])
      assert.deepStrictEqual(lines, [
        `Warn: discovery: down; ${kept}`,
        `Warn: discovery: late; ${kept}`,
        "Info: discovery: works again; the problem was: late",
        `Warn: discovery: late; ${kept}`,
      ])
    }),
  )

  it.effect("continues after a run that died, and logs it as an error", () =>
    Effect.gen(function* () {
      const { lines, sets } = yield* poll([Effect.die(new Error("a mistake")), found("a:1")])
      assert.deepStrictEqual(sets, [["a:1"]])
      assert.match(lines[0] ?? "", /^Error: discovery: a mistake; the addresses found before stay in use/)
    }),
  )

  it.effect("logs the cause of an error that wraps another", () =>
    Effect.gen(function* () {
      const silent = Effect.fail(new Error("", { cause: new Error("no route") }))
      const wrapped = Effect.fail(new Error("the registry", { cause: new Error("no route") }))
      const { lines } = yield* poll([silent, wrapped, Effect.fail(new TypeError())])
      assert.deepStrictEqual(lines, [
        `Warn: discovery: no route; ${kept}`,
        `Warn: discovery: the registry: no route; ${kept}`,
        `Warn: discovery: TypeError; ${kept}`,
      ])
    }),
  )

  it.effect("continues after an error that wraps itself", () =>
    Effect.gen(function* () {
      const circular = new Error("round")
      circular.cause = circular
      const { lines, sets } = yield* poll([Effect.fail(circular), found("a:1")])
      assert.deepStrictEqual(sets, [["a:1"]])
      assert.strictEqual(lines[0], `Warn: discovery: round: round: round: round: round; ${kept}`)
    }),
  )

  it.effect("ends without a log line when it is interrupted during a run", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const hanging = Deferred.succeed(started, undefined).pipe(
        Effect.andThen(Effect.never),
        Effect.onInterrupt(() => Deferred.succeed(ended, undefined)),
      )
      const fiber = yield* Effect.forkChild(poll([hanging, found("a:1")]))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(ended)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
    }),
  )
})
