/**
 * Transport over plain TCP of Node. It neither encrypts nor authenticates, so use it only in a network that you trust.
 *
 * @since 0.1.0
 */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { advertisedAddresses, isLoopback } from "./internal/advertisedAddresses.ts"
import { errorCode } from "./internal/errorCode.ts"
import * as HostLookups from "./internal/HostLookups.ts"
import { awaitConnected, openSocket } from "./internal/openSocket.ts"
import { type Resolver, resolver, type SourceError } from "./internal/resolver.ts"
import * as SocketConnection from "./internal/SocketConnection.ts"
import { SocketServer } from "./internal/SocketServer.ts"

/**
 * Options of {@link layerTcp}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Interface to listen on: `127.0.0.1` for this machine only, `0.0.0.0` or `::` for all interfaces. Every interface
   * except the loopback needs `insecure`. Defaults to `127.0.0.1`.
   */
  readonly host?: string | undefined
  /** Port to listen on, or 0 for any free port. Defaults to `Address.defaultPort`, which is 24868. */
  readonly port?: number | undefined
  /**
   * Addresses at which peers reach this node, at most 8, the best first. Each is `HOST:PORT`, or a host, which gets the
   * port of the listener. Set the option behind a NAT and in most containers.
   *
   * Defaults to `host`, also if the list is empty. If `host` is `0.0.0.0` or `::`, it defaults to the address of a
   * network interface: a global address before a private one, a private one before a link-local one, and among equals
   * the first in the order of the system. With `0.0.0.0` only IPv4 addresses qualify, and with `::` IPv6 addresses come
   * before IPv4 addresses. The loopback and addresses with a zone are never chosen. If no address qualifies, the
   * transport cannot listen.
   */
  readonly advertise?: string | ReadonlyArray<string> | undefined
  /**
   * `true` allows listening beyond this machine. The transport neither authenticates peers nor encrypts messages, so
   * every process that reaches the port and knows the name of the cluster can join. Set it in a network that you trust,
   * or behind a tunnel that authenticates. With `false` only the loopback is allowed. Defaults to `false`.
   */
  readonly insecure?: boolean | undefined
  /**
   * Resolver of the names to dial and to listen on. The addresses of a name are dialed one after the other, IPv4 before
   * IPv6. Defaults to `NodeDiscovery.resolver` without options, which uses the hosts file, the search list and the DNS
   * servers of the system.
   */
  readonly resolver?: Resolver | undefined
  /**
   * Time after which a dial without an answer fails as `unreachable`. It includes the lookup of a name. Defaults to 5
   * seconds.
   */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * Time for a connection that this node has closed to send the remaining bytes and to receive the end of the other
   * side, in the background. After that the connection is destroyed. The connection keeps the process alive for the
   * first half second only. Defaults to 5 seconds.
   */
  readonly linger?: Duration.Input | undefined
}

/**
 * Provides TCP on the given interface and port. Every node needs its own layer.
 *
 * **Details**
 *
 * Listening fails with `TransportError` and the reason `listen` if the port is in use, if the host is not of this
 * machine, or if `insecure` is needed and not set. The message names the option to change.
 *
 * **Example** (Listen on all interfaces of a container)
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { NodeTransport } from "@coterie/node-transport"
 * import { Layer } from "effect"
 *
 * const ClusterLive = Cluster.layer({ cluster: "shop", seeds: ["web-1", "web-2"] }).pipe(
 *   Layer.provide(NodeTransport.layerTcp({ host: "0.0.0.0", insecure: true })),
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTcp = (options: Options = {}): Layer.Layer<Transport.Transport> => {
  const connectTimeout = Duration.fromInputUnsafe(options.connectTimeout ?? "5 seconds")
  const linger = Duration.toMillis(Duration.fromInputUnsafe(options.linger ?? "5 seconds"))
  return Layer.effect(
    Transport.Transport,
    Effect.map(HostLookups.make(options.resolver ?? resolver()), (lookups) => ({
      listen: listen(options, lookups, linger),
      connect: (address) => connect(address, lookups, connectTimeout, linger),
    })),
  )
}

/**
 * Provides TCP with options from the configuration, such as
 * `layerConfig({ host: Config.String("HOST"), port: Config.succeed(7000) })`. Fails with `ConfigError` if a value is
 * missing or cannot be used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (options: Config.Wrap<Options>): Layer.Layer<Transport.Transport, Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap<Options>(options), layerTcp))

/**
 * Provides TCP with options from environment variables. Options given here take precedence, and their variables are not
 * read.
 *
 * **Details**
 *
 * | variable | option |
 * | --- | --- |
 * | `COTERIE_HOST` | `host` |
 * | `COTERIE_PORT` | `port`, 0 to 65535 |
 * | `COTERIE_ADVERTISE` | `advertise`, a list separated by commas, the best first |
 * | `COTERIE_INSECURE` | `insecure`, `true` or `false` |
 *
 * If a variable is not set or is empty, its option has the default. Fails with `ConfigError` if a value cannot be used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = (options: Options = {}): Layer.Layer<Transport.Transport, Config.ConfigError> =>
  Layer.unwrap(
    Effect.map(
      Config.all({
        host: given(options.host, Config.NonEmptyString("COTERIE_HOST")),
        port: given(options.port, Config.schema(Port, "COTERIE_PORT")),
        advertise: given(options.advertise, Config.map(Config.String("COTERIE_ADVERTISE"), list)),
        insecure: given(options.insecure, Config.Boolean("COTERIE_INSECURE")),
      }),
      (found) => layerTcp({ ...options, ...found }),
    ),
  )

/** Returns the option if it was given, and otherwise reads its variable. */
const given = <A>(option: A | undefined, variable: Config.Config<A>): Config.Config<A | undefined> =>
  option === undefined ? Config.withDefault(variable, undefined) : Config.succeed(option)

