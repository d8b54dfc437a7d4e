/**
 * Where Node can look for peers: the names of DNS, and a file. Each is a layer of core's `Discovery`, asked again and
 * again; what cannot be asked for a while keeps what it said last, and the log tells of it once.
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
import { codeOf } from "./internal/codeOf.ts"

/** How often DNS is asked by default: the records of services live about that long, and caches keep them as long. */
export const dnsInterval = Duration.seconds(30)

/** How often a file is read by default: it costs next to nothing, and whoever changed it is waiting. */
export const fileInterval = Duration.seconds(10)

/** How long a try of a question to DNS may take by default. An answer takes milliseconds. */
export const dnsTimeout = Duration.seconds(2)

/** How often a question is put to each server by default: one packet may be lost. */
export const dnsTries = 2

/**
 * Why a source told no addresses.
 *
 * - `notFound`: the name or the file does not exist, or not yet.
 * - `noAnswer`: no server answered in time, or none can be reached.
 * - `failed`: the server refused or could not answer, or the file cannot be read; the message says more.
 */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", {
  reason: Schema.Literals(["notFound", "noAnswer", "failed"]),
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect()),
}) {}

/** What a record of type SRV says; the target is a host name. */
export interface SrvRecord {
  readonly target: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/**
 * The questions to DNS. {@link resolver} asks servers; a test may bring any other. A name that exists
 * but has no such record has an empty answer; a name that does not exist is a failure.
 */
export interface Resolver {
  readonly a: (name: string) => Effect.Effect<ReadonlyArray<string>, SourceError>
  readonly aaaa: (name: string) => Effect.Effect<ReadonlyArray<string>, SourceError>
  readonly srv: (name: string) => Effect.Effect<ReadonlyArray<SrvRecord>, SourceError>
}

/** Whom to ask, and how patiently. */
export interface ResolverOptions {
  /** The servers, `IP` or `IP:PORT` each, asked in this order. Default: those of the system. */
  readonly servers?: ReadonlyArray<string> | undefined
  /**
   * How long each try may take. Where Node's resolver has no `maxTimeout` yet, later tries take longer.
   * Default: {@link dnsTimeout}.
   */
  readonly timeout?: Duration.Input | undefined
  /** How often a question is put to each server. Default: {@link dnsTries}. */
  readonly tries?: number | undefined
}

/** What every source here takes, beside the intervals at which addresses are dialled. */
export interface PollOptions extends Discovery.Options {
  /** When to look again. Default: every {@link dnsInterval}, or every {@link fileInterval}. */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
}

export interface DnsOptions extends PollOptions {
  /** The name whose addresses are those of peers. */
  readonly name: string
  /** The port at which the peers listen. */
  readonly port: number
  /** Default: {@link resolver} without options. */
  readonly resolver?: Resolver | undefined
}

export interface SrvOptions extends PollOptions {
  /** The name of the service, such as `_coterie._tcp.example.internal`. */
  readonly name: string
  /** Default: {@link resolver} without options. */
  readonly resolver?: Resolver | undefined
}

export interface FileOptions extends PollOptions {
  readonly path: string
}

/**
 * The addresses of a name, IPv4 (A) and IPv6 (AAAA), with one port. The two questions are independent: where one
 * fails, its last answer is kept.
 */
export const layerDns = ({ name, port, ...options }: DnsOptions): Layer.Layer<never> => {
  const { a, aaaa } = options.resolver ?? resolver()
  // Sorted, because servers rotate their answers, and the bound on addresses must not choose others every time.
  const addresses = (ask: Resolver["a"]) =>
    Effect.map(ask(name), (hosts) => hosts.map((host) => `${host.includes(":") ? `[${host}]` : host}:${port}`).sort())
  // Neither waits for the first answer of the other.
  const latest = (ask: Resolver["a"]) =>
    Stream.concat(Stream.succeed([]), Discovery.poll(addresses(ask), options.schedule ?? Schedule.spaced(dnsInterval)))
  return Discovery.layer(
    Stream.zipLatestWith(latest(a), latest(aaaa), (v4, v6) => [...v4, ...v6]),
    options,
  )
}

/**
 * The targets of a service with their ports, those to be preferred first. The targets are dialled by
 * their names, and not resolved here. A record whose target is no host or whose port is none is told of and left out.
 */
export const layerSrv = ({ name, ...options }: SrvOptions): Layer.Layer<never> =>
  Discovery.layerPoll(
    Effect.map((options.resolver ?? resolver()).srv(name), (records) =>
      records
        // A target that is the root says that there is no such service (RFC 2782).
        .filter(({ target }) => target !== "" && target !== ".")
        .sort(inOrder)
        .map(({ port, target }) => `${target}:${port}`),
    ),
    options.schedule ?? Schedule.spaced(dnsInterval),
    options,
  )

/** RFC 2782 draws by weight; here all are asked, and the order decides only who is left out of too many. */
const inOrder = (a: SrvRecord, b: SrvRecord): number =>
  a.priority - b.priority ||
  b.weight - a.weight ||
  (a.target === b.target ? a.port - b.port : a.target < b.target ? -1 : 1)

/**
 * A file with one address per line, `HOST:PORT`. Blank lines and what follows a `#` mean nothing; a line that is no
 * address is told of, and the others are used. While the file does not exist, what it said last is kept.
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
      codeOf(cause) === "ENOENT"
        ? new SourceError({ reason: "notFound", message: `the file ${path} does not exist` })
        : new SourceError({ reason: "failed", message: `the file ${path} cannot be read`, cause }),
  })

/** Asks servers of DNS, over UDP, and over TCP for long answers. */
export const resolver = (options: ResolverOptions = {}): Resolver => {
  // Every question has a channel of its own: cancelling it cancels no other, and the system's servers are read anew.
  const ask = <A>(
    type: string,
    name: string,
    question: (dns: Dns.Resolver) => Promise<ReadonlyArray<A>>,
  ): Effect.Effect<ReadonlyArray<A>, SourceError> =>
    Effect.tryPromise({
      try: (signal) => {
        const timeout = Math.ceil(Duration.toMillis(Duration.fromInputUnsafe(options.timeout ?? dnsTimeout)))
        // Left to itself, it doubles the time with each try, and takes no more than five seconds for any.
        const dns = new Dns.Resolver({ timeout, maxTimeout: timeout, tries: options.tries ?? dnsTries })
        if (options.servers !== undefined) dns.setServers(options.servers)
        signal.addEventListener("abort", () => dns.cancel())
        return question(dns)
      },
      catch: (cause) => cause,
    }).pipe(
      Effect.catch((cause) =>
        codeOf(cause) === "ENODATA" ? Effect.succeed([]) : Effect.fail(dnsError(type, name, cause)),
      ),
    )
  return {
    a: (name) => ask("A", name, (dns) => dns.resolve4(name)),
    aaaa: (name) => ask("AAAA", name, (dns) => dns.resolve6(name)),
    srv: (name) =>
      Effect.map(
        ask("SRV", name, (dns) => dns.resolveSrv(name)),
        (records) => records.map(({ name: target, port, priority, weight }) => ({ target, port, priority, weight })),
      ),
  }
}

const dnsError = (type: string, name: string, cause: unknown): SourceError => {
  const what = `${type} records of ${name}`
  const code = codeOf(cause)
  switch (code) {
    case "ENOTFOUND":
      return new SourceError({ reason: "notFound", message: `${what}: DNS knows no such name` })
    case "ETIMEOUT":
      return new SourceError({ reason: "noAnswer", message: `${what}: no server of DNS answered in time` })
    case "ECONNREFUSED":
      return new SourceError({ reason: "noAnswer", message: `${what}: no server of DNS can be reached` })
    default:
      return new SourceError({ reason: "failed", message: `${what} cannot be found`, cause })
  }
}
