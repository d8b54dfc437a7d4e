/**
 * Transports of Coterie for Node. {@link layerSecret} encrypts, and admits the processes that have a secret. {@link layerTcp} neither
 * encrypts nor authenticates: use it only within a network that you trust.
 *
 * @since 0.1.0
 */
import * as Transport from "@coterie/core/Transport"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { dialSecret, dialTcp } from "./internal/dial/dial.ts"
import { followRing, logRing } from "./internal/secret/followRing.ts"
import * as HostLookups from "./internal/dns/HostLookups.ts"
import { listen, listenError } from "./internal/accept/listen.ts"
import { type Resolver, resolver } from "./internal/dns/resolver.ts"
import { AcceptServer } from "./internal/accept/AcceptServer.ts"
import { tcpHandshakes } from "./internal/accept/Handshakes.ts"
import { secretHandshakes } from "./internal/secret/secretHandshakes.ts"
import { configError, secretVariables } from "./internal/secret/secretVariables.ts"
import { hasPresharedKeys, runtimeName } from "./internal/secret/secretTls.ts"
import { KeyMetrics } from "./internal/metrics/KeyMetrics.ts"
import { RefusalMetrics } from "./internal/metrics/RefusalMetrics.ts"
import * as SocketConnection from "./internal/socket/SocketConnection.ts"
import * as Keyring from "./Keyring.ts"

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
export const layerTcp = (options: Options = {}): Layer.Layer<Transport.Transport> =>
  Layer.effect(
    Transport.Transport,
    Effect.map(dialer(options), (dial) => {
      const refusals = new RefusalMetrics()
      return {
        listen: listen({
          ...options,
          lookups: dial.lookups,
          makeServer: () => new AcceptServer(tcpHandshakes, defaultHandshakeMillis, refusals),
          loopbackOnly: options.insecure === true ? undefined : refuseTcp,
          open: ({ socket }) => SocketConnection.make(socket, dial.linger),
        }),
        connect: (address) => dialTcp({ ...dial, address }),
        addMetrics: refusals.addMetrics,
      }
    }),
  )

/** Time in which a connection that arrives must prove itself, in milliseconds. */
const defaultHandshakeMillis = 5_000

const refuseTcp = (host: string): string =>
  `plain TCP on ${host} admits every process that reaches the port: listen on 127.0.0.1, ` +
  `or set "insecure: true" in a network that you trust`

/** Returns how a transport dials, with its look-ups. */
const dialer = (options: Pick<Options, "connectTimeout" | "linger" | "resolver">) =>
  Effect.map(HostLookups.make(options.resolver ?? resolver()), (lookups) => ({
    lookups,
    timeout: Duration.fromInputUnsafe(options.connectTimeout ?? "5 seconds"),
    linger: millis(options.linger ?? "5 seconds"),
  }))

const millis = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))

/**
 * Options of {@link layerSecret}.
 *
 * @category models
 * @since 0.1.0
 */
export interface SecretOptions {
  /** Interface to listen on: `127.0.0.1` for this machine alone, `0.0.0.0` or `::` for all interfaces. Defaults to `127.0.0.1`. */
  readonly host?: string | undefined
  /** Port to listen on, or 0 for any free port. Defaults to `Address.defaultPort`, which is 24868. */
  readonly port?: number | undefined
  /** Addresses at which peers reach this node, as in {@link Options}. */
  readonly advertise?: string | ReadonlyArray<string> | undefined
  /** Resolver of the names that are dialed or listened on, as in {@link Options}. */
  readonly resolver?: Resolver | undefined
  /**
   * Time after which a dial without an answer fails as `unreachable`: the lookup of a name, and the attempts with all keys of the
   * ring. Defaults to 5 seconds.
   */
  readonly connectTimeout?: Duration.Input | undefined
  /** Time in which a connection that arrives must prove a key. After that the node cuts it. Defaults to 5 seconds. */
  readonly handshakeTimeout?: Duration.Input | undefined
  /** Time that a closed connection has to send the rest, as in {@link Options}. Defaults to 5 seconds. */
  readonly linger?: Duration.Input | undefined
  /** Age at which a connection is replaced by a new one. It is also replaced after 64 GiB. Defaults to 24 hours. */
  readonly renewAfter?: Duration.Input | undefined
  /**
   * Time that a connection has after its key was removed from the ring. The node replaces it by a connection with another key, which
   * takes up to 10 seconds, and cuts it after this time. A shorter time can cut a link before its replacement. A time of more than a
   * minute counts as a minute. Defaults to 30 seconds.
   */
  readonly withdrawWithin?: Duration.Input | undefined
}

