/**
 * All bounds of a node, each with its default and the reason for it. docs/messages.md, section "Memory", describes the
 * memory that they allow.
 *
 * The name of a bound shows its unit: a number of bytes ends in `Bytes`, a time ends in `Timeout` or is `linger`, and
 * all others are counts.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** Bounds that are times. */
const times = [
  "handshakeTimeout",
  "helloTimeout",
  "confirmTimeout",
  "slowPeerTimeout",
  "drainTimeout",
  "linger",
] as const

type Time = (typeof times)[number]

/**
 * Tests whether a bound is a time.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTime = (name: string): boolean => times.some((time) => time === name)

/**
 * Bounds that an application sets. Times are durations, and a plain number is milliseconds. Each bound defaults to its
 * value in {@link defaults}.
 *
 * @category options
 * @since 0.1.0
 */
export type Options = {
  readonly [Name in keyof Limits]?: (Name extends Time ? Duration.Input : number) | undefined
}

/**
 * Bounds of a running node. Times are in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** Maximum time for a handshake, from the start of the connection, in milliseconds. */
  readonly handshakeTimeout: number
  /**
   * Maximum time until the complete Hello of an incoming connection has arrived, in milliseconds. It starts when the
   * transport hands the connection over, so a handshake of the transport, such as TLS, is not included.
   */
  readonly helloTimeout: number
  /**
   * Maximum number of incoming connections in the handshake at the same time, in total and per remote host. Beyond it,
   * a new connection replaces one without a complete Hello: the oldest of the host with the most connections.
   */
  readonly handshakes: number
  readonly handshakesPerHost: number
  /** Maximum number of links. A known member gets a link even beyond it, so that unknown peers cannot lock it out. */
  readonly links: number
  /** Maximum number of simultaneous dials. */
  readonly dials: number
  /** Maximum number of addresses used from one discovery result. Configured seeds do not count. */
  readonly discovered: number
  /** Bytes per link that a peer may send to this node's inbox before the reader takes any. */
  readonly inboxWindowBytes: number
  /** Bytes per link that a peer may send on one lane that this node reads before the readers take any. */
  readonly laneWindowBytes: number
  /** Maximum size of a message, sent or received, in bytes. */
  readonly messageBytes: number
  /** Default time that an acknowledged send waits for the peer's reader, in milliseconds. */
  readonly confirmTimeout: number
  /**
   * Time without progress after which a peer is slow, in milliseconds. Messages to many wait this long for a lane of a
   * link, and later messages skip the peer at once until it makes progress. The waits for lanes on which the peer has
   * given no credit yet, and for connections that are about to come up, take from a stock of the node: three times this
   * value, and a tenth of the elapsed time. Sends that wait this long emit `SlowPeer`. Messages that wait this long in
   * an inbox without a reader are reported in the log.
   */
  readonly slowPeerTimeout: number
  /** Time without progress in writing to a link, in milliseconds, after which this node closes the link. */
  readonly drainTimeout: number
  /**
   * Control frames that a peer may send per second, and in one burst. A frame counts as one more for every 32 entries
   * of its lists and for every 8 KiB. Cannot be smaller than the defaults, because every peer relies on them.
   */
  readonly controlRate: number
  readonly controlBurst: number
  /** Bytes of messages that may wait to be written to one peer, regardless of its credit. */
  readonly outboxBytes: number
  /** Control frames that may wait to be written to one peer. Beyond it the link ends with the reason `slow`. */
  readonly controlOutbox: number
  /**
   * Bytes of records that may wait to be written to one peer. Further records are dropped, and the views are compared
   * again later.
   */
  readonly controlOutboxBytes: number
  /** Inputs that may wait for the membership fiber. When the queue is full, links that have further inputs wait. */
  readonly membershipQueue: number
  /**
   * Work of the frames of one peer that may wait for the membership fiber, in the unit of `controlRate`. Beyond it,
   * this node pauses reading the link of the peer until some of the work is done.
   */
  readonly membershipShare: number
  /**
   * Number of lanes, including the inbox, with a separate label in metrics. All later lanes share the label `other`.
   */
  readonly laneLabels: number
  /** Number of events that may wait for one subscriber. Beyond it the subscriber gets `Lagged`. */
  readonly eventBuffer: number
  /** Time for a closed or refused connection to deliver its last bytes, in milliseconds. */
  readonly linger: number
}

/**
 * Default bounds.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Limits = {
  // Ten round trips around the world and a margin. A slow unknown peer occupies a place no longer than this.
  handshakeTimeout: 5_000,
  // A Hello arrives half a round trip after its connection. This allows for a round trip of a second and one lost
  // segment.
  helloTimeout: 2_000,
  // 64 x 16 KiB is one MiB for unknown peers.
  handshakes: 64,
  // Several peers behind one address may start at the same time.
  handshakesPerHost: 8,
  links: 1_024,
  // A restart of all nodes must not cause a connection storm.
  dials: 16,
  // One peer that answers leads to all others, so a longer list is probably a mistake.
  discovered: 256,
  // A round trip carries at least half of the window, which covers 1 Gbit/s at a round trip of 1 ms.
  inboxWindowBytes: 1024 * 1024,
  laneWindowBytes: 256 * 1024,
  messageBytes: 16 * 1024 * 1024,
  confirmTimeout: 30_000,
  // A reader that pauses for longer than a garbage collection or a slow query has probably ended, or waits for its own
  // senders.
  slowPeerTimeout: 5_000,
  // The operating system accepts more bytes once a third of its buffer has drained. A third of 4 MiB, the maximum of
  // Linux, takes 44 seconds on a line of 256 kbit/s. Only a peer that breaks the protocol reads nothing, and the bytes
  // that wait for it are bounded.
  drainTimeout: 60_000,
  // The minimum of the protocol. A busy cluster of hundreds of nodes sends tens per second.
  controlRate: 1_000,
  controlBurst: 2_000,
  // Four default windows, for peers with larger windows.
  outboxBytes: 1024 * 1024,
  controlOutbox: 4_096,
  // The records of a thousand peers with a few hundred bytes of metadata. A longer list is queued whole if less than
  // this waits.
  controlOutboxBytes: 1024 * 1024,
  membershipQueue: 1_024,
  // A few milliseconds of work, and at most half a megabyte besides one frame, which may be larger.
  membershipShare: 64,
  // Two series for each direction, and the series of failures: a few hundred for an application with many topics.
  laneLabels: 64,
  eventBuffer: 1_024,
  linger: 1_000,
}

/**
 * Returns the bounds of a node. An invalid duration becomes `NaN`, which the node rejects at its start.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Limits => {
  const given: Record<string, number> = {}
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    given[name] = typeof value === "number" ? value : Math.ceil(millisOf(value))
  }
  return { ...defaults, ...given }
}

const millisOf = (input: Duration.Input): number =>
  Option.match(Duration.fromInput(input), { onNone: () => Number.NaN, onSome: Duration.toMillis })
