/**
 * Lookups of names in the hosts file, with the search list, and at DNS servers. The lookup of the system
 * (`getaddrinfo`) uses more sources and cannot be cancelled: while DNS servers are silent, it blocks threads of Node
 * and keeps the process alive.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Dns from "node:dns/promises"
import * as Fs from "node:fs/promises"
import * as Net from "node:net"
import * as Os from "node:os"
import { errorCode } from "../socket/errorCode.ts"
import { addressesIn } from "./hostsFile.ts"
import { candidates, parseSearchList } from "./searchList.ts"

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
 * - `failed`: the server refused or could not answer, or the file cannot be read. The message has the details.
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
 * DNS record of type SRV. The target is a host name.
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
 * Lookups of names. {@link resolver} makes the default implementation. A test can provide another one.
 *
 * **Details**
 *
 * - A name may have a final dot, which makes it absolute.
 * - A name that exists without such a record has an empty answer. The lookup of a name that does not exist fails with
 *   `notFound`.
 * - The interruption of a lookup must end everything that it waits for.
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
   * Time for each attempt. Later attempts take longer if Node's resolver has no option `maxTimeout`. Defaults to 2
   * seconds.
   */
  readonly timeout?: Duration.Input | undefined
  /** Number of attempts at each server. Defaults to 2. */
  readonly tries?: number | undefined
}

/** Files that configure how the system resolves names. A file that does not exist or cannot be read counts as empty. */
export interface SystemFiles {
  readonly hosts: string
  readonly resolvConf: string
  /** Name of the machine. Its domain is searched if `resolvConf` has no domain. */
  readonly hostname: string
}

/** Returns the files of this system. Windows has its hosts file elsewhere, and no resolv.conf. */
const systemFiles = (): SystemFiles => ({
  hosts:
    process.platform === "win32"
      ? `${process.env["SystemRoot"] ?? "C:\\Windows"}\\System32\\drivers\\etc\\hosts`
      : "/etc/hosts",
  resolvConf: "/etc/resolv.conf",
  hostname: Os.hostname(),
})

/**
 * Makes a resolver that looks up names in the hosts file and then queries DNS servers over UDP, and over TCP for long
 * answers.
 *
 * **Details**
 *
 * - An address in the hosts file ends the lookup. `localhost` and names below it resolve to the loopback (RFC 6761).
 * - A name without a final dot is looked up in the domains of the search list of `/etc/resolv.conf`. `ndots` decides
 *   whether the name itself is looked up before or after them. The first of these names that has addresses is used.
 * - Each lookup reads the files again. On Windows, which has no `/etc/resolv.conf`, names are absolute.
 * - Interruption ends a lookup at once. An interrupted lookup does not keep the process alive.
 *
 * **Gotchas**
 *
 * The resolver does not use other sources of the system: mDNS (`.local`), NIS, LDAP, and further sources of
 * nsswitch.conf.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolver = (options: ResolverOptions = {}): Resolver => resolverOf(options, systemFiles())

/** Makes a resolver that reads the given files. */
export const resolverOf = (options: ResolverOptions, files: SystemFiles): Resolver => {
  const dns = dnsQueries(options)
  const searched = search(files)
  const addresses = (own: AddressType, other: AddressType) => {
    const query = searched(own.type, dns[own.key], (name) => hasAny(dns[other.key](name)))
    return (name: string) =>
      Effect.flatMap(localAddresses(files, name), (local) =>
        local.length === 0 ? query(name) : Effect.succeed(local.filter((each) => Net.isIP(each) === own.version)),
      )
  }
  return {
    a: addresses(ipv4, ipv6),
    aaaa: addresses(ipv6, ipv4),
    srv: searched("SRV", dns.srv, () => Effect.succeed(false)),
  }
}

interface AddressType {
  readonly type: "A" | "AAAA"
  readonly key: "a" | "aaaa"
  readonly version: 4 | 6
}

const ipv4: AddressType = { type: "A", key: "a", version: 4 }
const ipv6: AddressType = { type: "AAAA", key: "aaaa", version: 6 }

