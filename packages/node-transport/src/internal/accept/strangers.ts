/** Bounds for dialers that have proved nothing, with their defaults. */
import * as Result from "effect/Result"

/**
 * Networks of a node, as addresses with a prefix (`10.0.0.0/8`, `fd00::/8`) or addresses alone. They hold for connections that arrive, and
 * for the addresses that this node dials: seeds, discovered addresses, and addresses that members announce. Names are checked after
 * they are resolved. Networks of IPv6 do not include IPv4 addresses. An address that NAT64 has translated counts as IPv6.
 *
 * @category models
 * @since 0.1.0
 */
export interface Networks {
  /** Networks that this node connects with. Defaults to all. An empty list is an error. */
  readonly allow?: ReadonlyArray<string> | undefined
  /** Networks that this node does not connect with, although `allow` has them. Defaults to none. */
  readonly deny?: ReadonlyArray<string> | undefined
}

/**
 * Bounds for connections that have proved nothing yet. A host is an IPv4 address, or the first 64 bits of an IPv6 address. All bounds are
 * whole numbers from 1 on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Strangers {
  /**
   * Connections that a host may make in a second, after a burst. A smaller number can refuse nodes that share an address. Defaults to 100.
   */
  readonly connectionsPerSecond: number
  /** Connections that a host may make at once. Defaults to 512: a restart of 70 nodes behind one address needs some hundred. */
  readonly connectionsBurst: number
  /**
   * Connections that wait for their handshake, or for the node to start. Each holds a descriptor and at most 64 KiB. Defaults to 256: a
   * cluster of 170 nodes, two thirds of that, can restart at once, and a larger one dials again.
   */
  readonly waiting: number
  /** Connections of one host that wait. Defaults to 128: a restart of 70 nodes behind one address needs 70. */
  readonly waitingPerHost: number
  /**
   * Hosts whose rate and failures are remembered. With more, the host that has dialed least recently is forgotten. Each takes about 400
   * bytes. Defaults to 4,096.
   */
  readonly hosts: number
  /** Log lines about refused connections in a minute, besides the line about all of them. Defaults to 256. */
  readonly linesPerMinute: number
}

/**
 * Bounds of a transport whose peers prove something. A host is known while a connection is open for which it has proved something, and
 * for an hour after that. A third of `waiting`, `handshakes` and `handshakesPerSecond` is reserved for known hosts, which are never
 * refused for their rate.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProofStrangers extends Strangers {
  /**
   * Handshakes of TLS at once. Each costs at most the 131,396 bytes that OpenSSL reads of a first message. Defaults to 16, which keeps
   * one processor busy.
   */
  readonly handshakes: number
  /** Handshakes of one host at once. Defaults to 8. */
  readonly handshakesPerHost: number
  /** Handshakes that begin in a second. Hosts take turns. Defaults to 200, which cost about a seventh of a processor. */
  readonly handshakesPerSecond: number
  /**
   * Failures of a host within a minute after which it is refused for a minute. Defaults to 128: while a secret is replaced, each of 70 nodes
   * behind one address may fail once before the first of them succeeds.
   */
  readonly failures: number
  /** Known hosts. With more, the host whose last proof is the oldest is forgotten. Each takes about 200 bytes. Defaults to 1,024. */
  readonly knownHosts: number
}

export const defaults: ProofStrangers = {
  connectionsPerSecond: 100,
  connectionsBurst: 512,
  waiting: 256,
  waitingPerHost: 128,
  hosts: 4_096,
  linesPerMinute: 256,
  handshakes: 16,
  handshakesPerHost: 8,
  handshakesPerSecond: 200,
  failures: 128,
  knownHosts: 1_024,
}

/** Returns the bounds, with defaults for those that are not given. Fails with a message that names the first that cannot be used. */
export const make = (options: Partial<ProofStrangers> = {}): Result.Result<ProofStrangers, string> => {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    if (!Object.hasOwn(defaults, name)) {
      return Result.fail(`"strangers.${name}" is no bound: use ${Object.keys(defaults).join(", ")}`)
    }
    if (!Number.isSafeInteger(value) || value < 1) {
      return Result.fail(`"strangers.${name}" must be a whole number from 1 on, not ${String(value)}`)
    }
  }
  return Result.succeed({ ...defaults, ...Object.fromEntries(given) })
}
