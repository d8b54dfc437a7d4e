/**
 * Discovery of peers by DNS or a file. Each layer provides core's `Discovery` and looks up the addresses on a schedule.
 * While a lookup fails, the addresses of the last successful lookup are kept. The failure is logged once.
 *
 * @since 0.1.0
 */
import * as Address from "@coterie/core/Address"
import * as Discovery from "@coterie/core/Discovery"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs/promises"
import { errorCode } from "./internal/socket/errorCode.ts"
import { type Resolver, resolver, SourceError, type SrvRecord } from "./internal/dns/resolver.ts"

/**
 * Interval of DNS lookups. It is about the usual time to live of the records of services, for which caches keep them.
 */
const dnsInterval = Duration.seconds(30)

/**
 * Interval of file reads. A read costs almost nothing, and an operator who has changed the file waits for the effect.
 */
const fileInterval = Duration.seconds(10)

export { type Resolver, resolver, type ResolverOptions, SourceError, type SrvRecord } from "./internal/dns/resolver.ts"

/**
 * Options of all layers of this module: the schedule of lookups, and the intervals at which addresses are dialed.
 *
 * @category models
 * @since 0.1.0
 */
export interface PollOptions extends Discovery.Options {
  /** Schedule of the lookups. Defaults to every 30 seconds for DNS and every 10 seconds for a file. */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
}

/**
 * Options of {@link layerDns}.
 *
 * @category models
 * @since 0.1.0
 */
export interface DnsOptions extends PollOptions {
  /** Name that resolves to the hosts of peers. */
  readonly name: string
  /** Port on which the peers listen. Defaults to `Address.defaultPort`, which is 24868. */
  readonly port?: number | undefined
  /** Resolver of the name. Defaults to {@link resolver} without options. */
  readonly resolver?: Resolver | undefined
}

/**
 * Options of {@link layerSrv}.
 *
 * @category models
 * @since 0.1.0
 */
export interface SrvOptions extends PollOptions {
  /** Name of the service, such as `_coterie._tcp.example.internal`. */
  readonly name: string
  /** Resolver of the name. Defaults to {@link resolver} without options. */
  readonly resolver?: Resolver | undefined
}

/**
 * Options of {@link layerFile}.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileOptions extends PollOptions {
  /** Path of the file. */
  readonly path: string
}

/**
 * Discovers peers at the IPv4 (A) and IPv6 (AAAA) addresses of a name, all with one port.
 *
 * **Details**
 *
 * The two queries are independent. While one of them fails, its last answer is kept. The first set is emitted when a
 * query has found an address, or when both queries have answered.
 *
 * **Example** (Find the pods behind a headless service)
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { NodeDiscovery, NodeTransport } from "@coterie/node-transport"
 * import { Layer } from "effect"
 *
 * const ClusterLive = Cluster.layer({
 *   cluster: "shop",
 *   policies: [NodeDiscovery.layerDns({ name: "shop-peers.default.svc.cluster.local" })],
 * }).pipe(Layer.provide(NodeTransport.layerTcp({ host: "0.0.0.0", insecure: true })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDns = ({
  name,
  port = Address.defaultPort,
  ...options
}: DnsOptions): Layer.Layer<Discovery.Discovery> => {
  const { a, aaaa } = options.resolver ?? resolver()
  // Sorted, because servers rotate their answers and the limit of addresses must choose the same addresses each time.
  const addresses = (query: Resolver["a"]) =>
    Effect.map(query(name), (hosts) => hosts.map((host) => `${host.includes(":") ? `[${host}]` : host}:${port}`).sort())
  // Each query begins without an answer, so that neither waits for the first answer of the other.
  const latest = (query: Resolver["a"]) =>
    Stream.concat(
      Stream.succeed(undefined),
      Discovery.poll(addresses(query), options.schedule ?? Schedule.spaced(dnsInterval)),
    )
  return Discovery.layer(
    Stream.zipLatestWith(latest(a), latest(aaaa), (v4, v6) => ({
      found: [...(v4 ?? []), ...(v6 ?? [])],
      isComplete: v4 !== undefined && v6 !== undefined,
    })).pipe(
      // An empty first set means that there is no peer to dial. One answer alone cannot show that.
      Stream.dropWhile(({ found, isComplete }) => found.length === 0 && !isComplete),
      Stream.map(({ found }) => found),
    ),
    options,
  )
}

/**
 * Discovers peers at the targets of a service (SRV records), in the order of preference.
 *
 * **Details**
 *
 * Targets are dialed by name, and each dial resolves the name. Records with an invalid target or port are logged and
 * skipped.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSrv = ({ name, ...options }: SrvOptions): Layer.Layer<Discovery.Discovery> =>
  Discovery.layerPoll(
    Effect.map((options.resolver ?? resolver()).srv(name), (records) =>
      records
        // The root as a target means that the service does not exist (RFC 2782).
        .filter(({ target }) => target !== "" && target !== ".")
        .sort(byPreference)
        .map(({ port, target }) => `${target}:${port}`),
    ),
    options.schedule ?? Schedule.spaced(dnsInterval),
    options,
  )

/**
 * Orders records by priority and weight. RFC 2782 chooses one record at random by weight. This node dials all targets,
 * so the order decides only which targets exceed the limit of addresses.
 */
