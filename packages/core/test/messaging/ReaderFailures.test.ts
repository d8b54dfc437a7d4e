import { assert, describe, it } from "@effect/vitest"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { linesPerSubject, periodMillis } from "../../src/internal/LineBudget.ts"
import * as LogBudget from "../../src/internal/LogBudget.ts"
import { ReaderFailures } from "../../src/messaging/ReaderFailures.ts"

/** Watches streams of a node, and collects the reports and the log lines. */
const make = Effect.gen(function* () {
  const reported: Array<string> = []
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => {
    lines.push(String(Array.isArray(message) ? message[0] : message))
  })
  const node = { isRunning: true }
  const failures = new ReaderFailures({
    log: yield* LogBudget.make,
    context: yield* Effect.provide(Effect.context<never>(), Logger.layer([logger])),
    isRunning: () => node.isRunning,
    onFailed: (lane) => reported.push(lane),
  })
  const fail = Effect.exit(Stream.runForEach(failures.watch("orders", Stream.make(1)), () => Effect.fail("no disk")))
  return { failures, fail, reported, lines, node }
})

describe("failures of readers", () => {
  it.effect("are logged in the context of the node, and counted", () =>
    Effect.gen(function* () {
      const { fail, lines, reported } = yield* make
      yield* fail
      assert.deepStrictEqual(lines, [
        'the reader of "orders" failed; start it again, because it gets no messages until then',
      ])
      assert.deepStrictEqual(reported, ["orders"])
    }),
  )

  it.effect("have a budget of lines per lane, and are all counted", () =>
    Effect.gen(function* () {
      const { fail, lines, reported } = yield* make
      for (let i = 0; i < 30; i++) yield* fail
      assert.strictEqual(lines.length, linesPerSubject)
      yield* Effect.sleep(periodMillis)
      assert.strictEqual(lines.at(-1), 'omitted log lines of the kind "reader failed": 20')
      yield* fail
      assert.strictEqual(lines.length, linesPerSubject + 2)
      assert.strictEqual(reported.length, 31)
    }).pipe(VirtualTime.flow),
  )

  it.effect("are not reported once the node has left", () =>
    Effect.gen(function* () {
      const { fail, lines, node, reported } = yield* make
      node.isRunning = false
      yield* fail
      assert.deepStrictEqual([...lines, ...reported], [])
    }),
  )
})
