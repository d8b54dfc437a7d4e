import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { ViewItem } from "../../src/Lane.ts"
import type { Message } from "../../src/Message.ts"
import { type Marked, type SessionMark, SessionMarks } from "../../src/messaging/SessionMarks.ts"
import { itemText } from "./itemText.ts"

type Item = Message | SessionMark | ViewItem

/** Buffer in an array, from which a test reads one item at a time. */
class ArrayBuffer implements Marked {
  readonly items: Array<Item> = []
  /** Number of times that all items were visited. */
  looks = 0

  mark(mark: SessionMark): void {
    this.items.push(mark)
  }

  removeMarks(isGone: (mark: SessionMark | ViewItem) => boolean): void {
    const kept = this.items.filter((item) => item._tag === "Message" || !isGone(item))
    this.items.splice(0, this.items.length, ...kept)
  }

  waiting(): Iterable<Item> {
    this.looks++
    return this.items
  }
}

/** Markers of sessions with peers, and their reader. */
class World {
  readonly buffer = new ArrayBuffer()
  readonly marks: SessionMarks
  /** All items that were added to the buffer, in order. */
  readonly all: Array<Item> = []
  /** All items that the reader has taken, in order. */
  readonly taken: Array<Item> = []
  /** Sessions that have started and have not ended, by peer. */
  private readonly open = new Map<string, Message["from"] & { readonly session: number }>()
  private sessions = 0

  constructor(options: Omit<ConstructorParameters<typeof SessionMarks>[0], "buffer">) {
    this.marks = new SessionMarks({ buffer: this.buffer, ...options })
  }

  begin(name: string, generation = 1): void {
    if (this.open.has(name)) return
    const session = ++this.sessions
    this.open.set(name, { name, generation, session })
    this.add({ _tag: "SessionStarted", from: { name, generation }, session })
  }

  bring(name: string): void {
    const open = this.open.get(name)
    if (open === undefined) return
    const { generation, session } = open
    const from = { name, generation }
    const message: Message = { _tag: "Message", from, session, payload: new Uint8Array(0), text: "", span: undefined }
    this.all.push(message)
    this.buffer.items.push(message)
  }

  end(name: string): void {
    const open = this.open.get(name)
    if (open === undefined) return
    const { generation, session } = open
    this.open.delete(name)
    this.add({ _tag: "SessionEnded", from: { name, generation }, session })
  }

  visit(name: string, generation = 1): void {
    this.begin(name, generation)
    this.end(name)
  }

  take(count = this.buffer.items.length): void {
    for (const item of this.buffer.items.splice(0, count)) {
      this.taken.push(item)
      if (item._tag !== "Message") this.marks.onTaken(item)
    }
  }

  /** The waiting items as text: `+1` is the start of session 1, `m1` a message of it, and `-1` its end. */
  get waiting(): string {
    return this.buffer.items.map(itemText).join(" ")
  }

  private add(mark: SessionMark): void {
    this.all.push(mark)
    this.marks.add(mark)
  }
}

const capacity = 8

