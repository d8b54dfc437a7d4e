/**
 * Transports of Coterie for Node. {@link layerSecret} encrypts, and admits the processes that have a secret. {@link layerTls} encrypts,
 * and admits the processes that have a certificate. {@link layerTcp} neither encrypts nor authenticates: use it only within a network
 * that you trust.
 *
 * @since 0.1.0
 */
import type { NodeMetrics } from "@coterie/core/NodeMetrics"
import * as Transport from "@coterie/core/Transport"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { AcceptServer } from "./internal/accept/AcceptServer.ts"
import type { Arrival } from "./internal/accept/AcceptQueue.ts"
import * as Guard from "./internal/accept/Guard.ts"
import { type Beginning, type Handshakes, tcpOnly, tlsOnly, tlsOrPlain } from "./internal/accept/Handshakes.ts"
import { listen, listenError } from "./internal/accept/listen.ts"
import { logRefusals } from "./internal/accept/logRefusals.ts"
import { both } from "./internal/accept/Refusal.ts"
import type { Networks, ProofStrangers, Strangers } from "./internal/accept/strangers.ts"
import { configError, environmentConfig, environmentName, optionName } from "./internal/config/environment.ts"
import { type NameOf, pathNames, proofOf } from "./internal/config/proof.ts"
import { certificateHandshakes, type CertificateServer } from "./internal/certificates/certificateHandshakes.ts"
import { followFiles } from "./internal/certificates/MaterialFiles.ts"
import { followCertificates, logCertificate } from "./internal/certificates/followCertificates.ts"
import { dialCertificates, dialSecret, dialTcp } from "./internal/dial/dial.ts"
import * as HostLookups from "./internal/dns/HostLookups.ts"
import { type Resolver, resolver } from "./internal/dns/resolver.ts"
import { followFile } from "./internal/secret/RingFile.ts"
import { NodeLogs } from "./internal/NodeLogs.ts"
import { followRing, logRing } from "./internal/secret/followRing.ts"
import { secretHandshakes } from "./internal/secret/secretHandshakes.ts"
import { hasPresharedKeys, runtimeName } from "./internal/secret/secretTls.ts"
import { KeyMetrics } from "./internal/metrics/KeyMetrics.ts"
import { RefusalMetrics } from "./internal/metrics/RefusalMetrics.ts"
import { RejectionMetrics } from "./internal/metrics/RejectionMetrics.ts"
import * as SocketConnection from "./internal/socket/SocketConnection.ts"
import * as Certificates from "./Certificates.ts"
import * as Keyring from "./Keyring.ts"

export type { Networks, ProofStrangers, Strangers } from "./internal/accept/strangers.ts"

/**
 * Options of all transports about the other end of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface GuardOptions {
  /**
   * Networks that this node accepts connections from and dials. A connection from another one is refused at once. A dial into another
   * one fails as `forbidden`, and sends nothing. Defaults to all.
   */
  readonly networks?: Networks | undefined
}

/**
 * Options of {@link layerTcp}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends GuardOptions {
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
   * before IPv4 addresses. The loopback and addresses with a zone are never chosen. If no address qualifies, or if
   * no peer can dial an address, such as a multicast address, listening fails with a `TransportError` that names this
   * option.
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
  /** Bounds for the connections of each host. TCP proves nothing, so that no host is known and none is muted. */
  readonly strangers?: Partial<Strangers> | undefined
}

