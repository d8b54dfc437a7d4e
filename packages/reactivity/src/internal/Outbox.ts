/**
 * The invalidations that one life of a peer has not been sent. A number orders the invalidations of a writer. A message
 * brings the peer from the number `after` to the number `until`, so the peer recognizes whether it has missed a message.
 * An outbox stays while its peer has no link. When the link is back, the peer gets the keys of that time.
 */
import { type Bounds, type Keys, StaleKeys } from "./StaleKeys.ts"

/** Content of a message to the peer. */
export interface Parcel {
  /** Number that the peer must have reached. If it has not, the peer has missed something. */
  readonly after: number
  /** Number that the peer reaches with this message. */
  readonly until: number
  /** Keys that became stale between the two. */
  readonly keys: Keys
}

const nothing: ReadonlySet<string> = new Set()

export class Outbox {
  private readonly pending: StaleKeys
  /** Number of the last invalidation that was added. */
  private last: number
  /** Number that the peer has reached if it received every message. */
  private sent: number
  /** `true` if the peer must get a message although no key is stale, to learn the number of this writer. */
  private mustGreet = true

  /** Makes the outbox of a peer that has got nothing. `last` is the number of the last invalidation of the writer. */
  constructor(bounds: Bounds, last: number) {
    this.pending = new StaleKeys(bounds)
    this.last = last
    this.sent = last
  }

  get isEmpty(): boolean {
    return !this.mustGreet && this.pending.isEmpty
  }

  /** Adds the keys of the invalidation with this number. */
  push(keys: Keys, number: number): void {
    this.last = number
    this.pending.merge(keys)
  }

  /** Makes the next message a greeting, because the peer reads the messages anew. */
  greet(): void {
    this.mustGreet = true
  }

  /** Makes the next message invalidate everything, because the last one is lost. */
  lose(): void {
    this.pending.merge("all")
  }

  /** Returns the next message. The peer is expected to get it. */
  take(): Parcel {
    const after = this.sent
    this.sent = this.last
    this.mustGreet = false
    return { after, until: this.last, keys: this.pending.take() ?? nothing }
  }
}
