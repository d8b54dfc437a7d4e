/**
 * The peers that read the entries of this node, and the version that each of them has. A cursor makes a new batch only
 * when the batch before is sent, so a slow reader gets the newest value of each key and no intermediate ones.
 */
import {
  type Item,
  itemOverhead,
  maxItemBytes,
  minMessageBytes,
  type Part,
  partOverhead,
  removeItem,
  type Sum,
  type Want,
} from "./messages.ts"
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

/** Delay before a part that could not be sent is sent again. It doubles with every failure in a row. */
const firstRetryMillis = 200
const maxRetryMillis = 5_000

/** Number of requests that a peer may make at once, and the time after which it may make another. */
const burst = 4
const refillMillis = 250

/** An entry that the messages of a peer cannot have. */
export interface TooLarge {
  readonly key: string
  /** Number of bytes of the key and the value. */
  readonly bytes: number
  /** Maximum number of bytes of a message that the peer accepts. */
  readonly messageBytes: number
}

/** A version of an instance of the map. */
interface Reached {
  readonly epoch: number
  readonly version: number
}

class Cursor {
  readonly generation: number
  /** The newest request. `undefined` until a request is admitted. */
  want: Want | undefined
  /** Epoch and version that the reader has, or will have when the parts so far arrive. */
  epoch = 0
  version = 0
  /** Epoch and version that the reader asked with, or of the last batch of which all parts were sent. */
  reached: Reached = { epoch: 0, version: 0 }
  /** `true` until the first batch after a request is made. */
  isFresh = false
  batch: Batch | undefined
  /** Time before which no new batch begins. */
  restsUntil = -Infinity
  /** Number of parts that could not be sent, since the newest request and the last batch that was sent. */
  failures = 0
  /** `false` from a failure because the peer did not read the map, until a batch is sent. */
  isReading = true
  /** Time at which a part is sent again. */
  retryAt: number | undefined
  /** Request that waits because the peer made too many. */
  deferred: Want | undefined
  /** First entry that the messages of the peer cannot have. */
  tooLarge: TooLarge | undefined
  hasReported = false
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
    this.reached = want
    this.succeed()
    this.deferred = undefined
    this.rewind()
  }

  /** Sends the answer to the newest request again at a later time. */
  retry(now: number): void {
    this.rewind()
    this.retryAt = now + Math.min(maxRetryMillis, firstRetryMillis * 2 ** this.failures)
    this.failures++
  }

  /** The peer reads the map, and parts reach it. */
  succeed(): void {
    this.failures = 0
    this.isReading = true
  }

  /** Maximum number of bytes of a message that the peer accepts. */
  get messageBytes(): number {
    return Math.max(minMessageBytes, this.want?.messageBytes ?? Infinity)
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
  /** Maximum number of bytes of a message of this node, which each entry fits. */
  readonly messageBytes: number
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
    if (cursor?.want === undefined || !cursor.isReading) return undefined
    return this.entries.version - (this.isOfInstance(cursor.reached) ? cursor.reached.version : 0)
  }

  /** Returns `true` if the reader has a version of this instance. */
  private isOfInstance({ epoch, version }: Reached): boolean {
    return epoch === this.options.epoch && version <= this.entries.version
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
   * A part could not be sent. The answer is sent again for as long as the peer is a member: the request may have overtaken
   * the announcement that the peer reads the map, or the link may have been lost at this node only. The peer then does not
   * ask again, so a reader that is forgotten here would have old entries for ever. `isReading` is `false` if the peer does
   * not read the map. Returns `true` for the first failure in a row.
   */
  failed(name: string, nonce: number, isReading: boolean, now: number): boolean {
    const cursor = this.cursors.get(name)
    if (cursor?.want?.nonce !== nonce) return false
    if (!isReading) cursor.isReading = false
    cursor.retry(now)
    this.waiting.add(name)
    return cursor.failures === 1
  }

  /** Returns the nonce of the newest request of a peer. */
  nonceOf(name: string): number | undefined {
    return this.cursors.get(name)?.want?.nonce
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

  /** A batch to a peer was sent. Lets the next one begin at a time. */
  rest(name: string, until: number): void {
    const cursor = this.cursors.get(name)
    if (cursor === undefined) return
    cursor.restsUntil = until
    cursor.reached = { epoch: cursor.epoch, version: cursor.version }
    cursor.succeed()
  }

  /** Returns an entry that the messages of the peer cannot have, once in the life of the peer. */
  takeTooLarge(name: string): TooLarge | undefined {
    const cursor = this.cursors.get(name)
    if (cursor?.tooLarge === undefined || cursor.hasReported) return undefined
    cursor.hasReported = true
    return cursor.tooLarge
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
    const partBytes = Math.min(this.options.partBytes, cursor.messageBytes - partOverhead)
    const begin = batch.sent
    let bytes = 0
    for (let item = batch.items[batch.sent]; item !== undefined; item = batch.items[batch.sent]) {
      bytes += item.bytes + itemOverhead
      if (bytes > partBytes && batch.sent > begin) break
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
    const isFull = !this.isOfInstance(cursor) || cursor.version < entries.horizon
    const items = isFull ? entries.all() : entries.since(cursor.version)
    const fits = cursor.messageBytes >= this.options.messageBytes
    cursor.isFresh = false
    this.options.count(isFull ? "full" : "delta")
    return {
      from: isFull ? undefined : cursor.version,
      to: entries.version,
      sum: fits ? entries.sum : entries.sumWithin(maxItemBytes(cursor.messageBytes)),
      items: fits ? items : this.within(cursor, items, isFull),
      sent: 0,
      parts: 0,
    }
  }

  /**
   * Leaves out the entries that the messages of a peer cannot have. The peer would end the link, and with it all other
   * messages. It loses the value that it had, because no value is better than an old one.
   */
  private within(cursor: Cursor, items: ReadonlyArray<Item>, isFull: boolean): ReadonlyArray<Item> {
    const { messageBytes } = cursor
    const maxBytes = maxItemBytes(messageBytes)
    return items.flatMap((item) => {
      const { bytes, key, value } = item
      if (bytes <= maxBytes) return [item]
      if (value === undefined) return []
      cursor.tooLarge ??= { key, bytes, messageBytes }
      const removal = removeItem(key)
      return isFull || removal.bytes > maxBytes ? [] : [removal]
    })
  }
}