/**
 * Provides TCP on the given interface and port. Every node needs its own layer.
 *
 * **Details**
 *
 * Listening fails with `TransportError` and the reason `listen` if the port is in use, if the host is not of this
 * machine, if `insecure` is needed and not set, if peers
 * cannot dial the advertised address, or if `networks` or `strangers` cannot be used. The message names the
 * option to change.
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
    Effect.gen(function* () {
      const refusals = new RefusalMetrics()
      const guard = Guard.make(options)
      const dial = yield* dialer(options, guard)
      return {
        listen: Effect.gen(function* () {
          const gate = yield* guard.gate(defaultHandshakeMillis)
          const observer = both(refusals, yield* logRefusals(gate.bounds.linesPerMinute))
          return yield* listen({
            ...options,
            lookups: dial.lookups,
            makeServer: () => new AcceptServer({ gate, beginning: tcpOnly, observer }),
            loopbackOnly: options.insecure === true ? undefined : refuseTcp,
            log: logTcp,
            open: ({ socket }) => SocketConnection.make(socket, dial.linger),
          })
        }),
        connect: (address) => dialTcp({ ...dial, address }),
        addMetrics: refusals.addMetrics,
      }
    }),
  )

/** Time in which a connection that arrives must prove itself, in milliseconds. */
const defaultHandshakeMillis = 5_000

const refuseTcp = (host: string): string =>
  `plain TCP on ${host} admits every process that reaches the port: give the cluster a secret (COTERIE_SECRET, or ` +
  `"NodeTransport.layerSecret"), listen on 127.0.0.1, or set "insecure: true" in a network that you trust`

const logTcp = (loopback: boolean) =>
  loopback
    ? Effect.logInfo("transport: plain TCP, not encrypted; only processes on this machine can connect")
    : Effect.logWarning("transport: plain TCP, not encrypted; every process that reaches the port can join the cluster")

/** Returns how a transport dials, with its lookups. */
const dialer = (options: Pick<Options, "connectTimeout" | "linger" | "resolver">, guard: Guard.Guard) =>
  Effect.map(HostLookups.make(options.resolver ?? resolver()), (lookups) => ({
    lookups,
    exclusions: guard.exclusions,
    known: guard.known,
    timeout: Duration.fromInputUnsafe(options.connectTimeout ?? "5 seconds"),
    linger: millis(options.linger ?? "5 seconds"),
  }))

const millis = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))

/**
 * Options that {@link layerSecret} and {@link layerTls} have in common.
 *
 * @category models
 * @since 0.1.0
 */
export interface SecureOptions extends GuardOptions {
  /** Interface to listen on: `127.0.0.1` for this machine alone, `0.0.0.0` or `::` for all interfaces. Defaults to `127.0.0.1`. */
  readonly host?: string | undefined
  /** Port to listen on, or 0 for any free port. Defaults to `Address.defaultPort`, which is 24868. */
  readonly port?: number | undefined
  /** Addresses at which peers reach this node, as in {@link Options}. */
  readonly advertise?: string | ReadonlyArray<string> | undefined
  /** Resolver of the names that are dialed or listened on, as in {@link Options}. */
  readonly resolver?: Resolver | undefined
  /**
   * Time after which a dial without an answer fails as `unreachable`: the lookup of a name, and the handshakes, of which there is one
   * for each key of a ring. Defaults to 5 seconds.
   */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * Time in which a connection that arrives must prove itself, from its arrival. After that the node cuts it. Defaults to 5 seconds,
   * which is also the time that a dial takes.
   */
  readonly handshakeTimeout?: Duration.Input | undefined
  /** Time that a closed connection has to send the rest, as in {@link Options}. Defaults to 5 seconds. */
  readonly linger?: Duration.Input | undefined
  /**
   * Age at which a connection is replaced by a new one. It is also replaced after 64 GiB, and with certificates when this node gets
   * another one, and before the first certificate of its ends expires: when a third of the life of that certificate is left, or an hour,
   * whichever is less. Defaults to 24 hours.
   */
  readonly renewAfter?: Duration.Input | undefined
  /**
   * Time that a connection has after its proof was withdrawn: its key was removed from the ring, its authority was removed, or its
   * certificate was revoked. The node replaces it by a connection with another proof, which takes up to 10 seconds, and cuts it after
   * this time. A shorter time can cut a link before its replacement. A time of more than a minute counts as a minute. Defaults to 30
   * seconds.
   */
  readonly withdrawWithin?: Duration.Input | undefined
  /** Bounds for connections that have proved nothing. */
  readonly strangers?: Partial<ProofStrangers> | undefined
  /**
   * A step of the way from plain TCP to TLS, for a cluster that runs. Set `listen` at all nodes, one after the other, then `dial`, then
   * neither.
   *
   * - `listen`: takes TLS and plain TCP, and dials plain TCP.
   * - `dial`: takes TLS and plain TCP, and dials TLS. It never falls back to TCP.
   *
   * While it is set, every process that reaches the port and knows the name of the cluster can join, and the log has a warning at the
   * start and every hour. By default TLS alone is taken and dialed.
   */
  readonly insecureMigration?: "listen" | "dial" | undefined
}

