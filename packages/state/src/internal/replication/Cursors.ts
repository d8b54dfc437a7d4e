/**
 * The peers that read the entries of this node, and the version that each of them has. A cursor makes a new batch only
 * when the batch before is sent, so a slow reader gets the newest value of each key and no intermediate ones.
 */
import type { Item, Part, Sum, Want } from "./messages.ts"
import { itemOverhead } from "./messages.ts"
import type { OwnEntries } from "./OwnEntries.ts"
import type { PeerId } from "@coterie/core/Peer"

/** The changes from one version to a later one, as they are at one moment. */
interface Batch {
  readonly from: number | undefined
  readonly to: number
  readonly sum: Sum
  readonly items: ReadonlyArray<Item>
  /** Number of items in the parts that are sent. */
  sent: number
  /** Number of parts that are sent. */
  parts: number
}

/** Delay before a part that could not be sent is sent again. It doubles with every failure. */
const firstRetryMillis = 200
const maxRetries = 6

/** Number of requests that a peer may make at once, and the time after which it may make another. */
const burst = 4
const refillMillis = 250

class Cursor {
  readonly generation: number
  /** The newest request. `undefined` until a request is admitted. */
  want: Want | undefined
  /** Epoch and version that the reader has, or will have when the parts so far arrive. */
  epoch = 0
  version = 0
  /** `true` until the first batch after a request is made. */
  isFresh = false
  batch: Batch | undefined
  /** Time before which no new batch begins. */
  restsUntil = -Infinity
  /** Number of parts since the newest request that could not be sent. */
  failures = 0
  /** Time at which a part is sent again. */
  retryAt: number | undefined
  /** Request that waits because the peer made too many. */
  deferred: Want | undefined
  private tokens = burst
  private refilledAt: number

  constructor(generation: number, now: number) {
    this.generation = generation
    this.refilledAt = now
  }

  /** Time at which the peer may make a further request. */
  private get refillsAt(): number {
    return this.refilledAt + refillMillis
  }

  /** Time at which a part is sent again or the deferred request is admitted. */
  get dueAt(): number | undefined {
    if (this.deferred === undefined) return this.retryAt
    return Math.min(this.refillsAt, this.retryAt ?? Infinity)
  }

  /** Takes one of the requests that the peer may make now. */
  takeToken(now: number): boolean {
    if (now >= this.refillsAt) {
      // Rounding must not make it less than 1: the caller waits until `refillsAt`.
      const refilled = Math.max(1, Math.floor((now - this.refilledAt) / refillMillis))
      this.tokens = Math.min(burst, this.tokens + refilled)
      this.refilledAt = this.tokens === burst ? now : this.refilledAt + refilled * refillMillis
    }
    if (this.tokens === 0) return false
    this.tokens--
    return true
  }

  /** Starts over from what the request says that the reader has. */
  restart(want: Want): void {
    this.want = want
    this.failures = 0
    this.deferred = undefined
    this.rewind()
  }

  /** Sends the answer to the newest request again at a later time. */
  retry(now: number): void {
    this.rewind()
    this.retryAt = now + firstRetryMillis * 2 ** this.failures
    this.failures++
  }

  /** Starts the answer to the newest request over. */
  rewind(): void {
    this.epoch = this.want?.epoch ?? 0
    this.version = this.want?.version ?? 0
    this.isFresh = true
    this.batch = undefined
    this.retryAt = undefined
  }
}

export interface Options {
  readonly entries: OwnEntries<unknown>
  /** Epoch of this instance of the map. */
  readonly epoch: number
  /** Maximum number of bytes of a part, unless one item is larger. */
  readonly partBytes: number
  /** Counts a new batch. */
  readonly count: (kind: "full" | "delta") => void
}

export class Cursors {
  private readonly options: Options
  private readonly entries: OwnEntries<unknown>
  private readonly cursors = new Map<string, Cursor>()
  /** Peers with a deadline. */
  private readonly waiting = new Set<string>()

  constructor(options: Options) {
    this.options = options
    this.entries = options.entries
  }

  /** Names of the peers that read the entries. */
  get names(): Iterable<string> {
    return this.cursors.keys()
  }

  /** Number of versions that the slowest reader is behind. */
  get behind(): number {
    let most = 0
    for (const name of this.cursors.keys()) most = Math.max(most, this.behindOf(name) ?? 0)
    return most
  }

  /** Returns the number of versions that a reader is behind. `undefined` if the peer does not read the entries. */
  behindOf(name: string): number | undefined {
    const cursor = this.cursors.get(name)
    if (cursor?.want === undefined) return undefined
    return this.entries.version - Math.min(cursor.version, this.entries.version)
  }

  /** Accepts a request. The newest request of a peer replaces the earlier ones. Returns `true` if an answer is due now. */
  want({ generation, name }: PeerId, want: Want, now: number): boolean {
    const known = this.cursors.get(name)
    const cursor = known?.generation === generation ? known : new Cursor(generation, now)
    this.cursors.set(name, cursor)
    if (!cursor.takeToken(now)) {
      cursor.deferred = want
      this.waiting.add(name)
      return false
    }
    cursor.restart(want)
    return true
  }

