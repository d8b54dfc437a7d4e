import * as SocketConnection from "../../../src/internal/socket/SocketConnection.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Sockets from "../sockets.ts"

const setUp = Effect.fnUntraced(function* (linger = 3_600_000) {
  const { other, socket } = yield* Sockets.pair
  const scope = yield* Scope.make()
  const connection = yield* Scope.provide(SocketConnection.make(socket, linger), scope)
  return { close: Scope.close(scope, Exit.void), connection, other, socket }
})

describe("a connection of a socket", () => {
  it.live("reports the host of the other end", () =>
    Effect.gen(function* () {
      const { connection } = yield* setUp()
      assert.strictEqual(connection.remoteHost, "127.0.0.1")
    }),
  )

  it.live("ends one direction and leaves the other open", () =>
    Effect.gen(function* () {
      const { connection, other } = yield* setUp()
      yield* connection.end
      yield* connection.end
      other.resume()
      yield* Sockets.eventOf(other, "end")
      other.write("still here")
      assert.strictEqual(String((yield* connection.pull)[0]), "still here")
      other.end()
      assert.isTrue(Cause.isDone(yield* Effect.flip(connection.pull)))
    }),
  )

  it.live("fails with the reason for which it is lost", () =>
    Effect.gen(function* () {
      const { connection, other } = yield* setUp()
      other.resetAndDestroy()
      const error = yield* Effect.flip(connection.pull)
      assert.include(error, { reason: "closed", message: "the connection to 127.0.0.1 was reset" })
      const closed = yield* setUp()
      closed.socket.destroy()
      const reason = yield* Effect.flip(closed.connection.write([Buffer.from("a")]))
      assert.strictEqual(reason.message, "the connection to 127.0.0.1 is closed")
    }),
  )

  it.live("explains a reset before the first byte, and no later one", () =>
    Effect.gen(function* () {
      const messageAfter = Effect.fnUntraced(function* (bytes: string) {
        const { other, socket } = yield* Sockets.pair
        const connection = yield* SocketConnection.make(socket, 1_000, undefined, ", as explained")
        if (bytes !== "") {
          other.write(bytes)
          yield* connection.pull
        }
        other.resetAndDestroy()
        const error = yield* Effect.flip(connection.pull)
        return error._tag === "TransportError" ? error.message : error._tag
      })
      assert.strictEqual(yield* messageAfter(""), "the connection to 127.0.0.1 was reset, as explained")
      assert.strictEqual(yield* messageAfter("a"), "the connection to 127.0.0.1 was reset")
    }),
  )

  it.live("sends the written bytes and the end when it is closed, and waits for the other end", () =>
    Effect.gen(function* () {
      const { close, connection, other, socket } = yield* setUp()
      yield* connection.write([Buffer.from("bye")])
      yield* close
      assert.isFalse(socket.destroyed)
      let text = ""
      other.on("data", (chunk) => {
        text += String(chunk)
      })
      other.resume()
      yield* Sockets.eventOf(other, "end")
      assert.strictEqual(text, "bye")
      other.end()
      yield* Sockets.until(() => socket.closed)
    }),
  )

  it.live("is destroyed at once when it is reset, and the other end sees the reset", () =>
    Effect.gen(function* () {
      const { connection, other, socket } = yield* setUp()
      yield* connection.write([Buffer.from("unread")])
      const lost = new Promise<NodeJS.ErrnoException>((resolve) => other.once("error", resolve))
      yield* connection.reset
      assert.isTrue(socket.destroyed)
      other.resume()
      assert.strictEqual((yield* Effect.promise(() => lost)).code, "ECONNRESET")
      yield* connection.reset
    }),
  )

  it.live("can be reset after it has sent its end, while it waits for the end of the other side", () =>
    Effect.gen(function* () {
      const { connection, other, socket } = yield* setUp()
      yield* connection.end
      other.resume()
      yield* Sockets.eventOf(other, "end")
      const lost = new Promise<NodeJS.ErrnoException>((resolve) => other.once("error", resolve))
      yield* connection.reset
      yield* Sockets.until(() => socket.closed)
      // A socket that has read the end of its stream notices a reset at its next write.
      yield* Sockets.until(() => {
        if (!other.destroyed) other.write("x")
        return other.destroyed
      })
      assert.include(["ECONNRESET", "EPIPE"], (yield* Effect.promise(() => lost)).code)
    }),
  )

  it.live("is destroyed if the other end does not end within the linger time", () =>
    Effect.gen(function* () {
      const { close, socket } = yield* setUp(20)
      yield* close
      assert.isFalse(socket.destroyed)
      yield* Sockets.until(() => socket.closed)
    }),
  )
})
