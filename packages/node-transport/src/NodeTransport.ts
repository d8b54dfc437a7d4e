/**
 * The network of Node as Coterie's `Transport`: plain TCP, without encryption and without proof of who
 * is at the other end. Keep it within a network that you trust.
 */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Os from "node:os"
import { codeOf } from "./internal/codeOf.ts"
import * as SocketConnection from "./internal/socketConnection.ts"

/** Where to listen, and how to dial. */
export interface Options {
  /** The interface to listen on: `127.0.0.1` for this machine alone, `0.0.0.0` or `::` for all. */
  readonly host: string
  /** The port to listen on; 0 for any free one. */
  readonly port: number
  /**
   * Where others dial: a host, with the port that is listened on, or `HOST:PORT`. Needed behind a NAT
   * and in most containers. Default: `host`; if that is `0.0.0.0` or `::`, the address of the first
   * network interface that is not the loopback, IPv4 before IPv6.
   */
  readonly advertise?: string | undefined
  /**
   * Listens beyond this machine although nothing here proves who connects or hides what is said: whoever
   * reaches the port and knows the name of the cluster is a member. Without it only the loopback can be
   * listened on. Set it in a network that you trust, or where a tunnel authenticates. Default: `false`.
   */
  readonly insecure?: boolean | undefined
  /** After which time without an answer a dial fails as `unreachable`. Default: 5 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * How long a connection that was closed here may take to send the rest and to hear the end of the
   * other side, in the background. After that it is destroyed. Default: 5 seconds.
   */
  readonly linger?: Duration.Input | undefined
}

/** TCP on the given interface and port. Every node needs a layer of its own. */
export const layerTcp = (options: Options): Layer.Layer<Transport.Transport> => {
  const connectTimeout = options.connectTimeout ?? "5 seconds"
  const linger = Duration.toMillis(Duration.fromInputUnsafe(options.linger ?? "5 seconds"))
  return Layer.succeed(Transport.Transport)({
    listen: listen(options, linger),
    connect: (address) => connect(address, connectTimeout, linger),
  })
}

const ignore = () => {}

// Dialing

const connect = (
  address: Address.Address,
  timeout: Duration.Input,
  linger: number,
): Effect.Effect<Transport.Connection, Transport.TransportError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const socket = Net.createConnection({
        host: Address.host(address),
        port: Address.port(address),
        noDelay: true,
        allowHalfOpen: true,
      })
      // Before anything else: without a listener, an error would end the process.
      socket.on("error", ignore)
      const refused = (cause: Error) => Effect.fail(dialError(address, cause))
      const connected = Effect.callback<void, Transport.TransportError>((resume) => {
        // A fiber can be held up between any two steps, so it may have happened.
        if (socket.errored !== null) return resume(refused(socket.errored))
        if (!socket.connecting) return resume(Effect.void)
        socket.once("connect", () => resume(Effect.void))
        socket.once("error", (cause) => resume(refused(cause)))
      })
      yield* restore(
        Effect.timeoutOrElse(connected, {
          duration: timeout,
          orElse: () =>
            Effect.fail(
              new Transport.TransportError({
                reason: "unreachable",
                message: `${address} did not answer within ${Duration.format(Duration.fromInputUnsafe(timeout))}`,
              }),
            ),
        }),
      ).pipe(
        // Not `acquireRelease`: an interrupt that comes with the answer must find the socket, too.
        Effect.onExit((exit) => Effect.sync(() => (Exit.isSuccess(exit) ? undefined : socket.destroy()))),
      )
      return yield* SocketConnection.make(socket, linger)
    }),
  )

const dialError = (address: Address.Address, cause: Error): Transport.TransportError => {
  const code = codeOf(cause)
  const refused = code === "ECONNREFUSED" || code === "ECONNRESET"
  return new Transport.TransportError({
    reason: refused ? "refused" : "unreachable",
    message: refused
      ? `${address} refused the connection: nobody listens there`
      : `${address} cannot be reached: ${code ?? cause.message}`,
    cause,
  })
}

// Listening

const listen = (
  options: Options,
  linger: number,
): Effect.Effect<Transport.Listener, Transport.TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const host = options.host.replace(/^\[(.*)\]$/, "$1")
    const { port } = options
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      return yield* listenError(`port ${port} is not a port: it must be a whole number from 0 to 65535`)
    }
    const server = yield* Effect.acquireRelease(Effect.sync(makeServer), (server) => Effect.sync(server.close))
    yield* Effect.callback<void, Transport.TransportError>((resume) => {
      server.net.once("error", (cause) => resume(listenError(explain(host, port, cause), cause)))
      server.net.listen({ host, port }, () => resume(Effect.void))
    })
    const bound = server.net.address()
    if (bound === null || typeof bound === "string") return yield* listenError(`${host} is not a host of TCP`)
    if (options.insecure !== true && !isLoopback(bound.address)) {
      return yield* listenError(
        `plain TCP on ${host} would let in everybody who reaches the port: listen on 127.0.0.1, ` +
          `or set "insecure: true" in a network that you trust`,
      )
    }
    const address = yield* advertised(options.advertise, host, bound)
    return { address, run: run(server, linger) }
  })

