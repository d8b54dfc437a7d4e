/** Two TLS sockets that have proved a key to each other, over loopback, with a man in the middle who can change bytes. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Net from "node:net"
import { type Key, keyOf } from "../../src/internal/secret/ring.ts"
import { AcceptServer } from "../../src/internal/accept/AcceptServer.ts"
import { type SecretArrival, secretHandshakes } from "../../src/internal/secret/secretHandshakes.ts"
import { startTls } from "../../src/internal/secret/secretTls.ts"
import type { Arrival } from "../../src/internal/accept/AcceptQueue.ts"
import * as SocketConnection from "../../src/internal/socket/SocketConnection.ts"

export const key: Key = Result.getOrThrow(keyOf(Redacted.make("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=")))

/** Changes bytes on their way to the acceptor (`up`) or to the dialer (`down`). */
export type Mangle = (direction: "up" | "down", bytes: Buffer) => Buffer

/** The sockets of a man in the middle: `near` is that of the dialer, and `far` that of the acceptor. */
export interface Middle {
  readonly near: Net.Socket
  readonly far: Net.Socket
}

/** Starts a server that hands its sockets to `accept`. */
export const server = (accept: (arrival: Arrival) => void, handshakeMillis = 3_600_000) =>
  Effect.gen(function* () {
    const server = yield* Effect.acquireRelease(
      Effect.callback<AcceptServer<SecretArrival>>((resume) => {
        const server = new AcceptServer(
          secretHandshakes((id) => (id === key.id ? key : undefined)),
          handshakeMillis,
        )
        server.net.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close()),
    )
    yield* Effect.forkScoped(server.run(accept), { startImmediately: true })
    return server
  })

/** Opens a socket of TCP to a server, and waits for its connection. */
export const dial = (server: Net.Server) =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket>((resume) => {
      const bound = server.address()
      const port = bound === null || typeof bound === "string" ? 0 : bound.port
      const raw = Net.createConnection({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true }, () =>
        resume(Effect.succeed(raw)),
      )
      raw.on("error", () => {})
    }),
    (raw) => Effect.sync(() => raw.destroy()),
  )

const proxy = (target: Net.Server, mangle: Mangle, middles: Array<Middle>) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
        const bound = target.address()
        const port = bound === null || typeof bound === "string" ? 0 : bound.port
        const far = Net.createConnection({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true })
        middles.push({ near, far })
        const carry = (from: Net.Socket, to: Net.Socket, direction: "up" | "down") => {
          from.on("error", () => void to.resetAndDestroy())
          from.on("data", (bytes: Buffer) => to.write(mangle(direction, bytes)))
          from.on("end", () => to.end())
        }
        carry(near, far, "up")
        carry(far, near, "down")
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        for (const { far, near } of middles) {
          far.destroy()
          near.destroy()
        }
        server.close()
      }),
  )

/** Dials a server with the key, through a man in the middle. */
export const through = (server: Net.Server, mangle: Mangle) =>
  Effect.gen(function* () {
    const middles: Array<Middle> = []
    const raw = yield* dial(yield* proxy(server, mangle, middles))
    return { middles, raw, tls: startTls(raw, key) }
  })

/** Connects two ends of TLS. Their connections close with the scope, after `linger` milliseconds at most. */
export const pair = (mangle: Mangle = (_direction, bytes) => bytes, linger = 3_600_000) =>
  Effect.gen(function* () {
    const arrivals: Array<Arrival> = []
    const { net } = yield* server((arrival) => arrivals.push(arrival))
    const { middles, raw, tls } = yield* through(net, mangle)
    yield* Effect.callback<void>((resume) => {
      const check = (): unknown => (arrivals.length > 0 ? resume(Effect.void) : setImmediate(check))
      check()
    })
    const [arrival] = arrivals
    const [middle] = middles
    if (arrival === undefined || middle === undefined) return yield* Effect.die("no connection")
    yield* Effect.addFinalizer(() => Effect.sync(() => arrival.raw.destroy()))
    const open = (socket: Net.Socket, raw: Net.Socket) =>
      SocketConnection.make(socket, linger, {
        raw,
        identity: { _tag: "Secret", key: key.id },
        renewal: Effect.never,
      })
    return { arrival, middle, raw, tls, open }
  })
