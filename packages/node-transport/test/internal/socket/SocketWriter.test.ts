import { SocketWriter } from "../../../src/internal/socket/SocketWriter.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Sockets from "../sockets.ts"

const setUp = Effect.map(Sockets.pair, ({ other, socket }) => ({
  other,
  socket,
  writer: new SocketWriter(socket, Sockets.closedError),
}))

/** More bytes than the kernel buffers for an end that does not read. */
const large = new Uint8Array(64 * 1024 * 1024)

describe("the writer of a socket", () => {
  it.live("writes the arrays in order, and ends when the kernel has all bytes", () =>
    Effect.gen(function* () {
      const { other, socket, writer } = yield* setUp
      let text = ""
      other.on("data", (chunk) => {
        text += String(chunk)
      })
      yield* writer.write([Buffer.from("a"), Buffer.from("b"), Buffer.from("c")])
      assert.strictEqual(socket.writableLength, 0)
      yield* writer.write([Buffer.from("d")])
      other.resume()
      yield* Sockets.until(() => text.length === 4)
      assert.strictEqual(text, "abcd")
    }),
  )

  it.live("waits while the other end does not read", () =>
    Effect.gen(function* () {
      const { other, socket, writer } = yield* setUp
      const writing = yield* Effect.forkChild(writer.write([large]), { startImmediately: true })
      yield* Effect.sleep("20 millis")
      assert.isUndefined(writing.pollUnsafe())
      assert.isAbove(socket.writableLength, 0)
      other.resume()
      yield* Fiber.join(writing)
      assert.strictEqual(socket.writableLength, 0)
    }),
  )

  it.live("fails a waiting write when the socket is destroyed", () =>
    Effect.gen(function* () {
      const { socket, writer } = yield* setUp
      const writing = yield* Effect.forkChild(Effect.flip(writer.write([large])), { startImmediately: true })
      socket.destroy()
      assert.strictEqual((yield* Fiber.join(writing)).reason, "closed")
    }),
  )

  it.live("fails a write to a socket that is destroyed or has ended", () =>
    Effect.gen(function* () {
      const { socket: ended, writer: toEnded } = yield* setUp
      ended.end()
      assert.strictEqual((yield* Effect.flip(toEnded.write([Buffer.from("a")]))).reason, "closed")
      const { socket: destroyed, writer: toDestroyed } = yield* setUp
      destroyed.destroy()
      assert.strictEqual((yield* Effect.flip(toDestroyed.write([Buffer.from("a")]))).reason, "closed")
    }),
  )

  it.live("can write after an interrupted write", () =>
    Effect.gen(function* () {
      const { other, writer } = yield* setUp
      const writing = yield* Effect.forkChild(writer.write([large]), { startImmediately: true })
      yield* Fiber.interrupt(writing)
      let bytes = 0
      other.on("data", (chunk) => {
        bytes += chunk.length
      })
      other.resume()
      yield* writer.write([Buffer.from("a")])
      yield* Sockets.until(() => bytes === large.length + 1)
    }),
  )
})
