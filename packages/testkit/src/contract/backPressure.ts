/** Tests of back-pressure, and of who owns the memory of a chunk. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { connected, next, pattern, receiveAll, verify } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Registers the tests. */
export const checkBackPressure = ({ check }: Suite): void => {
  check("a write waits while the other end does not pull, and goes on when it does", (harness) =>
    Effect.gen(function* () {
      const { acceptor, client, dialer, listener } = yield* connected(harness)
      // More than the buffers of any system hold.
      const size = 64 * 1024 * 1024
      let written = 0
      const writing = yield* Effect.forkScoped(
        Effect.gen(function* () {
          for (; written < size; written += 65_536) yield* dialer.write([pattern(written, 65_536)])
          yield* dialer.end
        }),
        { startImmediately: true },
      )
      // Other connections come and go until no more is written meanwhile.
      for (let seen = -1, quiet = 0; quiet < 10;) {
        quiet = seen === written ? quiet + 1 : 0
        seen = written
        yield* Effect.scoped(Effect.flatMap(client.connect(listener.addresses[0]), (other) => next(other)))
      }
      assert.isUndefined(writing.pollUnsafe(), "64 MiB were written and nobody has pulled")
      assert.strictEqual(yield* receiveAll(acceptor), size)
      yield* Fiber.join(writing)
    }),
  )

  check("an array may be used again as soon as the write of it has succeeded", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      const size = 16 * 1024 * 1024
      // Less than any network would say is too much.
      const reused = new Uint8Array(4_096)
      // Nobody pulls yet, so that writes have to wait.
      yield* Effect.forkScoped(
        Effect.gen(function* () {
          for (let at = 0; at < size; at += reused.length) {
            reused.set(pattern(at, reused.length))
            yield* dialer.write([reused.subarray(0, 5), reused.subarray(5)])
            reused.fill(0)
          }
          yield* dialer.end
        }),
        { startImmediately: true },
      )
      assert.strictEqual(yield* receiveAll(acceptor), size)
    }),
  )

  check("what was pulled is the caller's, also the memory below an array that fills it", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      const size = 2 * 1024 * 1024
      const sent = pattern(0, size)
      yield* Effect.forkScoped(Effect.andThen(dialer.write([sent]), dialer.end))
      let at = 0
      for (
        let exit = yield* Effect.exit(acceptor.pull);
        Exit.isSuccess(exit);
        exit = yield* Effect.exit(acceptor.pull)
      ) {
        at = verify(at, exit.value)
        for (const chunk of exit.value) {
          chunk.fill(0)
          if (chunk.length === chunk.buffer.byteLength && chunk.buffer instanceof ArrayBuffer) chunk.buffer.transfer(0)
        }
      }
      assert.strictEqual(at, size)
      verify(0, [sent])
    }),
  )
}
