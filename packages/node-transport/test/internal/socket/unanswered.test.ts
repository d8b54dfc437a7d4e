/** Connections whose other side may refuse this node after they are open. */
import * as Transport from "@coterie/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as SocketConnection from "../../../src/internal/socket/SocketConnection.ts"
import * as Sockets from "../sockets.ts"

const setUp = Effect.gen(function* () {
  const { other, socket } = yield* Sockets.pair
  const scope = yield* Scope.make()
  const connection = yield* Scope.provide(
    SocketConnection.make(socket, 1_000, {
      raw: socket,
      identity: { _tag: "Secret", key: "k" },
      renewal: Effect.never,
      unanswered: (cause) =>
        new Transport.TransportError({ reason: "unauthenticated", message: cause === null ? "an end" : "an error" }),
    }),
    scope,
  )
  return { close: Scope.close(scope, Exit.void), connection, other, socket }
})

const outcome = <A>(effect: Effect.Effect<A, Transport.TransportError | Cause.Done>) =>
  Effect.match(effect, {
    onSuccess: () => "bytes",
    onFailure: (end) => (Cause.isDone(end) ? "done" : `${end.reason}: ${end.message}`),
  })

describe("a connection that has not got a byte of the other side", () => {
  it.live("fails as unauthenticated if it ends, is reset or fails, for reads and writes", () =>
    Effect.gen(function* () {
      const ended = yield* setUp
      ended.other.end()
      assert.strictEqual(yield* outcome(ended.connection.pull), "unauthenticated: an end")
      const reset = yield* setUp
      reset.other.resetAndDestroy()
      assert.strictEqual(yield* outcome(reset.connection.pull), "unauthenticated: an error")
      assert.match(yield* outcome(reset.connection.write([Buffer.from("x")])), /^unauthenticated/)
      const failed = yield* setUp
      failed.socket.destroy(new Error("a record of TLS"))
      assert.strictEqual(yield* outcome(failed.connection.pull), "unauthenticated: an error")
    }),
  )

  it.live("ends like any other after the first byte", () =>
    Effect.gen(function* () {
      const ended = yield* setUp
      ended.other.end("x")
      assert.strictEqual(yield* outcome(ended.connection.pull), "bytes")
      assert.strictEqual(yield* outcome(ended.connection.pull), "done")
      const reset = yield* setUp
      reset.other.write("x")
      assert.strictEqual(yield* outcome(reset.connection.pull), "bytes")
      reset.other.resetAndDestroy()
      assert.match(yield* outcome(reset.connection.pull), /^closed/)
    }),
  )

  it.live("is closed if this node closes or resets it", () =>
    Effect.gen(function* () {
      const { close, connection } = yield* setUp
      yield* close
      assert.match(yield* outcome(connection.pull), /^closed/)
      const reset = yield* setUp
      yield* reset.connection.reset
      assert.match(yield* outcome(reset.connection.pull), /^closed/)
      assert.match(yield* outcome(reset.connection.write([Buffer.from("x")])), /^closed/)
    }),
  )
})
