/**
 * Discovery of peers by DNS or a file. Each layer provides core's `Discovery` and looks its addresses up on a schedule. While a
 * lookup fails, the addresses of the last one are kept, and the failure is logged once.
 *
 * @since 0.1.0
 */
import * as Discovery from "@coterie/core/Discovery"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dns from "node:dns/promises"
import * as Fs from "node:fs/promises"
import { errorCode } from "./internal/errorCode.ts"

/** Interval of DNS lookups. The records of services live about as long, and caches keep them as long. */
const dnsInterval = Duration.seconds(30)

/** Interval of file reads. A read costs next to nothing, and the operator who changed the file is waiting. */
const fileInterval = Duration.seconds(10)

/** Time for each attempt of a DNS query. An answer takes milliseconds. */
const dnsTimeout = Duration.seconds(2)

/** Attempts of a DNS query at each server. One packet may be lost. */
const dnsTries = 2

/**
 * Error of a lookup that found no addresses.
 *
 * **Details**
 *
 * - `notFound`: the name or the file does not exist, or does not exist yet.
 * - `noAnswer`: no server answered in time, or no server can be reached.
 * - `failed`: the server refused or could not answer, or the file cannot be read. The message says more.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", {
  reason: Schema.Literals(["notFound", "noAnswer", "failed"]),
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect()),
}) {}

/**
 * A DNS record of type SRV. The target is a host name.
 *
 * @category models
 * @since 0.1.0
 */
export interface SrvRecord {
  readonly target: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/**
 * DNS queries. {@link resolver} queries servers; a test can provide another resolver.
 *
 * **Details**
 *
 * A name that exists and has no such record has an empty answer. A query for a name that does not exist fails with `notFound`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resolver {
  readonly a: (name: string) => Effect.Effect<ReadonlyArray<string>, SourceError>
  readonly aaaa: (name: string) => Effect.Effect<ReadonlyArray<string>, SourceError>
  readonly srv: (name: string) => Effect.Effect<ReadonlyArray<SrvRecord>, SourceError>
}

/**
 * Options of {@link resolver}.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResolverOptions {
  /** Servers to query, `IP` or `IP:PORT` each, in this order. Defaults to the servers of the system. */
  readonly servers?: ReadonlyArray<string> | undefined
  /**
   * Time for each attempt. Later attempts take longer where Node's resolver has no option `maxTimeout`. Defaults to 2 seconds.
   */
  readonly timeout?: Duration.Input | undefined
  /** Number of attempts at each server. Defaults to 2. */
  readonly tries?: number | undefined
}

/**
 * Options of all layers of this module, and the intervals at which addresses are dialed.
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
  /** Port on which the peers listen. */
  readonly port: number
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
 * Discovers peers at the addresses of a name, IPv4 (A) and IPv6 (AAAA), with one port.
 *
 * **Details**
 *
 * The two queries are independent: while one of them fails, its last answer is kept.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDns = ({ name, port, ...options }: DnsOptions): Layer.Layer<never> => {
  const { a, aaaa } = options.resolver ?? resolver()
  // Sorted, because servers rotate their answers, and the limit of addresses must choose the same ones each time.
  const addresses = (query: Resolver["a"]) =>
    Effect.map(query(name), (hosts) => hosts.map((host) => `${host.includes(":") ? `[${host}]` : host}:${port}`).sort())
  // Each begins with an empty set, so that neither waits for the first answer of the other.
  const latest = (query: Resolver["a"]) =>
    Stream.concat(
      Stream.succeed([]),
      Discovery.poll(addresses(query), options.schedule ?? Schedule.spaced(dnsInterval)),
    )
  return Discovery.layer(
    Stream.zipLatestWith(latest(a), latest(aaaa), (v4, v6) => [...v4, ...v6]),
    options,
  )
}

/**
 * Discovers peers at the targets of a service (SRV), in the order of preference.
 *
 * **Details**
 *
 * The targets are dialed by their names, which are resolved by each dial. Records with an invalid target or port are logged and
 * left out.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSrv = ({ name, ...options }: SrvOptions): Layer.Layer<never> =>
  Discovery.layerPoll(
    Effect.map((options.resolver ?? resolver()).srv(name), (records) =>
      records
        // The root as target means that the service does not exist (RFC 2782).
        .filter(({ target }) => target !== "" && target !== ".")
        .sort(byPreference)
        .map(({ port, target }) => `${target}:${port}`),
    ),
    options.schedule ?? Schedule.spaced(dnsInterval),
    options,
  )

/**
 * Orders records by priority and weight. RFC 2782 chooses one record at random by weight. Here all targets are dialed, and the
 * order decides only which of them are beyond the limit of addresses.
 */
const byPreference = (a: SrvRecord, b: SrvRecord): number =>
  a.priority - b.priority ||
  b.weight - a.weight ||
  (a.target === b.target ? a.port - b.port : a.target < b.target ? -1 : 1)

/**
 * Discovers peers at the addresses in a file, one `HOST:PORT` per line.
 *
 * **Details**
 *
 * Blank lines and text after a `#` are ignored. A line that is no address is logged, and the other lines are used. While the file
 * does not exist, the addresses of the last read are kept.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = ({ path, ...options }: FileOptions): Layer.Layer<never> =>
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
 * Makes a resolver that queries DNS servers over UDP, and over TCP for long answers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolver = (options: ResolverOptions = {}): Resolver => {
  // Each query has a resolver of its own, so that its cancellation cancels no other query and the servers of the system are current.
  const query = <A>(
    type: string,
    name: string,
    run: (dns: Dns.Resolver) => Promise<ReadonlyArray<A>>,
  ): Effect.Effect<ReadonlyArray<A>, SourceError> =>
    Effect.tryPromise({
      try: (signal) => {
        const timeout = Math.ceil(Duration.toMillis(Duration.fromInputUnsafe(options.timeout ?? dnsTimeout)))
        // Without `maxTimeout` Node doubles the time with each attempt, up to five seconds.
        const dns = new Dns.Resolver({ timeout, maxTimeout: timeout, tries: options.tries ?? dnsTries })
        if (options.servers !== undefined) dns.setServers(options.servers)
        signal.addEventListener("abort", () => dns.cancel())
        return run(dns)
      },
      catch: (cause) => cause,
    }).pipe(
      Effect.catch((cause) =>
        errorCode(cause) === "ENODATA" ? Effect.succeed([]) : Effect.fail(dnsError(type, name, cause)),
      ),
    )
  return {
    a: (name) => query("A", name, (dns) => dns.resolve4(name)),
    aaaa: (name) => query("AAAA", name, (dns) => dns.resolve6(name)),
    srv: (name) =>
      Effect.map(
        query("SRV", name, (dns) => dns.resolveSrv(name)),
        (records) => records.map(({ name: target, port, priority, weight }) => ({ target, port, priority, weight })),
      ),
  }
}

const dnsError = (type: string, name: string, cause: unknown): SourceError => {
  const records = `${type} records of ${name}`
  const code = errorCode(cause)
  switch (code) {
    case "ENOTFOUND":
      return new SourceError({ reason: "notFound", message: `${records}: DNS knows no such name` })
    case "ETIMEOUT":
      return new SourceError({ reason: "noAnswer", message: `${records}: no server of DNS answered in time` })
    case "ECONNREFUSED":
      return new SourceError({ reason: "noAnswer", message: `${records}: no server of DNS can be reached` })
    default:
      return new SourceError({ reason: "failed", message: `${records} cannot be found`, cause })
  }
}
