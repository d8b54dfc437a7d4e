/**
 * The numbers of the membership. All times are in milliseconds.
 *
 * A node takes the fields that name a policy from `FailureDetector` and `Gossip`. The other fields have the values of
 * {@link defaults}. `suspicionTimer.ts` computes the duration of a suspicion from `suspicionMin` and `suspicionMax`.
 * The section "Where to change what" of docs/membership.md lists the effects of each field on detection and bandwidth.
 */

/** Numbers of the membership. Each comment names the policy that sets the field, if there is one. */
export interface Settings {
  /**
   * Time between two heartbeats of a link (`FailureDetector.heartbeat`). Defaults to 1 second. A peer that this node
   * heard within this time counts as reached (R3). It is also the first pause between probe rounds. A larger value
   * makes both less exact.
   */
  readonly heartbeat: number
  /**
   * Silence after which a healthy node ends a link (`FailureDetector.linkTimeout`). Defaults to 3 seconds. A larger
   * value delays the detection of a silent peer; a smaller one ends links whose packets are delayed.
   */
  readonly linkTimeout: number
  /**
   * Time to wait for the answers of a probe round (`FailureDetector.probeTimeout`). Defaults to 1 second. A larger
   * value delays suspicion. A value below two round trips misses slow answers.
   */
  readonly probeTimeout: number
  /**
   * Number of members that this node asks at once about an unreachable peer, in a cluster of `size`
   * (`FailureDetector.probeFanOut`). Defaults to 3, and to 5 in clusters of more than 100. Values below 1 count as 1. A
   * larger value finds a member that reaches the peer sooner.
   */
  readonly probeFanOut: (size: number) => number
  /**
   * Maximum number of unanswered probe requests of one peer. This node answers further requests with `unknown`. Also
   * the maximum number of candidates with a probe round. Defaults to 64. A larger value costs memory and Pings.
   */
  readonly probesPerPeer: number
  /**
   * Shortest time from suspicion to failure (`FailureDetector.suspicionMin`). Defaults to 2 seconds. A larger value
   * delays every failure. A smaller value fails peers that would have refuted. This node withholds an accusation of a
   * peer with a link from the application for the same time (R6).
   */
  readonly suspicionMin: number
  /**
   * Longest time from suspicion to failure (`FailureDetector.suspicionMax`). Defaults to 12 seconds. A larger value
   * delays failures that few peers confirm. Failures within this time count towards one suspected partition.
   */
  readonly suspicionMax: number
  /**
   * Time after which a candidate or a reported end is forgotten (R1). Defaults to 30 seconds. A larger value dials
   * rumours longer, and believes false reports longer.
   */
  readonly candidateTimeout: number
  /**
   * Time for which this node redials a failed member (R10). Defaults to 24 hours. A larger value heals longer
   * partitions.
   */
  readonly reconnectWindow: number
  /**
   * Time for which this node keeps a tombstone (R12). Defaults to 1 hour. A larger value ignores stale records longer.
   */
  readonly tombstoneTimeout: number
  /**
   * Maximum number of tombstones, and of reported ends, or four per member if that is more (R12). Defaults to 1,024.
   */
  readonly tombstoneCapacity: number
  /**
   * Time for which news waits to share a frame (`Gossip.updateDelay`). Defaults to 20 milliseconds. A larger value saves
   * frames and delays news at each hop.
   */
  readonly updateDelay: number
  /**
   * Number of random peers that receive gossip in a cluster of `size` (`Gossip.relayFanOut`). Defaults to
   * ceil(log2(size + 1)). Values below 1 count as 1. A larger value spreads accusations sooner and costs proportional
   * bandwidth.
   */
  readonly relayFanOut: (size: number) => number
  /**
   * Shortest time between two anti-entropy exchanges that this node starts (`Gossip.syncInterval`). Defaults to 250
   * milliseconds. A larger value lowers the bandwidth while views differ.
   */
  readonly syncInterval: number
  /**
   * Time after which this node gives up an unanswered anti-entropy exchange. Defaults to 5 seconds. A larger value
   * delays the next exchange.
   */
  readonly syncTimeout: number
  /** Time for which this node does not compare the same two view hashes again with one peer. Defaults to 30 seconds. */
  readonly syncRetry: number
  /** Longest time that a leaving node waits for acknowledgements (R9). Defaults to 5 seconds. */
  readonly leaveTimeout: number
  /**
   * Maximum number of members and candidates together. This node refuses more with a `Diagnostic`. Defaults to 4,096.
   */
  readonly maxMembers: number
}

/** Values for a node without its own policies. The fields of `FailureDetector` have the values of `lan`. */
export const defaults: Settings = {
  heartbeat: 1_000,
  linkTimeout: 3_000,
  probeTimeout: 1_000,
  // If a third of all members is lost, all three asked members are lost once in 27 times. Only a large cluster can lose
  // many members at once, so only a large cluster asks five.
  probeFanOut: (size) => (size > 100 ? 5 : 3),
  // A node asks once about each peer that it lost. 64 covers the loss of a quarter of a cluster of some hundreds.
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
 * Maximum number of claims about this node's name that are dialed in turn (R8). At one dial every {@link
 * claimInterval}, each claim is dialed before it expires.
 */
export const maxClaims = 8

/** Longest pause between two dials of claims, in milliseconds: an eighth of the `candidateTimeout` by default. */
export const claimInterval = 3_750

/**
 * Time within which two links that were closed as `duplicate` without a better link show that a copy of this process is
 * running. The two copies take links from each other with every redial, which happens every few seconds. Chance rarely
 * does so twice.
 */
export const displacementWindow = 60_000

/** Returns a fan-out as a whole number of at least 1, because a policy may return any number. */
export const atLeastOne = (count: number): number => (count >= 1 ? Math.floor(count) : 1)
