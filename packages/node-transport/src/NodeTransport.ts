/**
 * Plain TCP of Node as a transport of Coterie. It neither encrypts nor authenticates: use it only within a network that you trust.
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
   * Interface to listen on: `127.0.0.1` for this machine alone, `0.0.0.0` or `::` for all interfaces. Defaults to `127.0.0.1`,
   * because every other interface needs `insecure`.
   */
  readonly host?: string | undefined
  /** Port to listen on, or 0 for any free port. Defaults to `Address.defaultPort`, which is 24868. */
  readonly port?: number | undefined
  /**
   * Addresses at which peers reach this node, the best first, at most 8: each a host, which gets the port of the listener, or
   * `HOST:PORT`. They are needed behind a NAT and in most containers. Defaults to `host`, also if the list is empty. If `host` is `0.0.0.0` or `::`, it defaults to an address of a network interface: a global
   * address before a private one before a link-local one, and the first of the system among those. `0.0.0.0` has IPv4 addresses
   * only, and `::` IPv6 before IPv4. If there is none, `listen` fails. The loopback and addresses with a zone are never chosen.
   */
  readonly advertise?: string | ReadonlyArray<string> | undefined
  /**
   * Allows listening beyond this machine, although the transport neither authenticates peers nor encrypts messages: every process
   * that reaches the port and knows the name of the cluster is a member. Without it only the loopback is allowed. Set it in a
   * network that you trust, or where a tunnel authenticates. Defaults to `false`.
   */
  readonly insecure?: boolean | undefined
  /**
   * Resolver of the names that are dialed or listened on. Defaults to `NodeDiscovery.resolver` without options: the hosts file, the
   * search list and the DNS servers of the system. The addresses of a name are dialed one after the other, IPv4 before IPv6.
   */
  readonly resolver?: Resolver | undefined
  /** Time after which a dial without an answer fails as `unreachable`, the lookup of a name included. Defaults to 5 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * Time that a connection that was closed here has to send the rest and to receive the end of the other side, in the background.
   * After that the connection is destroyed. It keeps the process from ending for half a second of it only. Defaults to 5 seconds.
   */
  readonly linger?: Duration.Input | undefined
}

/**
 * Provides TCP on the given interface and port. Every node needs a layer of its own.
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
 * Provides TCP with options of the configuration, such as
 * `layerConfig({ host: Config.String("HOST"), port: Config.succeed(7000) })`. Fails with `ConfigError` if one of them is missing or
 * cannot be used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (options: Config.Wrap<Options>): Layer.Layer<Transport.Transport, Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap<Options>(options), layerTcp))

/**
 * Provides TCP with options of the environment. The options that are given here win, and their variables are not read.
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
 * A variable that is not set, or empty, leaves its option at the default. Fails with `ConfigError` if a value cannot be used.
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

/** Returns the option that was given, or reads the one of the environment. */
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
      // Registered first: without a listener, an error would end the process.
      socket.on("error", ignore)
      const connected = Effect.mapError(awaitConnected(socket), (cause) => dialError(address, cause))
      yield* restore(answered(connected, Duration.subtract(timeout, elapsed))).pipe(
        // `acquireRelease` would leak the socket if an interrupt comes together with the answer.
        Effect.onExit((exit) => Effect.sync(() => (Exit.isSuccess(exit) ? undefined : socket.destroy()))),
      )
      return yield* SocketConnection.make(socket, linger)
    }),
  )

/** Returns a limit for a part of a dial, which tells the time of the whole dial if it is over. */
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
      return yield* listenError(`port ${port} is not a port: it must be a whole number from 0 to 65535`)
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
    if (bound === null || typeof bound === "string") return yield* listenError(`${host} is not a host of TCP`)
    if (options.insecure !== true && !isLoopback(bound.address)) {
      return yield* listenError(
        `plain TCP on ${host} would let in everybody who reaches the port: listen on 127.0.0.1, ` +
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
    ? `the host ${host} is not known: listen on an address of this machine, or on 0.0.0.0 for all`
    : `the host ${host} cannot be found: ${message}`

const listenMessage = (host: string, port: number, cause: unknown): string => {
  const code = errorCode(cause)
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} on ${host} is in use: pick another, or 0 for any free one`
    case "EACCES":
      return `port ${port} on ${host} is not allowed: ports below 1024 need privileges, pick a higher one`
    case "EADDRNOTAVAIL":
      return `${host} is not an address of this machine: listen on one that is, or on 0.0.0.0 for all`
    default:
      return `cannot listen on port ${port} of ${host}: ${code ?? String(cause)}`
  }
}
