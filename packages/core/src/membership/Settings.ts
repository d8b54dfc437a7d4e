/**
 * The numbers of the membership. All times are in milliseconds.
 *
 * A node takes the fields of its policies from `FailureDetector` and `Gossip`, which have the same names, and the others from
 * {@link defaults}. The duration of a suspicion is computed from `suspicionMin` and `suspicionMax` in `suspicionTimer.ts`.
 * docs/membership.md, section "Where to change what", lists the effects of each on detection and bandwidth.
 */

/** Numbers that the membership works with. Each comment names the policy that sets the field, if there is one. */
export interface Settings {
  /**
   * Time between two heartbeats of a link (`FailureDetector.heartbeat`). Defaults to 1 second. A peer that was heard within it
   * counts as reached (R3), and the pauses between probe rounds begin with it. A larger value makes both less exact.
   */
  readonly heartbeat: number
  /**
   * Silence after which a healthy node ends a link (`FailureDetector.linkTimeout`). Defaults to 3 seconds. A larger value
   * delays the detection of a silent peer; a smaller one ends links whose packets are delayed.
   */
  readonly linkTimeout: number
  /**
   * Time to wait for the answers of a probe round (`FailureDetector.probeTimeout`). Defaults to 1 second. A larger value delays
   * suspicion; with less than two round trips slow answers are missed.
   */
  readonly probeTimeout: number
  /**
   * Number of members that are asked at once about an unreachable peer, in a cluster of `size`
   * (`FailureDetector.probeFanOut`). Defaults to 3, and to 5 in clusters of more than 100. Less than 1 counts as 1. With more,
   * a member that reaches the peer is found sooner.
   */
  readonly probeFanOut: (size: number) => number
  /**
   * Maximum number of unanswered probe requests of one peer; further ones are answered with `unknown`. Also the maximum number
   * of candidates with a probe round. Defaults to 64. A larger value costs memory and Pings.
   */
  readonly probesPerPeer: number
  /**
   * Shortest time from suspicion to failure (`FailureDetector.suspicionMin`). Defaults to 2 seconds. A larger value delays
   * every failure; a smaller one fails peers that would have refuted. An accusation of a peer with a link is withheld from
   * the application for the same time (R6).
   */
  readonly suspicionMin: number
  /**
   * Longest time from suspicion to failure (`FailureDetector.suspicionMax`). Defaults to 12 seconds. A larger value delays
   * failures that few peers confirm. Failures within it count as one event (partitions).
   */
  readonly suspicionMax: number
  /** Time after which a candidate is forgotten (R1). Defaults to 30 seconds. With a larger value rumours are dialed longer. */
  readonly candidateTimeout: number
  /** Time for which a failed member is redialed (R10). Defaults to 24 hours. With a larger value longer partitions heal. */
  readonly reconnectWindow: number
  /** Time for which a tombstone is kept (R12). Defaults to 1 hour. With a larger value stale records are ignored longer. */
  readonly tombstoneTimeout: number
  /** Number of tombstones that are kept, or four per member if that is more (R12). Defaults to 1,024. */
  readonly tombstoneCapacity: number
  /**
   * Time for which news wait, so that they share a frame (`Gossip.updateDelay`). Defaults to 20 milliseconds. A larger value
   * saves frames and delays news at each hop.
   */
  readonly updateDelay: number
  /**
   * Number of peers, drawn at random, to which gossip is sent in a cluster of `size` (`Gossip.relayFanOut`). Defaults to
   * ceil(log2(size + 1)). Less than 1 counts as 1. A larger value spreads accusations sooner and costs proportional bandwidth.
   */
  readonly relayFanOut: (size: number) => number
  /**
   * Shortest time between two anti-entropy exchanges that this node starts (`Gossip.syncInterval`). Defaults to 250
   * milliseconds. A larger value bounds the bandwidth while views differ.
   */
  readonly syncInterval: number
  /** Time after which an unanswered anti-entropy exchange is given up. Defaults to 5 seconds. A larger value delays the next. */
  readonly syncTimeout: number
  /** Time for which the same two view hashes are not compared again with one peer. Defaults to 30 seconds. */
  readonly syncRetry: number
  /** Longest time that a leaving node waits for acknowledgements (R9). Defaults to 5 seconds. */
  readonly leaveTimeout: number
  /** Maximum number of members and candidates together; more are refused with a `Diagnostic`. Defaults to 4,096. */
  readonly maxMembers: number
}

/** Values of a node without policies of its own; those of `FailureDetector` are the ones of `lan`. */
export const defaults: Settings = {
  heartbeat: 1_000,
  linkTimeout: 3_000,
  probeTimeout: 1_000,
  // If a third of all members is lost, all three are among the lost once in 27 times. More are asked only where many can die.
  probeFanOut: (size) => (size > 100 ? 5 : 3),
  // A node asks once about each peer that it lost: a quarter of a cluster of some hundreds.
  probesPerPeer: 64,
  suspicionMin: 2_000,
  suspicionMax: 12_000,
  candidateTimeout: 30_000,
  reconnectWindow: 24 * 3_600_000,
  tombstoneTimeout: 3_600_000,
  tombstoneCapacity: 1_024,
  updateDelay: 20,
  relayFanOut: (size) => Math.ceil(Math.log2(size + 1)),
  syncInterval: 250,
  syncTimeout: 5_000,
  syncRetry: 30_000,
  leaveTimeout: 5_000,
  maxMembers: 4_096,
}

/** Longest pause between two probe rounds about a peer that only others reach (R3), in heartbeats. */
export const maxProbeBackoff = 30

/**
 * Maximum number of claims about this node's name that are dialed in turn (R8). With one every {@link claimInterval} each is
 * dialed before it expires.
 */
export const maxClaims = 8

/** Longest pause between two dials of claims, in milliseconds: an eighth of the `candidateTimeout` by default. */
export const claimInterval = 3_750

/**
 * Time within which two links that were closed as `duplicate` without a better one mean that a copy of this process runs. The two
 * copies take links from each other with every redial, which is every few seconds; chance does so rarely.
 */
export const displacementWindow = 60_000

/** Returns a fan-out as a whole number of at least 1. A policy may return any number. */
export const atLeastOne = (count: number): number => (count >= 1 ? Math.floor(count) : 1)
