/**
 * Every bound of a node, with its default and the reason for it. What memory they allow stands in
 * docs/messages.md, section "Memory".
 *
 * The name of a bound says its unit: a number of bytes ends in `Bytes`, a time in `Timeout` or is called `linger`, and all others are
 * counts.
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
 * Bounds that an application chooses. Times are durations, and a plain number is milliseconds. A bound that is not given is as in
 * {@link defaults}.
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
  /** Time for a connection to complete its handshake, in milliseconds, from its first moment. */
  readonly handshakeTimeout: number
  /**
   * Time for a connection of another peer to bring its whole Hello, in milliseconds, from the moment at which the transport hands
   * it over: for a transport with a handshake of its own, after that one.
   */
  readonly helloTimeout: number
  /**
   * Connections that may be in the handshake at once, in all and per remote host. When they are, a newcomer takes the place of
   * one that has not sent a whole Hello: the oldest of the host that has most.
   */
  readonly handshakes: number
  readonly handshakesPerHost: number
  /** Links at once. A known member gets one even beyond that, so that strangers cannot keep it out. */
  readonly links: number
  /** Dials at once. */
  readonly dials: number
  /** Addresses of one set of the discovery that are looked at; the seeds of the options are not among them. */
  readonly discovered: number
  /** Bytes per link that a peer may send to this node's inbox before the reader took any. */
  readonly inboxWindowBytes: number
  /** Bytes per link that a peer may send to one topic that this node reads before the readers took any. */
  readonly laneWindowBytes: number
  /** The largest message, in bytes, sent or received. */
  readonly messageBytes: number
  /** Default time that an acknowledged send waits for the reader, in milliseconds. */
  readonly confirmTimeout: number
  /**
   * Time without progress after which a peer is slow, in milliseconds. A message to many waits that long for a peer, and then
   * not again until the peer gives credit. Sends that wait that long are told as `SlowPeer`, and messages that wait that long
   * in an inbox that nobody reads, in the log.
   */
  readonly slowPeerTimeout: number
  /** Time that a peer may take nothing of what is written to its link, in milliseconds, before the link is cut. */
  readonly drainTimeout: number
  /**
   * Control frames a second that a peer may send, and how many at once. A frame counts as one more for every 32 entries of its
   * lists and for every 8 KiB. At least the defaults, which every peer counts on.
   */
  readonly controlRate: number
  readonly controlBurst: number
  /** Bytes of messages that may wait to be written to one peer, however much credit it gives. */
  readonly outboxBytes: number
  /** Control frames that may wait to be written to one peer. With more the link ends as `slow`. */
  readonly controlOutbox: number
  /** Bytes of records that may wait to be written to one peer. More of them are dropped, and the views compared again. */
  readonly controlOutboxBytes: number
  /** Inputs that may wait for the membership; links that bring more wait. */
  readonly membershipQueue: number
  /**
   * Work of the frames of one peer that may wait for the membership, counted as `controlRate` counts it. The link of a peer
   * that sends more is not read until some of it is handled.
   */
  readonly membershipShare: number
  /** Lanes, the inbox among them, that have a label of their own on metrics. All later ones share the label `other`. */
  readonly laneLabels: number
  /** Events that wait for one slow subscriber before it gets `Lagged`. */
  readonly eventBuffer: number
  /** Time for a connection that was closed or refused to deliver its last bytes, in milliseconds. */
  readonly linger: number
}

/**
 * Bounds of a node that is given none.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Limits = {
  // A round trip around the world, ten times, and then some; slow strangers hold a place no longer.
  handshakeTimeout: 5_000,
  // A Hello comes half a round trip after its connection: time for one that takes a second, and for one lost segment.
  helloTimeout: 2_000,
  // 64 x 16 KiB is one MiB for strangers.
  handshakes: 64,
  // Several peers behind one address may start together.
  handshakesPerHost: 8,
  links: 1_024,
  // A restart of everybody must not become a storm.
  dials: 16,
  // One that answers leads to all others, so a longer list is more likely a mistake than a cluster.
  discovered: 256,
  // Half of it, which is what a round trip carries at least, covers 1 Gbit/s at a round trip of 1 ms.
  inboxWindowBytes: 1024 * 1024,
  laneWindowBytes: 256 * 1024,
  messageBytes: 16 * 1024 * 1024,
  confirmTimeout: 30_000,
  // A reader that pauses for longer than a garbage collection or a slow query has rather ended, or waits for its senders.
  slowPeerTimeout: 5_000,
  // A system takes more once a third of its buffer has drained. A third of 4 MiB, which is the most of Linux, takes 44 seconds
  // on a line of 256 kbit/s. Only a peer that breaks the protocol reads nothing, and what waits for it is bounded.
  drainTimeout: 60_000,
  // The least that the protocol allows; a busy cluster of hundreds says some tens a second.
  controlRate: 1_000,
  controlBurst: 2_000,
  // Four windows of the default, for peers that have larger ones.
  outboxBytes: 1024 * 1024,
  controlOutbox: 4_096,
  // The records of a thousand peers with a few hundred bytes of metadata. A longer list goes whole if less than this waits.
  controlOutboxBytes: 1024 * 1024,
  membershipQueue: 1_024,
  // Some milliseconds of work, and beside one frame, which may be larger, half a megabyte at most.
  membershipShare: 64,
  // Two series for each direction, and those of failures: some hundreds for an application with many topics.
  laneLabels: 64,
  eventBuffer: 1_024,
  linger: 1_000,
}

/**
 * Returns the bounds of a node. A time that is no duration is `NaN`.
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
