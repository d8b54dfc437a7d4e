/** Tests of closing a connection from either side. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connected, next, pattern, reasonOf, receiveAll } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Registers the tests. */
export const checkClosing = ({ check, eventually, isEnd }: Suite): void => {
  check("a closed connection is closed at both ends", (harness) =>
    Effect.gen(function* () {
      const { acceptor, close, dialer } = yield* connected(harness)
      const pulling = yield* Effect.forkScoped(next(dialer), { startImmediately: true })
      yield* close
      assert.strictEqual(yield* Fiber.join(pulling), "closed")
      assert.strictEqual(yield* next(dialer), "closed")
      assert.strictEqual(yield* reasonOf(dialer.write([pattern(0, 1)])), "closed")
      yield* dialer.end
      assert.strictEqual(yield* next(acceptor), "done")
    }),
  )

  check("closing sends the written bytes, also if the other end has written bytes that were not pulled", (harness) =>
    Effect.gen(function* () {
      const { acceptor, close, dialer } = yield* connected(harness)
      // Few enough bytes for any buffer, because neither end pulls yet.
      yield* acceptor.write([pattern(0, 4000)])
      yield* dialer.write([pattern(0, 4000)])
      yield* close
      assert.strictEqual(yield* receiveAll(acceptor), 4000)
    }),
  )

  check("closing sends the rest of an interrupted write", (harness) =>
    Effect.gen(function* () {
      const { acceptor, close, dialer } = yield* connected(harness)
      const size = 4 * 1024 * 1024
      const writing = yield* Effect.forkScoped(dialer.write([pattern(0, size)]), { startImmediately: true })
      yield* Fiber.interrupt(writing)
      yield* close
      assert.strictEqual(yield* receiveAll(acceptor), size)
    }),
  )

  check("a reset ends both directions at once and frees the connection while its handler runs", (harness) =>
    Effect.gen(function* () {
      const before = yield* harness.open
      const { acceptor, dialer } = yield* connected(harness)
      yield* dialer.write([pattern(0, 4000)])
      const pulling = yield* Effect.forkScoped(next(dialer), { startImmediately: true })
      yield* acceptor.reset
      assert.isTrue(isEnd(yield* Fiber.join(pulling), "closed"))
      assert.strictEqual(yield* reasonOf(acceptor.write([pattern(0, 1)])), "closed")
      // Only the listener remains open.
      yield* eventually(Effect.map(harness.open, (open) => open <= before + 1))
      yield* acceptor.reset
    }),
  )

  check("a reset fails the waiting pull and the waiting write of its own end", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      const pulling = yield* Effect.forkScoped(next(acceptor), { startImmediately: true })
      const size = 8 * 1024 * 1024
      const writing = yield* Effect.forkScoped(reasonOf(acceptor.write([pattern(0, size)])), { startImmediately: true })
      yield* acceptor.reset
      assert.strictEqual(yield* Fiber.join(pulling), "closed")
      assert.strictEqual(yield* Fiber.join(writing), "closed")
      yield* eventually(Effect.map(next(dialer), (outcome) => isEnd(outcome, "closed")))
    }),
  )

  check("a connection closes when its handler ends", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer, release } = yield* connected(harness)
      yield* acceptor.write([pattern(0, 9)])
      yield* release
      assert.strictEqual(yield* receiveAll(dialer), 9)
    }),
  )
}
