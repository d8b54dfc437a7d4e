/**
 * The numbers that membership works with, all in milliseconds unless said otherwise. The policies
 * `FailureDetector` and `Gossip` make them; here are the defaults that no policy changes.
 */

export interface Settings {
  /** The time between two heartbeats of a link. What was heard within it is fresh. */
  readonly heartbeat: number
  /** Silence for so long ends a link of a healthy node. */
  readonly linkTimeout: number
  /** How long answers are awaited from those that were asked about a peer. */
  readonly probeTimeout: number
  /** How many, of `size` members, are asked at once; at least one is. */
  readonly probeFanOut: (size: number) => number
  /** How many questions of one peer may wait for their answer here; what is beyond is answered with `unknown`. */
  readonly probesPerPeer: number
  /**
   * The shortest and longest time between a suspicion and the verdict. For the shortest, an accusation against a peer with a
   * live link is kept from the application.
   */
  readonly suspicionMin: number
  readonly suspicionMax: number
  /** How long a peer known by hearsay is dialled before it is forgotten. */
  readonly candidateTimeout: number
  /** How long a failed peer is redialled. */
  readonly reconnectWindow: number
  /** How long it is remembered that a peer left, or failed for good. */
  readonly tombstoneTimeout: number
  /** The least number of such memories that are kept; the bound is `max(this, 4 N)`. */
  readonly tombstoneCapacity: number
  /** How long news wait for more news to travel with. */
  readonly updateDelay: number
  /** To how many peers, of `size` members, news from others are relayed. */
  readonly relayFanOut: (size: number) => number
  /** The least time between two digest exchanges that this node starts. */
  readonly syncInterval: number
  /** When a digest exchange without an answer is given up. */
  readonly syncTimeout: number
  /** How long two views that an exchange could not make equal are left alone. */
  readonly syncRetry: number
  /** How long the leaver waits for acknowledgements. */
  readonly leaveTimeout: number
  /** The most members and candidates; what is beyond is refused with a Diagnostic. */
  readonly maxMembers: number
}

/** The longest pause between two rounds of asking about a peer that only others reach, in heartbeats. */
export const longestPause = 30

/** A number of peers as a policy gives it, which may be any number, as one that can be worked with. */
export const atLeastOne = (count: number): number => (count >= 1 ? Math.floor(count) : 1)

export const defaults: Settings = {
  heartbeat: 1_000,
  linkTimeout: 3_000,
  probeTimeout: 1_000,
  // That all three are among the lost, where a third of all is, happens once in 27 times; more only where many can die.
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

/** How far ahead of the local clock a generation may be that its owner did not say itself. */
export const generationLead = 24 * 3_600_000

/** How far above the known incarnation one may be that its owner did not say itself. */
export const incarnationLead = 65_536
