/**
 * The feed of a store and its readers, over a storage in which this instance and others write. For any order of writes, reads
 * and losses, each reader gets every item from its start on, once and in order.
 */
import { assert, describe, it } from "@effect/vitest"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { FeedPosition, ReaderPosition, type Run, type Span } from "../../src/internal/FeedPosition.ts"

const firstSequence = 1

const spanOf = (item: Span): Span => item

const steps = [
  "write here",
  "write elsewhere",
  "skip",
  "select",
  "deliver",
  "read again",
  "join",
  "lose",
  "take",
] as const

/** Long sequences, because the fewest steps to some failures are eight. */
const Steps = Schema.Array(Schema.Tuple([Schema.Literals(steps), Schema.Literals([0, 1, 2, 3])])).check(
  Schema.isMinLength(16),
)

interface Reader {
  readonly from: number
  readonly position: ReaderPosition<Span>
  readonly got: Array<Span>
  readonly queue: Array<Run<Span>>
}

/** Stream of the storage that the feed has open. */
interface Opened {
  readonly start: number
  /** Items of this instance since the subscription. */
  readonly live: Array<Span>
  /** Result of the storage. `undefined` before it has arrived. */
  backlog?: ReadonlyArray<Span> | undefined
}

const isNonEmpty = (items: ReadonlyArray<Span>): items is NonEmptyReadonlyArray<Span> => items.length > 0

class Model {
  private readonly storage: Array<Span> = []
  private readonly readers: Array<Reader> = []
  private readonly feed = new FeedPosition<Span>({ firstSequence, spanOf })
  private next = firstSequence
  private opened: Opened | undefined
  private isMissing = false

  private write(size: number): Span {
    const item = { first: this.next, last: this.next + size - 1 }
    this.next += size
    this.storage.push(item)
    return item
  }

  private after(start: number): ReadonlyArray<Span> {
    return this.storage.filter(({ last }) => last >= start)
  }

  step(step: (typeof steps)[number], n: number): void {
    switch (step) {
      case "write here": {
        const item = this.write(n + 1)
        return void this.opened?.live.push(item)
      }
      case "write elsewhere":
        return void this.write(n + 1)
      case "skip":
        // A storage may leave out sequences.
        this.next += n
        return
      case "select":
        if (this.opened !== undefined) this.opened.backlog ??= this.after(this.opened.start)
        return
      case "deliver":
        return this.deliver(n + 1)
      case "read again":
        return this.read()
      case "join":
        return this.join([0, 1, Math.ceil(this.next / 2), this.next][n] ?? 0)
      case "lose":
        return void this.readers[n]?.queue.shift()
      case "take":
        return this.take(this.readers[n])
    }
  }

  private read(): void {
    if (this.readers.length === 0) return
    this.isMissing = false
    this.opened = { start: this.feed.startRead(), live: [] }
  }

  private deliver(count: number): void {
    const { opened } = this
    if (opened === undefined) return
    opened.backlog ??= this.after(opened.start)
    const items = opened.backlog.length > 0 ? opened.backlog : opened.live.splice(0, count)
    if (opened.backlog.length > 0) opened.backlog = []
    if (!isNonEmpty(items)) return
    const { isMissing, run } = this.feed.take(items)
    this.isMissing ||= isMissing
    if (run !== undefined) for (const { queue } of this.readers) queue.push(run)
  }

  private join(from: number): void {
    const position = new ReaderPosition<Span>({ position: Math.max(from, firstSequence) - 1, spanOf })
    const reader: Reader = { from, position, got: [], queue: [] }
    this.readers.push(reader)
    const joined = this.feed.join(position.position)
    if (joined === "behind") this.readBySelf(reader)
    if (typeof joined === "number") this.read()
  }

  private readBySelf({ got, position }: Reader): void {
    const items = this.after(position.position + 1)
    assert.isAbove(items.length, 0, "a read of the storage that returns nothing does not end")
    got.push(...position.takeBacklog(items))
  }

  private take(reader: Reader | undefined): void {
    const run = reader?.queue.shift()
    if (reader === undefined || run === undefined) return
    let taken = reader.position.take(run)
    if (taken === "missing") {
      this.readBySelf(reader)
      taken = reader.position.take(run)
    }
    if (taken === "missing") return assert.fail("the storage has less than the feed")
    reader.got.push(...taken)
  }

  /** Peers tell the feed to read again, and everything arrives. */
  finish(): void {
    this.read()
    for (let reads = 0; reads < 10; reads++) {
      this.step("select", 0)
      for (let i = 0; i < 100; i++) this.deliver(1)
      if (!this.isMissing) break
      this.read()
    }
    for (const reader of this.readers) while (reader.queue.length > 0) this.take(reader)
  }

  check(): void {
    for (const { from, got } of this.readers) assert.deepStrictEqual(got, this.after(from))
  }
}

describe("the feed of a store", () => {
  it.effect.prop(
    "gives each reader every item from its start on, once and in order, whatever was written elsewhere and lost",
    [Steps],
    ([choices]) =>
      Effect.sync(() => {
        const model = new Model()
        for (const [step, n] of choices) model.step(step, n)
        model.finish()
        // The last runs that a reader lost are found with the next one.
        model.step("write here", 0)
        model.finish()
        model.check()
      }),
    { arbitrary: { runs: 3_000 } },
  )

  it("starts a read at the last item, so that it has a backlog", () => {
    const feed = new FeedPosition<Span>({ firstSequence, spanOf })
    assert.strictEqual(feed.join(4), 1)
    assert.strictEqual(feed.startRead(), 4)
    assert.isFalse(feed.isSeen)
    const read = feed.take([
      { first: 4, last: 4 },
      { first: 7, last: 7 },
    ])
    assert.deepStrictEqual(read, {
      run: { after: 4, last: 7, items: [{ first: 7, last: 7 }], backlogOf: 1 },
      isMissing: false,
    })
    assert.isTrue(feed.isSeen)
    assert.strictEqual(feed.startRead(), 7)
  })

  it("does not take an item of this instance as long as earlier ones may be missing", () => {
    const feed = new FeedPosition<Span>({ firstSequence, spanOf })
    feed.join(0)
    feed.startRead()
    assert.deepStrictEqual(feed.take([{ first: 2, last: 2 }]), { run: undefined, isMissing: true })
  })

  it("does not take items as everything if a reader that joined meanwhile lacks earlier ones", () => {
    const feed = new FeedPosition<Span>({ firstSequence, spanOf })
    feed.join(8)
    feed.startRead()
    assert.isTrue(feed.take([{ first: 12, last: 12 }]).isMissing)
    feed.startRead()
    assert.strictEqual(feed.join(4), "joined")
    assert.deepStrictEqual(feed.take([{ first: 12, last: 12 }]), { run: undefined, isMissing: true })
    assert.strictEqual(feed.startRead(), 4)
  })

  it("is not moved by a reader that claims to have more than the storage", () => {
    const feed = new FeedPosition<Span>({ firstSequence, spanOf })
    feed.join(99)
    assert.strictEqual(feed.startRead(), 99)
    assert.deepStrictEqual(feed.take([{ first: 5, last: 5 }]), { run: undefined, isMissing: false })
    assert.strictEqual(feed.join(4), "joined")
    assert.strictEqual(feed.startRead(), 4)
  })
})