/**
 * Options of {@link layerSecret}.
 *
 * @category models
 * @since 0.1.0
 */
export interface SecretOptions extends SecureOptions {}

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
 *   Layer.provide(Keyring.layerFromEnv()),
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
      const guard = Guard.make(options)
      const dial = yield* dialer(options, guard)
      const refusals = new RefusalMetrics()
      const keys = new KeyMetrics()
      const rejections = new RejectionMetrics("secrets")
      yield* rejections.follow(keyring.rejected)
      const logs = new NodeLogs()
      const { refresh, sessions } = yield* followRing(keyring, sessionTimes(options), keys, logs)
      const bind = bindSecure({
        options,
        dial,
        guard,
        refusals,
        handshakes: secretHandshakes(sessions.find),
        log: () => Effect.suspend(() => logRing(sessions.ring, "transport: TLS 1.3; ")),
        secure: (arrival) => ("key" in arrival ? sessions.open(arrival.key, arrival.socket, arrival.raw) : undefined),
      })
      return {
        listen: requirePresharedKeys.pipe(
          Effect.andThen(Effect.all([logs.add, keyring.addLog ?? Effect.void])),
          Effect.andThen(bind),
        ),
        connect: (address) =>
          dialsPlain(options)
            ? dialTcp({ ...dial, address })
            : Effect.andThen(refresh, dialSecret({ ...dial, address }, sessions)),
        addMetrics: (metrics) => addAll([refusals, keys, rejections], metrics),
      }
    }),
  )

/**
 * Options of {@link layerTls}.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions extends SecureOptions {
  /**
   * Names that this node trusts. The certificate of a peer needs at least one of them as a subject alternative name; the common name does
   * not count.
   *
   * - A DNS name, such as `web-1.shop.internal`, in any case. A `*` as the whole first label stands for one label: `*.shop.internal`.
   * - A URI, such as `spiffe://example.org/shop/web-1`. A `*` at the end, after a `/`, stands for any rest: `spiffe://example.org/shop/*`.
   *
   * The address that was dialed is never compared with a certificate. There is no default: the authorities may have signed certificates
   * of other clusters.
   */
  readonly trust: NonEmptyReadonlyArray<string>
  /**
   * `true` cuts a connection when the certificate of one of its ends expires. Set it where the expiry is the revocation, as with SPIFFE.
   * With `false` the connection stays, and only new connections need valid certificates. Defaults to `false`, because otherwise one
   * certificate that was not replaced in time would cut all links at once.
   */
  readonly cutExpired?: boolean | undefined
}