/**
 * Returns the addresses of a name that needs no DNS query: an IP literal, the loopback, or a name of the hosts file.
 */
const localAddresses = (files: SystemFiles, name: string): Effect.Effect<ReadonlyArray<string>> => {
  if (Net.isIP(name) !== 0) return Effect.succeed([name])
  const known = name.toLowerCase().replace(/\.$/, "")
  return Effect.map(readIfThere(files.hosts), (text) => {
    const addresses = addressesIn(text, known)
    return addresses.length === 0 && /(^|\.)localhost$/.test(known) ? ["127.0.0.1", "::1"] : addresses
  })
}

const readIfThere = (path: string): Effect.Effect<string> =>
  Effect.tryPromise((signal) => Fs.readFile(path, { encoding: "utf8", signal })).pipe(
    Effect.catch(() => Effect.succeed("")),
  )

type Query<A> = (name: string) => Effect.Effect<ReadonlyArray<A>, SourceError>

/** Reports whether a query has an answer with records. */
const hasAny = (query: Effect.Effect<ReadonlyArray<string>, SourceError>): Effect.Effect<boolean> =>
  Effect.match(query, { onFailure: () => false, onSuccess: (found) => found.length > 0 })

/**
 * Returns a query that tries the names of the search list one after the other until one has records. A name without
 * such records ends the search if `hasOthers` is true for it, so that the IPv4 and the IPv6 addresses come from one
 * domain.
 */
const search =
  (files: SystemFiles) =>
  <A>(type: string, query: Query<A>, hasOthers: (name: string) => Effect.Effect<boolean>): Query<A> =>
    Effect.fnUntraced(function* (name: string) {
      const list = parseSearchList(yield* readIfThere(files.resolvConf), files.hostname)
      const names = candidates(name, list)
      let exists = false
      let failure: SourceError | undefined
      for (const candidate of names) {
        const answer = yield* Effect.result(query(candidate))
        if (Result.isSuccess(answer)) {
          exists = true
          if (answer.success.length > 0) return answer.success
          if (names.length > 1 && (yield* hasOthers(candidate))) return []
        } else if (answer.failure.reason === "noAnswer") {
          // The servers are silent, and would not answer for the other names either.
          return yield* answer.failure
        } else if (answer.failure.reason === "failed") failure ??= answer.failure
      }
      if (failure !== undefined) return yield* failure
      if (exists) return []
      return yield* dnsError(type, name, "ENOTFOUND", undefined)
    })

/** Makes queries of DNS servers for absolute names. */
const dnsQueries = (options: ResolverOptions) => {
  // Each query has its own resolver, so that its cancellation cancels no other query and it uses the current servers of
  // the system.
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
      Effect.catch((cause) => {
        const code = errorCode(cause)
        return code === "ENODATA" ? Effect.succeed([]) : Effect.fail(dnsError(type, name, code, cause))
      }),
    )
  return {
    a: (name: string) => query("A", name, (dns) => dns.resolve4(name)),
    aaaa: (name: string) => query("AAAA", name, (dns) => dns.resolve6(name)),
    srv: (name: string) =>
      Effect.map(
        query("SRV", name, (dns) => dns.resolveSrv(name)),
        (records) => records.map(({ name: target, port, priority, weight }) => ({ target, port, priority, weight })),
      ),
  }
}

const dnsError = (type: string, name: string, code: string | undefined, cause: unknown): SourceError => {
  const records = `${type} records of ${name}`
  switch (code) {
    case "ENOTFOUND":
      return new SourceError({ reason: "notFound", message: `${records}: the name does not exist in DNS` })
    case "ETIMEOUT":
      return new SourceError({ reason: "noAnswer", message: `${records}: no DNS server answered in time` })
    case "ECONNREFUSED":
      return new SourceError({ reason: "noAnswer", message: `${records}: no DNS server can be reached` })
    default:
      return new SourceError({ reason: "failed", message: `${records}: the DNS query failed`, cause })
  }
}