  /** Does what is due. Returns the names of the peers to which a part can be sent now. */
  tick(now: number): ReadonlyArray<string> {
    const due: Array<string> = []
    for (const name of this.waiting) {
      const cursor = this.cursors.get(name)
      if (cursor?.dueAt === undefined) this.waiting.delete(name)
      if (cursor === undefined) continue
      const isRetry = cursor.retryAt !== undefined && cursor.retryAt <= now
      if (isRetry) cursor.retryAt = undefined
      const admitted = cursor.deferred !== undefined && cursor.takeToken(now) ? cursor.deferred : undefined
      if (admitted !== undefined) cursor.restart(admitted)
      if (isRetry || admitted !== undefined) due.push(name)
    }
    return due
  }

  /** Returns the time of the next `tick`. */
  dueAt(): number {
    let first = Infinity
    for (const name of this.waiting) first = Math.min(first, this.cursors.get(name)?.dueAt ?? Infinity)
    return first
  }

  /** Forgets a reader that wants no more parts. */
  stop(name: string): void {
    this.cursors.delete(name)
  }

  /** Forgets a reader that is no longer a member. */
  memberGone({ generation, name }: PeerId): void {
    const cursor = this.cursors.get(name)
    if (cursor !== undefined && cursor.generation <= generation) this.cursors.delete(name)
  }

  /**
   * The session with a peer has ended at this node, and maybe not at the peer. Then the peer does not ask again, and parts
   * may be lost. So the answer starts over. A peer that has got more than that asks again.
   */
  sessionEnded(name: string): void {
    const cursor = this.cursors.get(name)
    if (cursor?.want !== undefined) cursor.rewind()
  }

  /**
   * A part could not be sent. The answer is sent again for some time: the request may have overtaken the announcement that
   * the peer reads the map, or the link may have been lost at this node only. `isFinal` if the part can never be sent.
   */
  failed(name: string, nonce: number, isFinal: boolean, now: number): void {
    const cursor = this.cursors.get(name)
    if (cursor?.want?.nonce !== nonce) return
    if (!isFinal && cursor.failures < maxRetries) {
      cursor.retry(now)
      this.waiting.add(name)
    } else if (cursor.deferred === undefined) this.cursors.delete(name)
    else cursor.want = undefined
  }

  /** Drops the rest of a batch, so that the values that it refers to can be freed. A new batch takes its place. */
  dropRest(name: string): void {
    const cursor = this.cursors.get(name)
    if (cursor?.batch === undefined) return
    cursor.batch = undefined
    cursor.isFresh = true
  }

  /** Returns `true` while a batch is under way: a part of it is sent, and others wait. */
  hasBatch(name: string): boolean {
    return this.cursors.get(name)?.batch !== undefined
  }

  /** Lets the next batch to a peer begin at a time. */
  rest(name: string, until: number): void {
    const cursor = this.cursors.get(name)
    if (cursor !== undefined) cursor.restsUntil = until
  }

  /** Returns the milliseconds until the next part of the peer may be sent. */
  pauseOf(name: string, now: number): number {
    const cursor = this.cursors.get(name)
    return cursor === undefined || cursor.batch !== undefined ? 0 : Math.max(0, cursor.restsUntil - now)
  }

  /** Returns `true` if there is a part for the peer. */
  hasNext(name: string): boolean {
    const cursor = this.cursors.get(name)
    if (cursor?.want === undefined || cursor.retryAt !== undefined) return false
    return cursor.batch !== undefined || cursor.isFresh || cursor.version !== this.entries.version
  }

  /** Returns the next part for the peer. */
  next(name: string): Part | undefined {
    const cursor = this.cursors.get(name)
    if (cursor?.want === undefined || !this.hasNext(name)) return undefined
    const batch = cursor.batch ?? this.begin(cursor)
    cursor.batch = batch
    const begin = batch.sent
    let bytes = 0
    for (let item = batch.items[batch.sent]; item !== undefined; item = batch.items[batch.sent]) {
      bytes += item.bytes + itemOverhead
      if (bytes > this.options.partBytes && batch.sent > begin) break
      batch.sent++
    }
    const isLast = batch.sent === batch.items.length
    if (isLast) {
      cursor.batch = undefined
      cursor.epoch = this.options.epoch
      cursor.version = batch.to
    }
    return {
      _tag: "Part",
      nonce: cursor.want.nonce,
      epoch: this.options.epoch,
      from: batch.from,
      to: batch.to,
      index: batch.parts++,
      end: isLast ? batch.sum : undefined,
      items: batch.items.slice(begin, batch.sent),
    }
  }

  private begin(cursor: Cursor): Batch {
    const { entries } = this
    const isKnown = cursor.version >= entries.horizon && cursor.version <= entries.version
    const isFull = cursor.epoch !== this.options.epoch || !isKnown
    cursor.isFresh = false
    this.options.count(isFull ? "full" : "delta")
    return {
      from: isFull ? undefined : cursor.version,
      to: entries.version,
      sum: entries.sum,
      items: isFull ? entries.all() : entries.since(cursor.version),
      sent: 0,
      parts: 0,
    }
  }
}
