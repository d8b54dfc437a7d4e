import { SocketReader } from "../../../src/internal/socket/SocketReader.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Sockets from "../sockets.ts"

const limit = 64 * 1024

const setUp = Effect.map(Sockets.pair, ({ other, socket }) => ({
  other,
  socket,
  reader: new SocketReader(socket, Sockets.closedError),
}))

/** Returns the next batch as text, or how the stream ended. */
const pull = ({ pull }: SocketReader) =>
  Effect.match(pull, {
    onSuccess: (batch) => Buffer.concat(batch).toString(),
    onFailure: (error) => (Cause.isDone(error) ? "done" : error.reason),
  })

/** Waits until the buffer of the reader is full. */
const untilPaused = (socket: Sockets.Socket) => Sockets.until(() => socket.isPaused())

describe("the reader of a socket", () => {
  it.live("returns all received chunks in one batch", () =>
    Effect.gen(function* () {
      const { other, reader, socket } = yield* setUp
      other.write("a")
      yield* Sockets.until(() => socket.bytesRead === 1)
      other.write("b")
      yield* Sockets.until(() => socket.bytesRead === 2)
      assert.strictEqual((yield* reader.pull).length, 2)
    }),
  )

  it.live("pauses the socket when 64 KiB are buffered, and resumes it at the next pull", () =>
    Effect.gen(function* () {
      const { other, reader, socket } = yield* setUp
      other.write(Buffer.alloc(limit))
      yield* untilPaused(socket)
      assert.strictEqual(socket.bytesRead, limit)
      yield* reader.pull
      assert.isFalse(socket.isPaused())
      other.write(Buffer.alloc(limit - 1))
      yield* Sockets.until(() => socket.bytesRead === 2 * limit - 1)
      assert.isFalse(socket.isPaused())
    }),
  )

  it.live("ends when the other end ends, after the last chunk", () =>
    Effect.gen(function* () {
      const { other, reader, socket } = yield* setUp
      other.end("bye")
      yield* Sockets.until(() => socket.readableEnded)
      assert.strictEqual(yield* pull(reader), "bye")
      assert.strictEqual(yield* pull(reader), "done")
      // A stream that has ended does not fail when the socket is closed later.
      socket.destroy()
      yield* Sockets.until(() => socket.closed)
      assert.strictEqual(yield* pull(reader), "done")
    }),
  )

  it.live("fails when the socket is destroyed, after the last chunk", () =>
    Effect.gen(function* () {
      const { other, reader, socket } = yield* setUp
      other.write("last")
      yield* Sockets.until(() => socket.bytesRead === 4)
      socket.destroy()
      yield* Sockets.until(() => socket.closed)
      assert.strictEqual(yield* pull(reader), "last")
      assert.strictEqual(yield* pull(reader), "closed")
    }),
  )

  it.live("ends or fails if the socket did so before", () =>
    Effect.gen(function* () {
      const { socket: destroyed } = yield* Sockets.pair
      destroyed.destroy()
      yield* Sockets.until(() => destroyed.closed)
      assert.strictEqual(yield* pull(new SocketReader(destroyed, Sockets.closedError)), "closed")
      const { other, socket: ended } = yield* Sockets.pair
      other.end()
      ended.resume()
      yield* Sockets.until(() => ended.readableEnded)
      assert.strictEqual(yield* pull(new SocketReader(ended, Sockets.closedError)), "done")
    }),
  )

  it.live("keeps chunks for the next pull when a pull is interrupted", () =>
    Effect.gen(function* () {
      const { other, reader } = yield* setUp
      const waiting = yield* Effect.forkChild(reader.pull, { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      other.write("kept")
      assert.strictEqual(yield* pull(reader), "kept")
    }),
  )

  it.live("fails pulls and keeps no bytes once it is closed", () =>
    Effect.gen(function* () {
      const { other, reader, socket } = yield* setUp
      const waiting = yield* Effect.forkChild(pull(reader), { startImmediately: true })
      reader.close()
      assert.strictEqual(yield* Fiber.join(waiting), "closed")
      socket.resume()
      other.write("dropped")
      yield* Sockets.until(() => socket.bytesRead === 7)
      assert.strictEqual(yield* pull(reader), "closed")
    }),
  )
})
