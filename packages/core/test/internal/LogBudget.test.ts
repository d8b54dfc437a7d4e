import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { linesPerSubject, periodMillis } from "../../src/internal/LineBudget.ts"
import * as LogBudget from "../../src/internal/LogBudget.ts"

/** Runs the body with a log, and collects its lines with their levels and annotations. */
const withLog = <A, E>(
  body: (world: {
    readonly close: Effect.Effect<void>
    readonly lines: ReadonlyArray<string>
    readonly annotations: ReadonlyArray<Readonly<Record<string, unknown>>>
    /** Writes this number of lines about the peer `b`. */
    readonly write: (count: number, kind?: string) => Effect.Effect<void>
  }) => Effect.Effect<A, E>,
): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const annotations: Array<Readonly<Record<string, unknown>>> = []
    const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
      lines.push(`${logLevel}: ${String(Array.isArray(message) ? message[0] : message)}`)
      annotations.push(fiber.getRef(References.CurrentLogAnnotations))
    })
    const scope = yield* Scope.make()
    const log = yield* Scope.provide(LogBudget.make, scope)
    const write = (count: number, kind = "Joined") =>
      Effect.repeat(log.write({ level: "Warn", kind, subject: "b", text: `b: ${kind}`, annotations: { peer: "b" } }), {
        times: count - 1,
      })
    return yield* Effect.provide(
      body({
        close: Scope.close(scope, Exit.void),
        lines,
        annotations,
        write: (...args) => Effect.asVoid(write(...args)),
      }),
      Logger.layer([logger]),
    )
  })

describe("the log of a node", () => {
  it.effect("writes lines within the budget with their level and annotations, and nothing else", () =>
    withLog(({ annotations, lines, write }) =>
      Effect.gen(function* () {
        yield* write(2)
        yield* TestClock.adjust(2 * periodMillis)
        assert.deepStrictEqual(lines, ["Warn: b: Joined", "Warn: b: Joined"])
        assert.deepStrictEqual(annotations, [{ peer: "b" }, { peer: "b" }])
      }),
    ),
  )

  it.effect("writes one line about the omitted lines when the budget is available again", () =>
    withLog(({ annotations, lines, write }) =>
      Effect.gen(function* () {
        yield* write(linesPerSubject + 5)
        yield* TestClock.adjust(periodMillis / 2)
        yield* write(3)
        assert.strictEqual(lines.length, linesPerSubject)
        yield* TestClock.adjust(periodMillis / 2)
        assert.deepStrictEqual(lines.slice(linesPerSubject), ['Warn: omitted log lines of the kind "Joined": 8'])
        assert.deepStrictEqual(annotations.at(-1), {})
        yield* write(linesPerSubject + 1)
        yield* TestClock.adjust(periodMillis)
        assert.strictEqual(lines.at(-1), 'Warn: omitted log lines of the kind "Joined": 1')
        assert.strictEqual(lines.length, 2 * linesPerSubject + 2)
      }),
    ),
  )

  it.effect("has a separate budget for each kind of line", () =>
    withLog(({ lines, write }) =>
      Effect.gen(function* () {
        yield* write(linesPerSubject + 1)
        yield* write(1, "Failed")
        assert.strictEqual(lines.at(-1), "Warn: b: Failed")
      }),
    ),
  )

  it.effect("reports the number of omitted lines when its scope closes", () =>
    withLog(({ close, lines, write }) =>
      Effect.gen(function* () {
        yield* write(linesPerSubject + 4)
        yield* close
        assert.strictEqual(lines.at(-1), 'Warn: omitted log lines of the kind "Joined": 4')
      }),
    ),
  )
})