const list = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "")

const Port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 }))

const defaultHost = "127.0.0.1"

const ignore = () => {}

// Dialing

const connect = (
  address: Address.Address,
  lookups: HostLookups.HostLookups,
  timeout: Duration.Duration,
  linger: number,
): Effect.Effect<Transport.Connection, Transport.TransportError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const answered = timeLimit(address, timeout)
      const [elapsed, hosts] = yield* restore(Effect.timed(answered(lookup(address, lookups), timeout)))
      const socket = openSocket({ hosts, port: Address.port(address) })
      // Registered first, because an error without a listener ends the process.
      socket.on("error", ignore)
      const connected = Effect.mapError(awaitConnected(socket), (cause) => dialError(address, cause))
      yield* restore(answered(connected, Duration.subtract(timeout, elapsed))).pipe(
        // `acquireRelease` would leak the socket if an interrupt arrives together with the answer.
        Effect.onExit((exit) => Effect.sync(() => (Exit.isSuccess(exit) ? undefined : socket.destroy()))),
      )
      return yield* SocketConnection.make(socket, linger)
    }),
  )

/** Returns a time limit for a part of a dial. Its error reports the time limit of the whole dial. */
const timeLimit =
  (address: Address.Address, whole: Duration.Duration) =>
  <A>(part: Effect.Effect<A, Transport.TransportError>, duration: Duration.Duration) =>
    Effect.timeoutOrElse(part, {
      duration,
      orElse: () =>
        Effect.fail(
          new Transport.TransportError({
            reason: "unreachable",
            message: `${address} did not answer within ${Duration.format(whole)}`,
          }),
        ),
    })

const lookup = (address: Address.Address, lookups: HostLookups.HostLookups) =>
  Effect.mapError(
    lookups.find(Address.host(address)),
    (cause) =>
      new Transport.TransportError({
        reason: "unreachable",
        message: `${address} cannot be reached: ${cause.message}`,
        cause,
      }),
  )

const dialError = (address: Address.Address, cause: Error): Transport.TransportError => {
  const code = errorCode(cause)
  // A connection that was cut before it was open says nothing about the process, for a device between the two may have cut it.
  const refused = code === "ECONNREFUSED"
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
  lookups: HostLookups.HostLookups,
  linger: number,
): Effect.Effect<Transport.Listener, Transport.TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const host = (options.host ?? defaultHost).replace(/^\[(.*)\]$/, "$1")
    const port = options.port ?? Address.defaultPort
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      return yield* listenError(`the port must be an integer from 0 to 65535, not ${port}`)
    }
    const [ip] = yield* Effect.catch(lookups.find(host), (cause) => listenError(lookupMessage(host, cause), cause))
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => new SocketServer()),
      (server) => Effect.sync(() => server.close()),
    )
    yield* Effect.callback<void, Transport.TransportError>((resume) => {
      server.net.once("error", (cause) => resume(listenError(listenMessage(host, port, cause))))
      server.net.listen({ host: ip, port }, () => resume(Effect.void))
    })
    const bound = server.net.address()
    if (bound === null || typeof bound === "string") return yield* listenError(`${host} is not a TCP host`)
    if (options.insecure !== true && !isLoopback(bound.address)) {
      return yield* listenError(
        `plain TCP on ${host} admits every process that reaches the port: listen on 127.0.0.1, ` +
          `or set "insecure: true" in a network that you trust`,
      )
    }
    const addresses = advertisedAddresses(options.advertise, host, bound)
    if (Result.isFailure(addresses)) return yield* listenError(addresses.failure)
    return { addresses: addresses.success, run: run(server, linger) }
  })

const run =
  (server: SocketServer, linger: number): Transport.Listener["run"] =>
  <R>(handler: (connection: Transport.Connection) => Effect.Effect<void, never, R>) =>
    Effect.scoped(
      Effect.gen(function* () {
        const fork = yield* FiberSet.makeRuntime<Exclude<R, Scope.Scope>>()
        return yield* server.run((socket) => {
          fork(
            SocketConnection.make(socket, linger).pipe(
              // The handler starts after this call, so that a fiber that the handler wakes finds it in the set.
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

const lookupMessage = (host: string, { message, reason }: SourceError): string =>
  reason === "notFound"
    ? `the host ${host} is unknown: listen on an address of this machine, or on 0.0.0.0 for all interfaces`
    : `the lookup of the host ${host} failed: ${message}`

const listenMessage = (host: string, port: number, cause: unknown): string => {
  const code = errorCode(cause)
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} on ${host} is in use: pick another, or 0 for any free one`
    case "EACCES":
      return `port ${port} on ${host} is not allowed: ports below 1024 need privileges, so pick a higher one`
    case "EADDRNOTAVAIL":
      return `${host} is not an address of this machine: listen on one that is, or on 0.0.0.0 for all interfaces`
    default:
      return `cannot listen on port ${port} of ${host}: ${code ?? String(cause)}`
  }
}