describe("the markers of sessions that wait for a reader", () => {
  it("all stay while they fit", () => {
    const world = new World({ capacity })
    for (let i = 0; i < capacity / 2; i++) world.visit("a")
    assert.strictEqual(world.waiting, "+1 -1 +2 -2 +3 -3 +4 -4")
  })

  it("make room for half of the capacity when they do not fit, the oldest sessions first", () => {
    const world = new World({ capacity: 16 })
    for (let i = 0; i < 8; i++) world.visit("a")
    world.begin("a")
    assert.strictEqual(world.waiting, "+6 -6 +7 -7 +8 -8 +9")
  })

  it("do not count once the reader has taken them", () => {
    const world = new World({ capacity })
    for (let i = 0; i < 10 * capacity; i++) {
      world.visit("a")
      world.take()
    }
    for (let i = 0; i < capacity / 2; i++) world.visit("a")
    assert.strictEqual(world.buffer.items.length, capacity)
    assert.strictEqual(world.buffer.looks, 0)
  })

  it("stay if the session has messages, if it is open, and if the reader has seen its start", () => {
    const world = new World({ capacity })
    world.begin("read")
    world.take()
    world.end("read")
    world.begin("lasts")
    world.begin("brings")
    world.bring("brings")
    world.end("brings")
    // A later session of each peer covers the earlier one.
    for (const name of ["read", "brings"]) world.visit(name)
    for (let i = 0; i < 10 * capacity; i++) world.visit("a")
    assert.match(world.waiting, /^-1 \+2 \+3 m3 -3 \+4 -4 \+5 -5 \+/)
    assert.notInclude(world.waiting, "+6 ")
  })

  it("stay for the newest ended session of each name, for any generation", () => {
    const world = new World({ capacity })
    world.visit("gone")
    world.visit("gone")
    world.visit("restarted", 1)
    world.visit("restarted", 2)
    for (let i = 0; i < 10 * capacity; i++) world.visit("a")
    assert.match(world.waiting, /^\+2 -2 \+4 -4 /)
    assert.isAtMost(world.buffer.items.length, capacity + 4)
  })

  it("stay for an ended session until the end of a greater session of the peer waits", () => {
    const world = new World({ capacity })
    world.visit("b")
    world.begin("b")
    for (let i = 0; i < 10 * capacity; i++) world.visit("a")
    assert.match(world.waiting, /^\+1 -1 \+2 /)
    world.end("b")
    for (let i = 0; i < 10 * capacity; i++) world.visit("a")
    assert.match(world.waiting, /^\+2 /)
  })

  it("are covered by the greatest session of the peer, even if the end of a smaller session arrives later", () => {
    const buffer = new ArrayBuffer()
    const marks = new SessionMarks({ buffer, capacity: 4 })
    // The newer of two processes with one name may end before the link of the older one ends.
    for (const [generation, session] of [
      [2, 2],
      [1, 1],
    ] as const) {
      marks.add({ _tag: "SessionStarted", from: { name: "b", generation }, session })
      marks.add({ _tag: "SessionEnded", from: { name: "b", generation }, session })
    }
    marks.add({ _tag: "SessionStarted", from: { name: "c", generation: 1 }, session: 3 })
    assert.deepStrictEqual(buffer.items.map(itemText), ["+2", "-2", "+3"])
  })

  it("stay for a bounded number of the newest peers", () => {
    const peers = 5
    const world = new World({ capacity, peers })
    const last = 20 * capacity
    for (let i = 0; i < last; i++) world.visit(`peer-${i}`)
    assert.isAtMost(world.buffer.items.length, 2 * peers + capacity)
    assert.isTrue(world.waiting.endsWith(`+${last} -${last}`))
    const newest = Array.from({ length: peers }, (_, i) => last - i)
    for (const session of newest) assert.include(world.waiting, `+${session} -${session}`)
  })

  it("are bounded by the capacity again once the reader has taken the markers that had to stay", () => {
    const world = new World({ capacity })
    for (let i = 0; i < 10 * capacity; i++) world.visit(`peer-${i}`)
    world.take()
    for (let i = 0; i < 10 * capacity; i++) world.visit("a")
    assert.isAtMost(world.buffer.items.length, capacity)
  })

  it("are visited once per half of the capacity of new markers, even if all of them must stay", () => {
    const world = new World({ capacity })
    for (let i = 0; i < 100 * capacity; i++) world.visit(`peer-${i}`)
    assert.strictEqual(world.waiting.split(" ").length, 200 * capacity)
    assert.isAtMost(world.buffer.looks, 400)
  })
})

const Step = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 })))

it.prop(
  "a reader sees all items in order, except sessions without messages that a later session of the peer covers",
  [Arbitrary.array(Step, { minLength: 50, maxLength: 400 })],
  ([steps]) => {
    const world = new World({ capacity })
    for (const step of steps) {
      const name = `peer-${step % 4}`
      if (step < 40) world.visit(name, 1 + (step % 3))
      else if (step < 60) world.begin(name)
      else if (step < 80) world.end(name)
      else if (step < 90) world.bring(name)
      else if (step < 92) world.take(step % 5)
    }
    world.take()
    const { all, taken } = world

    // The reader sees a subsequence: each item at most once, and in order.
    const seen = new Set(taken)
    assert.deepStrictEqual(
      all.filter((item) => seen.has(item)),
      taken,
    )
    const isSeen = (tag: Item["_tag"], session: number) =>
      taken.some((item) => item._tag === tag && "session" in item && item.session === session)
    for (const item of all) {
      if (seen.has(item)) continue
      assert.notStrictEqual(item._tag, "Message", "no message is missing")
      if (item._tag !== "SessionEnded") continue
      const { from, session } = item
      assert.isFalse(isSeen("SessionStarted", session), "a session is dropped with both markers")
      assert.isFalse(isSeen("Message", session), "no session with messages is dropped")
      const isCovered = taken.some(
        (other) => other._tag === "SessionEnded" && other.from.name === from.name && other.session > session,
      )
      assert.isTrue(isCovered, `the end of a later session with ${from.name} is seen`)
    }
    for (const item of all) {
      if (item._tag !== "SessionStarted" || seen.has(item)) continue
      const hasEnded = all.some((other) => other._tag === "SessionEnded" && other.session === item.session)
      assert.isTrue(hasEnded, "no open session is dropped")
    }
  },
)
