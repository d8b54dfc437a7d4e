/** Tests of back-pressure, and of the ownership of the memory of a chunk. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { connected, next, pattern, receiveAll, verify } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Registers the tests. */
export const checkBackPressure = ({ check }: Suite): void => {
  check("a write waits while the other end does not pull, and continues when it pulls", (harness) =>
    Effect.gen(function* () {
      const { acceptor, client, dialer, listener } = yield* connected(harness)
      // More bytes than the buffers of any system hold.
      const size = 64 * 1024 * 1024
      let written = 0
      const writing = yield* Effect.forkScoped(
        Effect.gen(function* () {
          for (; written < size; written += 65_536) yield* dialer.write([pattern(written, 65_536)])
          yield* dialer.end
        }),
        { startImmediately: true },
      )
      // Opens and closes other connections until ten in a row have seen no progress of the writer.
      for (let seen = -1, quiet = 0; quiet < 10;) {
        quiet = seen === written ? quiet + 1 : 0
        seen = written
        yield* Effect.scoped(Effect.flatMap(client.connect(listener.addresses[0]), (other) => next(other)))
      }
      assert.isUndefined(writing.pollUnsafe(), "64 MiB were written although the other end has not pulled")
      assert.strictEqual(yield* receiveAll(acceptor), size)
      yield* Fiber.join(writing)
    }),
  )

  check("an array may be reused as soon as its write has succeeded", (harness) =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* connected(harness)
      const size = 16 * 1024 * 1024
      // Small enough for any buffer, so that single writes succeed at once until the buffers are full.
      const reused = new Uint8Array(4_096)
      // The other end does not pull yet, so that writes have to wait.
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

  check("the caller owns pulled arrays, including the whole buffer of an array that fills its buffer", (harness) =>
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