/**
 * Provides TLS 1.3 in which both ends of a connection present a certificate of an authority of `Certificates.Certificates`, with a name
 * that `trust` allows. Nobody else can read or change messages.
 *
 * **Details**
 *
 * The check of a certificate is the same for the end that dialed and for the end that was dialed. A dial to a peer whose certificate this
 * node does not accept fails as `unauthenticated`. If the peer does not accept the certificate of this node, the first `pull` fails as
 * `unauthenticated`. `Connection.identity` has the names of the certificate.
 *
 * New certificates are used at once: the connections are replaced, without loss. The connections of an authority that was removed, and of
 * a certificate that was revoked, are replaced, and cut after `withdrawWithin`. The log has a warning before the certificate of this node
 * expires, from 7 days or a third of its life before: once a day, and once an hour on the last day.
 *
 * The layer fails with `CertificatesError` if the certificate of this node cannot be used, or has no name that `trust` allows. Later
 * certificates that cannot be used are logged, and those before stay in use.
 *
 * **Gotchas**
 *
 * Each holder of a trusted certificate can claim any name of a peer, unless `Admission.layerNamed` ties names to certificates.
 *
 * **Example** (A node of a cluster with certificates, whose paths are in the environment)
 *
 * ```ts
 * import { Admission, Cluster } from "@coterie/core"
 * import { Certificates, NodeTransport } from "@coterie/node-transport"
 * import { Layer } from "effect"
 *
 * const ClusterLive = Cluster.layer({
 *   cluster: "shop",
 *   seeds: ["web-1", "web-2"],
 *   policies: [Admission.layerNamed((peer) => [`spiffe://example.org/shop/${peer}`])],
 * }).pipe(
 *   Layer.provide(NodeTransport.layerTls({ host: "0.0.0.0", trust: ["spiffe://example.org/shop/*"] })),
 *   Layer.provide(Certificates.layerFromEnv()),
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTls = (
  options: TlsOptions,
): Layer.Layer<Transport.Transport, Certificates.CertificatesError, Certificates.Certificates> =>
  Layer.effect(
    Transport.Transport,
    Effect.gen(function* () {
      const guard = Guard.make(options)
      const dial = yield* dialer(options, guard)
      const refusals = new RefusalMetrics()
      const certificates = yield* Certificates.Certificates
      const rejections = new RejectionMetrics("certificates")
      yield* rejections.follow(certificates.rejected)
      const logs = new NodeLogs()
      const sessions = yield* followCertificates(certificates, {
        logs,
        rejected: rejections.reject,
        trust: options.trust,
        cutExpired: options.cutExpired ?? false,
        times: sessionTimes(options),
      })
      const listenWith = ({ handshakes }: CertificateServer) =>
        bindSecure({
          options,
          dial,
          guard,
          refusals,
          handshakes,
          log: () => Effect.suspend(() => logCertificate(sessions, "transport: TLS 1.3; ")),
          secure: (arrival) =>
            "proof" in arrival ? sessions.open(arrival.proof, arrival.socket, arrival.raw) : undefined,
        })
      return {
        listen: Effect.acquireRelease(
          Effect.sync(() => certificateHandshakes(sessions)),
          ({ close }) => Effect.sync(close),
        ).pipe(
          Effect.tap(() => Effect.all([logs.add, certificates.addLog ?? Effect.void])),
          Effect.flatMap(listenWith),
        ),
        connect: (address) =>
          dialsPlain(options) ? dialTcp({ ...dial, address }) : dialCertificates({ ...dial, address }, sessions),
        addMetrics: (metrics) => addAll([refusals, sessions, rejections], metrics),
      }
    }),
  )

/** Metrics of a part of a transport. */
interface PartMetrics {
  readonly addMetrics: (metrics: NodeMetrics) => Effect.Effect<void, never, Scope.Scope>
}

const addAll = (parts: ReadonlyArray<PartMetrics>, metrics: NodeMetrics): Effect.Effect<void, never, Scope.Scope> =>
  Effect.forEach(parts, (part) => part.addMetrics(metrics), { discard: true })

/** Parts of a transport that listens for connections with a proof. */
interface SecureListening<A extends Arrival> {
  readonly options: SecureOptions
  readonly dial: Effect.Success<ReturnType<typeof dialer>>
  readonly guard: Guard.Guard
  readonly refusals: RefusalMetrics
  readonly handshakes: Handshakes<A>
  /** Logs how connections prove themselves. */
  readonly log: () => Effect.Effect<void>
  /** Registers the proof of a connection. Returns `undefined` for a connection of plain TCP. */
  readonly secure: (arrival: A | Arrival) => SocketConnection.Secured | undefined
}

