/**
 * Every bound of a node, with its default and the reason for it. What memory they allow stands in
 * docs/messages.md, section "Memory".
 */

export interface Limits {
  /** Time for a connection to complete its handshake, in milliseconds, from its first moment. */
  readonly handshakeTimeout: number
  /** Connections that may be in the handshake at once, in all and per remote host. */
  readonly handshakes: number
  readonly handshakesPerHost: number
  /** Links at once. A known member gets one even beyond that, so that strangers cannot keep it out. */
  readonly links: number
  /** Dials at once. */
  readonly dials: number
  /** Addresses of one set of the discovery that are looked at; the seeds of the options are not among them. */
  readonly discovered: number
  /** Bytes per link that a peer may send to this node's inbox before the reader took any. */
  readonly inboxWindow: number
  /** Bytes per link that a peer may send to one topic that this node reads before the readers took any. */
  readonly laneWindow: number
  /** The largest message, in bytes, sent or received. */
  readonly messageBytes: number
  /** Default time that an acknowledged send waits for the reader, in milliseconds. */
  readonly confirmTimeout: number
  /** Time that a broadcast waits for a peer whose reader is slow, in milliseconds. */
  readonly slowPeerTimeout: number
  /** Time that a peer may take nothing of what is written to its link, in milliseconds, before the link is cut. */
  readonly drainTimeout: number
  /**
   * Control frames a second that a peer may send, and how many at once. A frame counts as one more for every 32 entries of its
   * lists and for every 8 KiB.
   */
  readonly controlRate: number
  readonly controlBurst: number
  /** Bytes of messages that may wait to be written to one peer, however much credit it gives. */
  readonly outbox: number
  /** Control frames that may wait to be written to one peer. */
  readonly controlOutbox: number
  /** Inputs that may wait for the membership; links that bring more wait. */
  readonly membershipQueue: number
  /**
   * Work of the frames of one peer that may wait for the membership, counted as `controlRate` counts it. The link of a peer
   * that sends more is not read until some of it is handled.
   */
  readonly membershipShare: number
  /** Events that wait for one slow subscriber before it gets `Lagged`. */
  readonly eventBuffer: number
  /** Time for a closed connection to deliver its last bytes, in milliseconds. */
  readonly linger: number
}

export const defaults: Limits = {
  // A round trip around the world, ten times, and then some; slow strangers hold a place no longer.
  handshakeTimeout: 5_000,
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
  inboxWindow: 1024 * 1024,
  laneWindow: 256 * 1024,
  messageBytes: 16 * 1024 * 1024,
  confirmTimeout: 30_000,
  slowPeerTimeout: 5_000,
  drainTimeout: 10_000,
  // A busy cluster of hundreds says some tens a second.
  controlRate: 1_000,
  controlBurst: 2_000,
  // Four windows of the default, for peers that have larger ones.
  outbox: 1024 * 1024,
  controlOutbox: 4_096,
  membershipQueue: 1_024,
  // Some milliseconds of work, and beside one frame, which may be larger, half a megabyte at most.
  membershipShare: 64,
  eventBuffer: 1_024,
  linger: 1_000,
}
