/** A connection of a TLS socket, which differs from one of TCP in ways that Node's documentation does not tell. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { openSockets } from "../../rawServer.ts"
import * as Sockets from "../sockets.ts"
import * as TlsSockets from "../tlsSockets.ts"

const setUp = Effect.fnUntraced(function* (mangle?: TlsSockets.Mangle, linger?: number) {
  const { arrival, middle, open, raw, tls } = yield* TlsSockets.pair(mangle, linger)
  const scope = yield* Scope.make()
  const dialer = yield* Scope.provide(open(tls, raw), scope)
  const acceptor = yield* open(arrival.socket, arrival.raw)
  return { acceptor, arrival, close: Scope.close(scope, Exit.void), dialer, middle, raw, tls }
})

/** Waits until no more sockets are open than that. */
const back = (before: number): Effect.Effect<void> =>
  Effect.flatMap(openSockets, (now) =>
    now <= before
      ? Effect.void
      : Effect.andThen(
          Effect.yieldNow,
          Effect.suspend(() => back(before)),
        ),
  )

describe("a connection of a TLS socket", () => {
  it.live("names the host and the identity of the other end", () =>
    Effect.gen(function* () {
      const { acceptor, dialer } = yield* setUp()
      for (const connection of [acceptor, dialer]) {
        assert.strictEqual(connection.remoteHost, "127.0.0.1")
        assert.deepStrictEqual(connection.identity, { _tag: "Secret", key: TlsSockets.key.id })
        assert.isDefined(connection.renewal)
      }
    }),
  )

  it.live("is reset when it is closed with a write that is stuck, after the linger time", () =>
    Effect.gen(function* () {
      // Nobody reads at the other end, and the man in the middle stops to carry.
      const { arrival, middle, open, raw, tls } = yield* TlsSockets.pair(undefined, 50)
      middle.near.pause()
      const scope = yield* Scope.make()
      const dialer = yield* Scope.provide(open(tls, raw), scope)
      yield* Effect.forkChild(Effect.ignore(dialer.write([new Uint8Array(64 * 1024 * 1024)])), {
        startImmediately: true,
      })
      const lost = new Promise<NodeJS.ErrnoException>((resolve) => middle.near.once("error", resolve))
      yield* Scope.close(scope, Exit.void)
      yield* Sockets.until(() => tls.closed)
      middle.near.resume()
      assert.strictEqual((yield* Effect.promise(() => lost)).code, "ECONNRESET")
      arrival.raw.destroy()
    }),
  )

  it.live("is reset at once, and the other end reads a reset and no end", () =>
    Effect.gen(function* () {
      const { acceptor, arrival, dialer } = yield* setUp()
      yield* acceptor.write([Buffer.from("unread")])
      const pulling = yield* Effect.forkChild(Effect.exit(Effect.forever(dialer.pull)), { startImmediately: true })
      yield* acceptor.reset
      assert.isTrue(arrival.raw.destroyed)
      const exit = yield* Fiber.join(pulling)
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.include(error, { reason: "closed", message: "the connection to 127.0.0.1 was reset" })
      yield* acceptor.reset
    }),
  )

  for (const direction of ["up", "down"] as const) {
    for (const [name, change] of [
      ["flipped", (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte)))],
      ["added", (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(64, 0x55)])],
      ["repeated", (bytes: Buffer) => Buffer.concat([bytes, bytes])],
    ] as const) {
      it.live(`is lost at both ends when bytes were ${name} on the way ${direction}`, () =>
        Effect.gen(function* () {
          const before = yield* openSockets
          yield* Effect.scoped(
            Effect.gen(function* () {
              let on = false
              const { acceptor, arrival, dialer, tls } = yield* setUp((from, bytes) => {
                if (!on || from !== direction) return bytes
                on = false
                return change(bytes)
              })
              on = true
              const [sender, receiver] = direction === "up" ? [dialer, acceptor] : [acceptor, dialer]
              yield* sender.write([Buffer.from("hello")])
              const pull = Effect.flip(Effect.forever(receiver.pull))
              assert.include(yield* pull, { _tag: "TransportError", reason: "closed" })
              yield* Sockets.until(() => arrival.socket.destroyed && tls.destroyed)
            }),
          )
          yield* back(before)
        }),
      )
    }
  }

  it.live(
    "ends as if in good order when TCP ends without the end of TLS, so that only a Bye says that all was sent",
    () =>
      Effect.gen(function* () {
        const { acceptor, middle } = yield* setUp()
        middle.far.end()
        assert.isTrue(Cause.isDone(yield* Effect.flip(acceptor.pull)))
      }),
  )

  it.live("survives a reset below TLS, before and after it is closed", () =>
    Effect.gen(function* () {
      const { acceptor, close, dialer, middle, raw } = yield* setUp()
      middle.near.resetAndDestroy()
      assert.include(yield* Effect.flip(dialer.pull), { reason: "closed" })
      assert.include(yield* Effect.flip(dialer.write([Buffer.from("x")])), { reason: "closed" })
      yield* close
      raw.emit("error", new Error("late"))
      middle.far.resetAndDestroy()
      assert.include(yield* Effect.flip(acceptor.pull), { reason: "closed" })
    }),
  )

  it.live("ends in good order when it is closed right after its handshake", () =>
    Effect.gen(function* () {
      const { acceptor, close } = yield* setUp()
      yield* close
      assert.isTrue(Cause.isDone(yield* Effect.flip(acceptor.pull)))
    }),
  )
})