/** Listens for connections with a proof, and for plain TCP in a migration. */
const bindSecure = <A extends Arrival>({
  dial,
  guard,
  handshakes,
  log,
  options,
  refusals,
  secure,
}: SecureListening<A>) =>
  Effect.gen(function* () {
    const gate = yield* guard.gate(handshakeMillis(options))
    const observer = both(refusals, yield* logRefusals(gate.bounds.linesPerMinute))
    const beginning: Beginning<A | Arrival> =
      options.insecureMigration === undefined ? tlsOnly(handshakes) : tlsOrPlain(handshakes)
    const listener = yield* listen({
      ...options,
      lookups: dial.lookups,
      makeServer: () => new AcceptServer({ gate, beginning, observer }),
      loopbackOnly: undefined,
      log,
      open: (arrival) => SocketConnection.make(arrival.socket, dial.linger, secure(arrival)),
    })
    yield* warnOfMigration(options)
    return listener
  })

const dialsPlain = ({ insecureMigration }: SecureOptions): boolean => insecureMigration === "listen"

/** Warns at the start and every hour while plain TCP is taken. */
const warnOfMigration = ({ insecureMigration }: SecureOptions): Effect.Effect<void, never, Scope.Scope> =>
  insecureMigration === undefined
    ? Effect.void
    : Effect.logWarning(
        `"insecureMigration" is "${insecureMigration}": this node takes TLS and plain TCP, and dials ` +
          `${insecureMigration === "listen" ? "plain TCP" : "TLS"}; every process that reaches the port and knows the name of the ` +
          `cluster can join`,
      ).pipe(Effect.repeat(Schedule.spaced("1 hour")), Effect.forkScoped({ startImmediately: true }), Effect.asVoid)

const sessionTimes = ({ renewAfter, withdrawWithin }: Pick<SecretOptions, "renewAfter" | "withdrawWithin">) => ({
  renewAfter: millis(renewAfter ?? "24 hours"),
  withdrawWithin: Math.min(millis(withdrawWithin ?? "30 seconds"), maxWithdrawMillis),
})

const handshakeMillis = ({ handshakeTimeout }: Pick<SecretOptions, "handshakeTimeout">): number =>
  handshakeTimeout === undefined ? defaultHandshakeMillis : millis(handshakeTimeout)

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
 * Options of {@link layerConfig} and {@link layerFromEnv}: those of {@link layerTcp}, {@link layerSecret} and {@link layerTls}, and the
 * secret or the certificates that decide which of the three is provided.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConfigOptions extends Omit<Options, "strangers">, Omit<TlsOptions, "trust"> {
  /**
   * Secret of the cluster, or a list of 1 to 8 secrets of which this node dials with the first, as for `Keyring.layerConfig`. With a
   * secret the transport is {@link layerSecret}.
   */
  readonly secret?: Redacted.Redacted<string> | ReadonlyArray<Redacted.Redacted<string>> | undefined
  /** Path of a file with the secrets, as for `Keyring.layerFile`, instead of `secret`. */
  readonly secretFile?: string | undefined
  /**
   * Path of the certificate of this node, followed by the certificates that lead to an authority, in PEM. With certificates the transport
   * is {@link layerTls}, and `keyFile`, `authoritiesFile` and `trust` must be set as well.
   */
  readonly certificateFile?: string | undefined
  /** Path of the private key in PEM, without a passphrase. */
  readonly keyFile?: string | undefined
  /** Path of the authorities that this node trusts, in PEM. */
  readonly authoritiesFile?: string | undefined
  /** Path of revocation lists in PEM. By default there are none. */
  readonly revokedFile?: string | undefined
  /** Names of which the certificate of a peer needs at least one, as in {@link TlsOptions}. */
  readonly trust?: ReadonlyArray<string> | undefined
}

/**
 * Errors of {@link layerConfig} and {@link layerFromEnv}.
 *
 * @category errors
 * @since 0.1.0
 */