const byPreference = (a: SrvRecord, b: SrvRecord): number =>
  a.priority - b.priority ||
  b.weight - a.weight ||
  (a.target === b.target ? a.port - b.port : a.target < b.target ? -1 : 1)

/**
 * Discovers peers at the addresses in a file, one `HOST:PORT` per line, or `HOST` for the port `Address.defaultPort`.
 *
 * **Details**
 *
 * Blank lines and text after a `#` are ignored. A line that is not an address is logged, and the other lines are used.
 * While the file does not exist, the addresses of the last read are kept.
 *
 * **Gotchas**
 *
 * The system cannot cancel a read. If the file system hangs, such as NFS without its server, the scope closes in time,
 * but the process ends only with the read.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = ({ path, ...options }: FileOptions): Layer.Layer<Discovery.Discovery> =>
  Discovery.layerPoll(
    Effect.map(readText(path), (text) =>
      text
        .split("\n")
        .map((line) => line.replace(/#.*/, "").trim())
        .filter((line) => line !== ""),
    ),
    options.schedule ?? Schedule.spaced(fileInterval),
    options,
  )

const readText = (path: string): Effect.Effect<string, SourceError> =>
  Effect.tryPromise({
    try: (signal) => Fs.readFile(path, { encoding: "utf8", signal }),
    catch: (cause) =>
      errorCode(cause) === "ENOENT"
        ? new SourceError({ reason: "notFound", message: `the file ${path} does not exist` })
        : new SourceError({ reason: "failed", message: `the file ${path} cannot be read`, cause }),
  })

/**
 * Options of {@link layerFromEnv}.
 *
 * @category models
 * @since 0.1.0
 */
export interface EnvOptions extends PollOptions {
  /** Resolver of names. Defaults to {@link resolver} without options. */
  readonly resolver?: Resolver | undefined
}

/**
 * Discovers peers at the source in the environment variable `COTERIE_DISCOVERY`.
 *
 * **Details**
 *
 * | `COTERIE_DISCOVERY` | layer |
 * | --- | --- |
 * | `dns:peers.example.internal`, `dns:peers.example.internal:7000` | {@link layerDns}; the port defaults to `Address.defaultPort` |
 * | `srv:_coterie._tcp.example.internal` | {@link layerSrv} |
 * | `file:/etc/coterie/peers` | {@link layerFile} |
 *
 * Without the variable nothing is discovered, and the node dials its seeds only. Fails with `ConfigError` if the value
 * has another form.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = (options: EnvOptions = {}): Layer.Layer<Discovery.Discovery, Config.ConfigError> =>
  Layer.unwrap(
    Effect.map(Config.option(Config.schema(Source, "COTERIE_DISCOVERY")), (text) =>
      Option.isNone(text) ? Discovery.layerSeeds([], options) : layerOf(text.value, options),
    ),
  )

/** Text of a source: a kind, a colon, and a place to look. */
const Source = Schema.String.check(Schema.makeFilter((text) => sourceProblem(text)))

/** Returns the kind of a source and the place to look. */
const partsOf = (text: string): { readonly kind: string; readonly place: string } => {
  const colon = text.indexOf(":")
  return { kind: text.slice(0, colon), place: text.slice(colon + 1) }
}

/** Returns the reason why a source cannot be used, or `undefined` if it can. */
const sourceProblem = (text: string): string | undefined => {
  const { kind, place } = partsOf(text)
  switch (kind) {
    case "dns":
      return problemOf(Address.parse(place))
    case "srv":
      return place.includes(":") ? "srv: must be followed by a name without a port" : problemOf(Address.make(place))
    case "file":
      return place === "" ? "file: must be followed by a path" : undefined
    default:
      return "expected dns:NAME, dns:NAME:PORT, srv:NAME or file:PATH"
  }
}

const problemOf = (parsed: Result.Result<Address.Address, Address.AddressError>): string | undefined =>
  Result.isFailure(parsed) ? parsed.failure.message : undefined

/** Returns the layer of a valid source. */
const layerOf = (text: string, options: EnvOptions): Layer.Layer<Discovery.Discovery> => {
  const { kind, place } = partsOf(text)
  switch (kind) {
    case "dns": {
      const address = Result.getOrThrow(Address.parse(place))
      return layerDns({ ...options, name: Address.host(address), port: Address.port(address) })
    }
    case "srv":
      return layerSrv({ ...options, name: place })
    default:
      return layerFile({ ...options, path: place })
  }
}