/**
 * Provides TLS 1.3 with the secrets of a {@link Keyring.Keyring}. Both ends of a connection prove that they have a secret in common,
 * and nobody else can read or change messages. Every process with the secret is a member, under any name.
 *
 * **Details**
 *
 * A node dials with the first key of its ring, and with the others where the peer does not accept the first. A dial to a peer without
 * a common key fails as `unauthenticated`. `Connection.identity` has the id of the key. The connections of a removed key are replaced,
 * and cut after `withdrawWithin`. The metrics `coterie_keys` and `coterie_sessions` show the ring and the open connections of each key.
 *
 * **Gotchas**
 *
 * `listen` fails in runtimes whose TLS has no external pre-shared keys, such as Electron.
 *
 * **Example** (A node of a cluster with a secret, from `COTERIE_SECRET`)
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { Keyring, NodeTransport } from "@coterie/node-transport"
 * import { Layer } from "effect"
 *
 * const ClusterLive = Cluster.layer({ cluster: "shop", seeds: ["web-1", "web-2"] }).pipe(
 *   Layer.provide(NodeTransport.layerSecret({ host: "0.0.0.0" })),
 *   Layer.provide(Keyring.layerConfig),
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSecret = (options: SecretOptions = {}): Layer.Layer<Transport.Transport, never, Keyring.Keyring> =>
  Layer.effect(
    Transport.Transport,
    Effect.gen(function* () {
      const keyring = yield* Keyring.Keyring
      const dial = yield* dialer(options)
      const refusals = new RefusalMetrics()
      const keys = new KeyMetrics()
      const times = {
        renewAfter: millis(options.renewAfter ?? "24 hours"),
        withdrawWithin: Math.min(millis(options.withdrawWithin ?? "30 seconds"), maxWithdrawMillis),
      }
      const { refresh, sessions } = yield* followRing(keyring, times, keys)
      const bind = listen({
        ...options,
        lookups: dial.lookups,
        makeServer: () =>
          new AcceptServer(
            secretHandshakes(sessions.find),
            options.handshakeTimeout === undefined ? defaultHandshakeMillis : millis(options.handshakeTimeout),
            refusals,
          ),
        loopbackOnly: undefined,
        open: ({ key, raw, socket }) => SocketConnection.make(socket, dial.linger, sessions.open(key, socket, raw)),
      })
      return {
        listen: Effect.gen(function* () {
          yield* requirePresharedKeys
          const listener = yield* bind
          yield* logRing(sessions.ring)
          return listener
        }),
        connect: (address) => Effect.andThen(refresh, dialSecret({ ...dial, address }, sessions)),
        addMetrics: (metrics) => Effect.andThen(refusals.addMetrics(metrics), keys.addMetrics(metrics)),
      }
    }),
  )

/** A key that was removed may have leaked, so its connections do not stay for longer, whatever the options say. */
const maxWithdrawMillis = 60_000

const requirePresharedKeys = Effect.flatMap(hasPresharedKeys, (works) =>
  works
    ? Effect.void
    : listenError(
        `TLS of ${runtimeName()} has no pre-shared keys, which a secret needs: run the node with Node 22.22 or later`,
      ),
)

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
 * Provides TLS with the secret of the environment, or TCP if there is none, with options of the environment. The options that are given
 * here win, and their variables are not read.
 *
 * **Details**
 *
 * | variable | option |
 * | --- | --- |
 * | `COTERIE_SECRET`, `COTERIE_SECRET_FILE` | secrets as for `Keyring.layerConfig`. If one of them is set, this is {@link layerSecret} |
 * | `COTERIE_HOST` | `host` |
 * | `COTERIE_PORT` | `port`, 0 to 65535 |
 * | `COTERIE_ADVERTISE` | `advertise`, a list separated by commas, the best first |
 * | `COTERIE_INSECURE` | `insecure`, `true` or `false`, for TCP |
 *
 * A variable that is not set, or empty, leaves its option at the default. Fails with `ConfigError` if a value cannot be used, or if
 * there is a secret and `insecure` is `true`. Fails with `KeyringError` if a secret cannot be used; the node never falls back to TCP.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = (
  options: Options = {},
): Layer.Layer<Transport.Transport, Config.ConfigError | Keyring.KeyringError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const found = yield* Config.all({
        host: given(options.host, Config.NonEmptyString("COTERIE_HOST")),
        port: given(options.port, Config.schema(Port, "COTERIE_PORT")),
        advertise: given(options.advertise, Config.map(Config.String("COTERIE_ADVERTISE"), list)),
        insecure: given(options.insecure, Config.Boolean("COTERIE_INSECURE")),
      })
      const { path, secret } = yield* secretVariables
      const { insecure, ...place } = { ...options, ...found }
      if (Option.isNone(path) && Option.isNone(secret)) return layerTcp({ ...place, insecure })
      if (insecure === true) {
        return yield* configError(
          "there is a secret, and plain TCP is allowed (COTERIE_INSECURE): remove one of the two",
        )
      }
      return Layer.provide(layerSecret(place), Keyring.layerConfig)
    }),
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
