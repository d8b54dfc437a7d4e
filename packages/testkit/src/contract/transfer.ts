/** Tests of the transfer of bytes: order, completeness, and the end of a stream. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connected, next, pattern, reasonOf, receiveAll, sendAll } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Registers the tests. */
export const checkTransfer = ({ check, isEnd }: Suite): void => {
  check("bytes arrive in order and whole, in both directions at once", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      const received = yield* Effect.all(
        [sendAll(dialer, 700_000), sendAll(acceptor, 500_000), receiveAll(dialer), receiveAll(acceptor)],
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(received.slice(2), [500_000, 700_000])
    }),
  )

  check("8 MiB arrive whole", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      const size = 8 * 1024 * 1024
      const sender = yield* Effect.forkScoped(
        Effect.gen(function* () {
          // One write that is larger than any buffer.
          yield* dialer.write([pattern(0, size)])
          yield* dialer.end
        }),
      )
      assert.strictEqual(yield* receiveAll(acceptor), size)
      yield* Fiber.join(sender)
    }),
  )

  check("pull ends with Done after the last byte, and again on each later call", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      yield* dialer.write([pattern(0, 10), pattern(10, 20)])
      yield* dialer.end
      assert.strictEqual(yield* receiveAll(acceptor), 30)
      assert.strictEqual(yield* next(acceptor), "done")
    }),
  )

  check("an empty write and an empty chunk have no effect", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      yield* dialer.write([new Uint8Array(0)])
      yield* dialer.write([pattern(0, 3), new Uint8Array(0), pattern(3, 3)])
      yield* dialer.write([new Uint8Array(0)])
      yield* dialer.end
      assert.strictEqual(yield* receiveAll(acceptor), 6)
    }),
  )

  check("after end, the dialer can still read", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      yield* dialer.write([pattern(0, 1000)])
      yield* dialer.end
      // The acceptor writes after it has read the end of the dialer's stream.
      assert.strictEqual(yield* receiveAll(acceptor), 1000)
      yield* Effect.forkScoped(sendAll(acceptor, 300_000))
      assert.strictEqual(yield* receiveAll(dialer), 300_000)
    }),
  )

  check("after end, the acceptor can still read", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      yield* acceptor.end
      assert.isTrue(isEnd(yield* next(dialer), "done"))
      yield* Effect.forkScoped(sendAll(dialer, 300_000))
      assert.strictEqual(yield* receiveAll(acceptor), 300_000)
    }),
  )

  check("a write after end fails, and a second end has no effect", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      yield* dialer.write([pattern(0, 5)])
      yield* dialer.end
      yield* dialer.end
      assert.isTrue(isEnd(yield* reasonOf(dialer.write([pattern(5, 5)])), "closed"))
      assert.strictEqual(yield* receiveAll(acceptor), 5)
    }),
  )
}
