/** Tests of the handlers of accepted connections. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { echo, next, nodeOf, pattern, receiveAll, sendAll, verify } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Registers the tests. */
export const checkHandlers = ({ check, isEnd }: Suite): void => {
  check("a handler that dies ends its own connection and no other", (harness) =>
    Effect.gen(function* () {
      const server = yield* nodeOf(harness)
      const client = yield* nodeOf(harness)
      const listener = yield* server.listen
      let count = 0
      yield* Effect.forkScoped(
        Effect.provide(
          listener.run((connection) => {
            count++
            if (count === 2) return Effect.die("a bug in the handler")
            if (count === 3) throw new Error("a bug before the handler")
            return echo(connection)
          }),
          // Drops the log line about the handler, which this test does not check.
          Logger.layer([]),
        ),
      )
      const first = yield* client.connect(listener.addresses[0])
      // The echo shows that the handler runs, so that the handlers are counted in order.
      yield* first.write([pattern(0, 1)])
      let at = verify(0, yield* first.pull)
      for (const _ of [2, 3]) {
        assert.isTrue(isEnd(yield* next(yield* client.connect(listener.addresses[0])), "done"))
      }
      yield* Effect.forkScoped(sendAll(first, 1000, at))
      at = yield* receiveAll(first, at)
      assert.strictEqual(at, 1001)
    }),
  )

  check("200 connections at once do not mix", (harness) =>
    Effect.gen(function* () {
      const server = yield* nodeOf(harness)
      const client = yield* nodeOf(harness)
      const listener = yield* server.listen
      yield* Effect.forkScoped(listener.run(echo))
      const sizes = yield* Effect.forEach(
        Array.from({ length: 200 }, (_, i) => i),
        (i) =>
          Effect.scoped(
            Effect.gen(function* () {
              const connection = yield* client.connect(listener.addresses[0])
              yield* Effect.forkScoped(sendAll(connection, 1000 + i, i * 1000))
              return (yield* receiveAll(connection, i * 1000)) - i * 1000
            }),
          ),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(
        sizes,
        Array.from({ length: 200 }, (_, i) => 1000 + i),
      )
    }),
  )
}