/** A server, and where the connections go that it gets. */
interface Server {
  readonly net: Net.Server
  /** Gives it all that wait and all that come. One at a time. */
  readonly accept: (take: (socket: Net.Socket) => void) => Effect.Effect<never>
  /** Stops to listen at once. */
  readonly close: () => void
}

const makeServer = (): Server => {
  // Paused, so that nothing is lost before somebody reads.
  const net = Net.createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true })
  const waiting = new Set<Net.Socket>()
  const wait = (socket: Net.Socket): void => {
    socket.on("error", ignore)
    socket.once("close", () => waiting.delete(socket))
    waiting.add(socket)
  }
  let taker = wait
  net.on("connection", (socket) => taker(socket))
  // One connection that cannot be accepted is no reason to end the process.
  net.on("error", ignore)
  return {
    net,
    accept: (take) =>
      Effect.callback(() => {
        taker = take
        for (const socket of waiting) {
          // One that was reset meanwhile has no other end any more.
          if (socket.remoteAddress === undefined) socket.destroy()
          else take(socket)
        }
        waiting.clear()
        return Effect.sync(() => {
          if (taker === take) taker = wait
        })
      }),
    close: () => {
      taker = (socket) => socket.destroy()
      for (const socket of waiting) socket.destroy()
      // It may still be looking up its host, and would listen after that.
      if (net.listening) net.close()
      else net.once("listening", () => net.close())
    },
  }
}

const run =
  (server: Server, linger: number): Transport.Listener["run"] =>
  <R>(handler: (connection: Transport.Connection) => Effect.Effect<void, never, R>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const fork = yield* FiberSet.makeRuntime<Exclude<R, Scope.Scope>>()
        return yield* server.accept((socket) => {
          fork(
            SocketConnection.make(socket, linger).pipe(
              // The handler starts outside of this call, so whoever it wakes finds it forked.
              Effect.tap(Effect.yieldNow),
              Effect.flatMap(handler),
              Effect.scoped,
              Effect.ignoreCause({ log: "Error", message: "The handler of a connection died" }),
            ),
          )
        })
      }),
    )

const listenError = (message: string, cause?: unknown): Effect.Effect<never, Transport.TransportError> =>
  Effect.fail(new Transport.TransportError({ reason: "listen", message, ...(cause === undefined ? {} : { cause }) }))

const explain = (host: string, port: number, cause: unknown): string => {
  const code = codeOf(cause)
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} on ${host} is in use: pick another, or 0 for any free one`
    case "EACCES":
      return `port ${port} on ${host} is not allowed: ports below 1024 need privileges, pick a higher one`
    case "EADDRNOTAVAIL":
      return `${host} is not an address of this machine: listen on one that is, or on 0.0.0.0 for all`
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host ${host} is not known: listen on an address of this machine, or on 0.0.0.0 for all`
    default:
      return `cannot listen on port ${port} of ${host}: ${code ?? String(cause)}`
  }
}

/** Whether only this machine reaches the address. */
const isLoopback = (address: string): boolean => /^(127\.|::1$|::ffff:127\.)/.test(address)

/** The address that others dial. */
const advertised = (
  advertise: string | undefined,
  host: string,
  { address: boundHost, port }: Net.AddressInfo,
): Effect.Effect<Address.Address, Transport.TransportError> => {
  const wildcard = boundHost === "0.0.0.0" || boundHost === "::"
  const dialable = advertise ?? (wildcard ? firstInterface() : host)
  // A bare IPv6 address is full of colons, none of which begins a port.
  const address =
    Net.isIP(dialable) === 0 && dialable.includes(":") && !dialable.endsWith("]")
      ? Address.parse(dialable)
      : Address.make(dialable, port)
  return Result.isSuccess(address) ? Effect.succeed(address.success) : listenError(address.failure.message)
}

/** The address of the first interface that others may reach, or the loopback if there is none. */
const firstInterface = (): string => {
  const all = Object.values(Os.networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const outside = all.filter(({ address, internal }) => !internal && !address.startsWith("fe80:"))
  const first = outside.find(({ family }) => family === "IPv4") ?? outside[0]
  return first?.address ?? "127.0.0.1"
}
