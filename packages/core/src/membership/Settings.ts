/**
 * The numbers that membership works with, all in milliseconds unless said otherwise. The policies
 * `FailureDetector` and `Gossip` make them; here are the defaults that no policy changes.
 */

export interface Settings {
  /** The shortest and longest time between a suspicion and the verdict. */
  readonly suspicionMin: number
  readonly suspicionMax: number
  /** How long an accusation against a peer with a live link is kept from the application. */
  readonly refuteGrace: number
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

export const defaults: Settings = {
  suspicionMin: 2_000,
  suspicionMax: 12_000,
  refuteGrace: 2_000,
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
