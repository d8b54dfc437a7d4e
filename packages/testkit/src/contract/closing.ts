/** Tests of closing a connection from either side. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connected, next, pattern, reasonOf, receiveAll } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Registers the tests. */
export const checkClosing = ({ check }: Suite): void => {
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

  check("closing sends what was written, though the other end had written, too", (harness) =>
    Effect.gen(function* () {
      const { acceptor, close, dialer } = yield* connected(harness)
      // Few enough for any buffer: nobody pulls yet.
      yield* acceptor.write([pattern(0, 4000)])
      yield* dialer.write([pattern(0, 4000)])
      yield* close
      assert.strictEqual(yield* receiveAll(acceptor), 4000)
    }),
  )

  check("closing sends what an interrupted write had left", (harness) =>
    Effect.gen(function* () {
      const { acceptor, close, dialer } = yield* connected(harness)
      const size = 4 * 1024 * 1024
      const writing = yield* Effect.forkScoped(dialer.write([pattern(0, size)]), { startImmediately: true })
      yield* Fiber.interrupt(writing)
      yield* close
      assert.strictEqual(yield* receiveAll(acceptor), size)
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
