import { startTls } from "../../../src/internal/secret/secretTls.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Arrival } from "../../../src/internal/accept/AcceptQueue.ts"
import { gateOptions } from "../gateOptions.ts"
import * as Sockets from "../sockets.ts"
import * as TlsSockets from "../tlsSockets.ts"

/** Waits until a server has so many sockets. */
const untilCount = (server: Net.Server, expected: number) =>
  Effect.callback<void>((resume) => {
    const check = () =>
      server.getConnections((_error, count) => {
        if (count === expected) resume(Effect.void)
        else setImmediate(check)
      })
    check()
  })

describe("a server of TLS with a secret", () => {
  it.live("hands out the socket and the raw socket below it, half-open", () =>
    Effect.gen(function* () {
      const { arrival, tls } = yield* TlsSockets.pair()
      assert.notStrictEqual(arrival.socket, arrival.raw)
      assert.isTrue(arrival.socket.allowHalfOpen)
      tls.write("hello")
      const [text] = yield* Effect.promise(
        () => new Promise<Array<unknown>>((resolve) => arrival.socket.once("data", (...all) => resolve(all))),
      )
      assert.strictEqual(String(text), "hello")
      // The counters are those below TLS.
      assert.isAbove(arrival.raw.bytesRead, 200)
    }),
  )

  it.live("resumes no session, with which a dialer could come back after its key was removed", () =>
    Effect.gen(function* () {
      const arrivals: Array<Arrival> = []
      const { net } = yield* TlsSockets.server((arrival) => {
        arrivals.push(arrival)
        arrival.socket.write("hello")
      })
      const first = startTls(yield* TlsSockets.dial(net), TlsSockets.key)
      const session = yield* Effect.promise(() => new Promise<Buffer>((resolve) => first.once("session", resolve)))
      const socket = yield* TlsSockets.dial(net)
      // The session without the key.
      const second = Tls.connect({ socket, session, minVersion: "TLSv1.3", rejectUnauthorized: false })
      second.on("error", () => {})
      second.resume()
      yield* Sockets.until(() => second.closed)
      assert.strictEqual(arrivals.length, 1)
      arrivals[0]?.raw.destroy()
    }),
  )

  it.live("hands out no connection for a recorded or damaged handshake", () =>
    Effect.gen(function* () {
      const sent: Array<Buffer> = []
      const arrivals: Array<Arrival> = []
      const { net } = yield* TlsSockets.server((arrival) => arrivals.push(arrival))
      yield* TlsSockets.through(net, (direction, bytes) => {
        if (direction === "up") sent.push(Buffer.from(bytes))
        return bytes
      })
      yield* Sockets.until(() => arrivals.length === 1)
      const [hello] = sent
      if (hello === undefined) return assert.fail("a handshake has bytes")
      const flights = [Buffer.concat(sent), hello]
      for (let i = 0; i < hello.length; i += 17) {
        flights.push(hello.subarray(0, i))
        flights.push(Buffer.from(hello.map((byte, at) => (at === i ? byte ^ (1 << (i % 8)) : byte))))
      }
      for (const flight of flights) {
        const raw = yield* TlsSockets.dial(net)
        raw.resume()
        raw.write(flight)
        // The server cuts it, or ends when the dialer does.
        raw.end()
        yield* Sockets.until(() => raw.closed)
      }
      assert.strictEqual(arrivals.length, 1)
      yield* untilCount(net, 1)
      arrivals[0]?.raw.destroy()
    }),
  )

  it.live("frees the sockets of dialers that end while they are refused", () =>
    Effect.gen(function* () {
      const { net } = yield* TlsSockets.server(() => {})
      for (let i = 0; i < 120; i++) {
        const raw = yield* Sockets.attempt(net)
        raw.resume()
        // Plain text, which is refused by a reset.
        raw.end("x")
        if (i % 2 === 0) yield* Sockets.until(() => raw.closed)
      }
      yield* untilCount(net, 0)
    }),
  )

  it.live("frees the place of a dialer that hangs up in the handshake, before the deadline", () =>
    Effect.gen(function* () {
      const { net } = yield* TlsSockets.server(() => {})
      const raw = yield* TlsSockets.dial(net)
      yield* untilCount(net, 1)
      raw.end()
      yield* untilCount(net, 0)
    }),
  )

  it.live("cuts a socket whose handshake is not complete at the deadline, whatever it sends", () =>
    Effect.gen(function* () {
      const { net } = yield* TlsSockets.server(() => {}, gateOptions({}, { handshakeMillis: 100 }))
      const silent = yield* TlsSockets.dial(net)
      const slow = yield* TlsSockets.dial(net)
      const half = Buffer.from("16030105dd010005d90303", "hex")
      let sent = 0
      const timer = setInterval(() => slow.write(half.subarray(sent, ++sent)), 20)
      yield* Sockets.until(() => silent.closed && slow.closed)
      clearInterval(timer)
      yield* untilCount(net, 0)
    }),
  )

  it.live("leaves a socket open for which the handshake was complete at the deadline", () =>
    Effect.gen(function* () {
      const arrivals: Array<Arrival> = []
      const { net } = yield* TlsSockets.server(
        (arrival) => arrivals.push(arrival),
        gateOptions({}, { handshakeMillis: 200 }),
      )
      const tls = startTls(yield* TlsSockets.dial(net), TlsSockets.key)
      tls.on("error", () => {})
      yield* Sockets.until(() => arrivals.length === 1)
      // A later socket is cut by its deadline, which is after that of the first.
      const later = yield* TlsSockets.dial(net)
      later.resume()
      yield* Sockets.until(() => later.closed)
      assert.isFalse(arrivals[0]?.socket.destroyed)
      arrivals[0]?.raw.destroy()
    }),
  )

  it.live("survives resets at each step of the handshake, and counts nobody twice", () =>
    Effect.gen(function* () {
      const { net } = yield* TlsSockets.server(({ raw }) => raw.destroy())
      for (let step = 0; step < 30; step++) {
        const raw = yield* TlsSockets.dial(net)
        const tls = startTls(raw, TlsSockets.key)
        tls.on("error", () => {})
        yield* Effect.callback<void>((resume) => {
          const turn = (left: number): unknown => (left === 0 ? resume(Effect.void) : setImmediate(turn, left - 1))
          turn(step)
        })
        raw.resetAndDestroy()
      }
      yield* untilCount(net, 0)
    }),
  )

  it.live("destroys what is in the handshake when it closes", () =>
    Effect.gen(function* () {
      const server = yield* TlsSockets.server(() => {})
      const raw = yield* TlsSockets.dial(server.net)
      yield* untilCount(server.net, 1)
      server.close()
      raw.resume()
      yield* Sockets.until(() => raw.closed || raw.readableEnded)
    }),
  )
})