export type LayerError = Config.ConfigError | Keyring.KeyringError | Certificates.CertificatesError

/**
 * Provides TLS with the secret or the certificates of the configuration, or TCP if there is neither. Either each option is a `Config`, or
 * one `Config` yields all of them.
 *
 * **Details**
 *
 * Fails with `ConfigError` if the configuration lacks an option, or if two of these are set: `secret`, `secretFile`, certificates, and
 * `insecure: true`; or if `insecureMigration` is set without a secret or certificates. Fails with `KeyringError` or `CertificatesError` if a secret or a certificate cannot be used. The node never falls
 * back to TCP.
 *
 * **Example** (A secret and a host from variables of the application)
 *
 * ```ts
 * import { NodeTransport } from "@coterie/node-transport"
 * import { Config } from "effect"
 *
 * const TransportLive = NodeTransport.layerConfig({
 *   host: Config.String("POD_IP"),
 *   port: Config.succeed(7000),
 *   secret: Config.Redacted("SHOP_SECRET"),
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (options: Config.Wrap<ConfigOptions>): Layer.Layer<Transport.Transport, LayerError> =>
  Layer.unwrap(Effect.flatMap(Config.unwrap<ConfigOptions>(options), (options) => choose(options, optionName)))

/**
 * Provides TLS with the secret or the certificates of the environment, or TCP if there is neither, with options of the environment. The
 * options that are given here win, and their variables are not read.
 *
 * **Details**
 *
 * | variable | option |
 * | --- | --- |
 * | `COTERIE_SECRET` | `secret`: one, or several separated by commas, as for `Keyring.layerFromEnv` |
 * | `COTERIE_SECRET_FILE` | `secretFile` |
 * | `COTERIE_TLS_CERT_FILE` | `certificateFile` |
 * | `COTERIE_TLS_KEY_FILE` | `keyFile` |
 * | `COTERIE_TLS_CA_FILE` | `authoritiesFile` |
 * | `COTERIE_TLS_CRL_FILE` | `revokedFile` |
 * | `COTERIE_TLS_TRUST` | `trust`, a list separated by commas |
 * | `COTERIE_HOST` | `host` |
 * | `COTERIE_PORT` | `port`, 0 to 65535 |
 * | `COTERIE_ADVERTISE` | `advertise`, a list separated by commas, the best first |
 * | `COTERIE_INSECURE` | `insecure`, `true` or `false`, for TCP |
 * | `COTERIE_INSECURE_MIGRATION` | `insecureMigration`, `listen` or `dial` |
 *
 * A variable that is not set, or empty, leaves its option at the default. Fails like {@link layerConfig}; the errors name the variable.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = (given: ConfigOptions = {}): Layer.Layer<Transport.Transport, LayerError> =>
  Layer.unwrap(
    Effect.flatMap(environmentConfig(given), (found) => choose({ ...given, ...found }, environmentName(given))),
  )

/** Returns the transport with the proof that the options have. */
const choose = (
  options: ConfigOptions,
  nameOf: NameOf,
): Effect.Effect<Layer.Layer<Transport.Transport, LayerError>, Config.ConfigError> =>
  Effect.gen(function* () {
    const proof = proofOf(options, nameOf)
    if (Result.isFailure(proof)) return yield* configError(proof.failure)
    switch (proof.success._tag) {
      case "None":
        return layerTcp(options)
      case "Secret":
        return Layer.provide(layerSecret(options), Keyring.layerConfig(Config.succeed(proof.success.secret)))
      case "SecretFile":
        return Layer.provide(
          layerSecret(options),
          Layer.effect(Keyring.Keyring, followFile({ path: proof.success.path, name: nameOf("secretFile") })),
        )
      case "Certificates": {
        const { paths, trust } = proof.success
        return Layer.provide(
          layerTls({ ...options, trust }),
          Layer.effect(Certificates.Certificates, followFiles(paths, pathNames(nameOf))),
        )
      }
    }
  })
