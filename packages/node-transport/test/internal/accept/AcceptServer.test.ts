import { type Arrival, maxWaiting } from "../../../src/internal/accept/AcceptQueue.ts"
import { AcceptServer } from "../../../src/internal/accept/AcceptServer.ts"
import { tcpHandshakes } from "../../../src/internal/accept/Handshakes.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Net from "node:net"
import * as Sockets from "../sockets.ts"

const setUp = Effect.gen(function* () {
  const accepted: Array<Net.Socket> = []
  const server = yield* Effect.acquireRelease(
    Effect.callback<AcceptServer<Arrival>>((resume) => {
      const server = new AcceptServer(tcpHandshakes, 3_600_000)
      server.net.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        for (const socket of accepted) socket.destroy()
      }),
  )
  /** Dials the server and waits until the server has the socket. */
  const dial = Effect.gen(function* () {
    const arrival = new Promise((resolve) => server.net.once("connection", resolve))
    const socket = yield* Sockets.dial(server.net)
    yield* Effect.promise(() => arrival)
    return socket
  })
  const run = Effect.forkChild(
    server.run(({ socket }) => {
      accepted.push(socket)
    }),
    { startImmediately: true },
  )
  return { accepted, dial, run, server }
})

describe("a server of sockets", () => {
  it.live("hands waiting and new sockets to the acceptor", () =>
    Effect.gen(function* () {
      const { accepted, dial, run } = yield* setUp
      yield* dial
      yield* dial
      assert.strictEqual(accepted.length, 0)
      yield* run
      assert.strictEqual(accepted.length, 2)
      yield* dial
      assert.strictEqual(accepted.length, 3)
    }),
  )

  it.live("keeps sockets for the next acceptor when an acceptor is interrupted", () =>
    Effect.gen(function* () {
      const { accepted, dial, run } = yield* setUp
      yield* Fiber.interrupt(yield* run)
      yield* dial
      assert.strictEqual(accepted.length, 0)
      yield* run
      assert.strictEqual(accepted.length, 1)
    }),
  )

  it.live("does not hand over a socket that was reset while it waited", () =>
    Effect.gen(function* () {
      const { accepted, dial, run, server } = yield* setUp
      const arrival = new Promise<Net.Socket>((resolve) => server.net.once("connection", resolve))
      const socket = yield* dial
      const waiting = yield* Effect.promise(() => arrival)
      socket.resetAndDestroy()
      yield* Sockets.until(() => waiting.remoteAddress === undefined || waiting.destroyed)
      yield* run
      assert.strictEqual(accepted.length, 0)
    }),
  )

  it.live("resets new sockets while the maximum number of sockets waits", () =>
    Effect.gen(function* () {
      const { accepted, dial, run, server } = yield* setUp
      for (let i = 0; i < maxWaiting; i++) yield* dial
      const arrival = new Promise<Net.Socket>((resolve) => server.net.once("connection", resolve))
      // Node may report the reset before it reports that the socket is connected.
      const turnedAway = yield* Sockets.attempt(server.net)
      assert.isTrue((yield* Effect.promise(() => arrival)).destroyed)
      turnedAway.resume()
      yield* Sockets.until(() => turnedAway.closed)
      yield* Fiber.interrupt(yield* run)
      assert.strictEqual(accepted.length, maxWaiting)
      yield* dial
      yield* run
      assert.strictEqual(accepted.length, maxWaiting + 1)
    }),
  )

  it.live("destroys waiting sockets when it closes, and keeps accepted sockets open", () =>
    Effect.gen(function* () {
      const { accepted, dial, run, server } = yield* setUp
      const running = yield* run
      yield* dial
      yield* Fiber.interrupt(running)
      const arrival = new Promise<Net.Socket>((resolve) => server.net.once("connection", resolve))
      yield* dial
      const waiting = yield* Effect.promise(() => arrival)
      server.close()
      assert.isTrue(waiting.destroyed)
      assert.isFalse(accepted[0]?.destroyed)
      assert.isFalse(server.net.listening)
    }),
  )

  it.live("does not listen if it is closed while it looks up its host", () =>
    Effect.gen(function* () {
      const server = new AcceptServer(tcpHandshakes, 3_600_000)
      const listening = new Promise((resolve) => server.net.once("listening", resolve))
      const closed = new Promise((resolve) => server.net.once("close", resolve))
      server.net.listen({ host: "localhost", port: 0 })
      server.close()
      yield* Effect.promise(() => listening)
      yield* Effect.promise(() => closed)
      assert.isFalse(server.net.listening)
    }),
  )
})
