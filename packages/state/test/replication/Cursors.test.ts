import { assert, describe, it } from "@effect/vitest"
import { Cursors } from "../../src/internal/replication/Cursors.ts"
import { encode, type Part, type Want } from "../../src/internal/replication/messages.ts"
import { OwnEntries } from "../../src/internal/replication/OwnEntries.ts"

const epoch = 7
const want = (fields: Partial<Want> = {}): Want => ({ _tag: "Want", nonce: 1, epoch: 0, version: 0, ...fields })

const peer = (name: string, generation = 1) => ({ name, generation })

const make = (partBytes = 10_000) => {
  const entries = new OwnEntries<null>({ entries: 1_000, bytes: 1_000_000, removals: 1_000 })
  const batches: Array<string> = []
  const cursors = new Cursors({
    entries,
    epoch,
    partBytes,
    messageBytes: 16_777_216,
    count: (kind) => batches.push(kind),
  })
  const set = (key: string, length = 1) =>
    entries.change(new Map([[key, { bytes: new Uint8Array(length), entry: null }]]))
  const drain = (name: string): ReadonlyArray<Part> => {
    const parts: Array<Part> = []
    for (let part = cursors.next(name); part !== undefined; part = cursors.next(name)) parts.push(part)
    return parts
  }
  return { entries, cursors, batches, set, drain }
}

const keys = (parts: ReadonlyArray<Part>): ReadonlyArray<string> =>
  parts.flatMap(({ items }) => items.map(({ key }) => key))

describe("cursors", () => {
  it("answer a request even if there is nothing to send", () => {
    const { cursors, drain, entries } = make()
    cursors.want(peer("r"), want(), 0)
    const expected: Part = {
      _tag: "Part",
      nonce: 1,
      epoch,
      from: undefined,
      to: 0,
      index: 0,
      end: entries.sum,
      items: [],
    }
    assert.deepStrictEqual(drain("r"), [expected])
  })

  it("send all entries to a reader of another epoch, of a forgotten or of a future version, and changes to others", () => {
    const { batches, cursors, drain, set } = make()
    set("a")
    set("b")
    const cases: ReadonlyArray<readonly [Want, ReadonlyArray<string>]> = [
      [want({ epoch, version: 1 }), ["b"]],
      [want({ epoch: epoch + 1, version: 1 }), ["a", "b"]],
      [want({ epoch, version: 9 }), ["a", "b"]],
    ]
    for (const [given, expected] of cases) {
      cursors.want(peer("r"), given, 0)
      assert.deepStrictEqual(keys(drain("r")), expected)
    }
    assert.deepStrictEqual(batches, ["delta", "full", "full"])
  })

  it("send only the newest value of a key to a reader that was slow", () => {
    const { cursors, drain, set } = make()
    cursors.want(peer("r"), want(), 0)
    drain("r")
    for (let i = 1; i < 10; i++) set("a", i)
    const [part, ...more] = drain("r")
    assert.deepStrictEqual([part?.items.length, part?.items[0]?.value?.length, more.length], [1, 9, 0])
  })

  it("cut a batch into parts of the given size, of which the last has the sum", () => {
    const { cursors, drain, entries, set } = make(100)
    for (let i = 0; i < 10; i++) set(`k${i}`, 30)
    set("large", 500)
    cursors.want(peer("r"), want(), 0)
    const parts = drain("r")
    assert.deepStrictEqual(
      parts.map(({ index }) => index),
      parts.map((_, i) => i),
    )
    assert.strictEqual(keys(parts).length, 11)
    for (const { items } of parts) {
      const size = items.reduce((sum, { bytes }) => sum + bytes, 0)
      assert.isTrue(size <= 100 || items.length === 1, `${size} bytes in ${items.length} items`)
    }
    assert.deepStrictEqual(
      parts.map(({ end }) => end),
      [...parts.slice(1).map(() => undefined), entries.sum],
    )
  })

  it("keep the values of a batch that is under way, and send later ones with the next batch", () => {
    const { cursors, drain, set } = make(1)
    set("a", 1)
    set("b", 1)
    cursors.want(peer("r"), want(), 0)
    const first = cursors.next("r")
    set("b", 2)
    const rest = drain("r")
    assert.deepStrictEqual(keys([...(first === undefined ? [] : [first]), ...rest]), ["a", "b", "b"])
    assert.deepStrictEqual(
      rest.map(({ from, to }) => [from, to]),
      [
        [undefined, 2],
        [2, 3],
      ],
    )
  })

  it("rest between two batches, and not between the parts of one", () => {
    const { cursors, set } = make(1)
    set("a")
    set("b")
    cursors.want(peer("r"), want(), 0)
    cursors.rest("r", 10)
    assert.deepStrictEqual([cursors.pauseOf("r", 4), cursors.hasBatch("r")], [6, false])
    cursors.next("r")
    assert.deepStrictEqual([cursors.pauseOf("r", 4), cursors.hasBatch("r")], [0, true])
    cursors.next("r")
    assert.deepStrictEqual([cursors.pauseOf("r", 10), cursors.hasBatch("r")], [0, false])
    // A request does not shorten the rest, and a new life of the peer has none.
    cursors.want(peer("r"), want({ nonce: 2 }), 4)
    assert.strictEqual(cursors.pauseOf("r", 4), 6)
    cursors.want(peer("r", 2), want({ nonce: 3 }), 4)
    assert.strictEqual(cursors.pauseOf("r", 4), 0)
  })

  it("make a new batch in place of one that is dropped", () => {
    const { cursors, drain, set } = make(1)
    set("a", 1)
    set("b", 1)
    cursors.want(peer("r"), want(), 0)
    cursors.next("r")
    set("a", 2)
    cursors.dropRest("r")
    const parts = drain("r")
    assert.deepStrictEqual([keys(parts), parts[0]?.index, parts[0]?.to], [["b", "a"], 0, 3])
  })

  it("let the newest request of a peer replace its earlier requests", () => {
    const { cursors, drain, set } = make(1)
    set("a")
    set("b")
    cursors.want(peer("r"), want({ nonce: 1 }), 0)
    cursors.next("r")
    cursors.want(peer("r"), want({ nonce: 2 }), 0)
    assert.deepStrictEqual(
      drain("r").map(({ index, nonce }) => [nonce, index]),
      [
        [2, 0],
        [2, 1],
      ],
    )
  })

  it("ignore the failure of an answer to an earlier request", () => {
    const { cursors } = make()
    cursors.want(peer("r"), want({ nonce: 1 }), 0)
    cursors.next("r")
    cursors.want(peer("r"), want({ nonce: 2 }), 0)
    assert.isFalse(cursors.failed("r", 1, true, 0))
    assert.isTrue(cursors.hasNext("r"))
    assert.deepStrictEqual([cursors.nonceOf("r"), cursors.dueAt()], [2, Infinity])
  })

  it("send an answer again that could not be sent, for as long as it takes", () => {
    for (const isReading of [true, false]) {
      const { cursors, drain, set } = make()
      set("a")
      cursors.want(peer("r"), want(), 0)
      const delays: Array<number> = []
      let now = 0
      for (let i = 0; i < 2_000; i++) {
        cursors.next("r")
        assert.strictEqual(cursors.failed("r", 1, isReading, now), i === 0)
        assert.isFalse(cursors.hasNext("r"))
        assert.deepStrictEqual(cursors.tick(cursors.dueAt() - 1), [])
        delays.push(cursors.dueAt() - now)
        now = cursors.dueAt()
        assert.deepStrictEqual(cursors.tick(now), ["r"])
      }
      assert.deepStrictEqual(delays.slice(0, 7), [200, 400, 800, 1_600, 3_200, 5_000, 5_000])
      assert.strictEqual(delays.at(-1), 5_000)
      set("b")
      assert.deepStrictEqual(keys(drain("r")), ["a", "b"])
    }
  })

  it("forget earlier failures when a batch is sent", () => {
    const { cursors, drain } = make()
    cursors.want(peer("r"), want(), 0)
    for (let i = 0; i < 20; i++) {
      drain("r")
      cursors.failed("r", 1, true, 1_000 * i)
      assert.strictEqual(cursors.dueAt(), 1_000 * i + 200)
      cursors.tick(cursors.dueAt())
      drain("r")
      cursors.rest("r", 0)
    }
  })

  it("forget a reader that is no longer a member, and keep a later life of it", () => {
    const { cursors } = make()
    cursors.want(peer("a", 1), want(), 0)
    cursors.want(peer("b", 2), want(), 0)
    for (const name of ["a", "b"]) cursors.memberGone(peer(name, 1))
    assert.deepStrictEqual([...cursors.names], ["b"])
  })

  it("start the answer over when the session ends at this node, because it may not end at the reader", () => {
    const { cursors, drain, set } = make()
    set("a")
    cursors.want(peer("r"), want(), 0)
    drain("r")
    assert.isFalse(cursors.hasNext("r"))
    cursors.sessionEnded("r")
    assert.deepStrictEqual(keys(drain("r")), ["a"])
  })

  it("answer four requests of a peer at once, and then one in 250 ms, of which the newest counts", () => {
    const { batches, cursors, drain } = make()
    for (let nonce = 1; nonce <= 1_000; nonce++) {
      cursors.want(peer("r"), want({ nonce }), 0)
      drain("r")
    }
    assert.strictEqual(batches.length, 4)
    assert.deepStrictEqual([cursors.dueAt(), cursors.tick(249)], [250, []])
    assert.deepStrictEqual(cursors.tick(250), ["r"])
    assert.deepStrictEqual(
      drain("r").map(({ nonce }) => nonce),
      [1_000],
    )
    assert.strictEqual(cursors.dueAt(), Infinity)
  })

  it("admit a deferred request at the time at which it is due, whatever the fraction of a millisecond", () => {
    for (let i = 0; i < 3_000; i++) {
      const now = i * 1.001
      const { cursors } = make()
      for (let nonce = 1; nonce <= 5; nonce++) cursors.want(peer("r"), want({ nonce }), now)
      assert.deepStrictEqual(cursors.tick(cursors.dueAt()), ["r"], `asked at ${now} ms`)
    }
  })

  it("count all steps for a reader of an earlier instance, and none for a peer that does not read", () => {
    const { cursors, drain, set } = make()
    for (let i = 0; i < 30; i++) set(`k${i}`)
    cursors.want(peer("r"), want({ epoch: epoch - 1, version: 40 }), 0)
    cursors.want(peer("s"), want({ epoch, version: 40 }), 0)
    cursors.want(peer("t"), want({ epoch, version: 20 }), 0)
    const read = () => ["r", "s", "t"].map((name) => cursors.behindOf(name))
    assert.deepStrictEqual(read(), [30, 30, 10])
    cursors.failed("r", 1, true, 0)
    cursors.failed("s", 1, false, 0)
    assert.deepStrictEqual([read(), cursors.behind], [[30, undefined, 10], 30])
    cursors.tick(1_000)
    drain("s")
    cursors.rest("s", 0)
    assert.strictEqual(cursors.behindOf("s"), 0)
  })

  it("leave out entries that the messages of a reader cannot have, with the sum of the others", () => {
    const { cursors, drain, entries, set } = make()
    const messageBytes = 4_096
    const sumOf = (...kept: ReadonlyArray<string>) => {
      const same = make()
      for (const key of kept) same.set(key, 10)
      return same.entries.sum
    }
    set("a", 10)
    set("big", 10)
    cursors.want(peer("r"), want({ messageBytes }), 0)
    assert.deepStrictEqual(drain("r").at(-1)?.end, entries.sum)
    assert.isUndefined(cursors.takeTooLarge("r"))
    // The reader loses the old value of the entry.
    set("big", messageBytes)
    set("b", 10)
    const delta = drain("r")
    assert.deepStrictEqual(keys(delta), ["big", "b"])
    assert.isUndefined(delta[0]?.items[0]?.value)
    assert.deepStrictEqual(delta.at(-1)?.end, sumOf("a", "b"))
    assert.deepStrictEqual(cursors.takeTooLarge("r"), { key: "big", bytes: messageBytes + 3, messageBytes })
    // A copy of everything. Nothing is reported again in the life of the reader.
    cursors.want(peer("r"), want({ messageBytes }), 0)
    const full = drain("r")
    assert.deepStrictEqual(keys(full), ["a", "b"])
    assert.deepStrictEqual(full.at(-1)?.end, sumOf("a", "b"))
    assert.isUndefined(cursors.takeTooLarge("r"))
    // A key that no message has, and its removal.
    set("k".repeat(messageBytes), 10)
    entries.change(new Map([["k".repeat(messageBytes), undefined]]))
    assert.deepStrictEqual(keys(drain("r")), [])
    set("big", 10)
    const last = drain("r")
    assert.deepStrictEqual(keys(last), ["big"])
    assert.deepStrictEqual(last.at(-1)?.end, sumOf("a", "b", "big"))
  })

  it("send parts that the reader accepts", () => {
    const { cursors, drain, set } = make()
    for (let i = 0; i < 50; i++) set(`k${i}`, 300 + i)
    // No node with a map accepts less than 4,096 bytes.
    for (const messageBytes of [5_000, 4_096, 0]) {
      cursors.want(peer("r"), want({ messageBytes }), 0)
      const parts = drain("r")
      assert.lengthOf(keys(parts), 50)
      for (const part of parts) assert.isAtMost(encode(part).length, Math.max(4_096, messageBytes))
    }
  })

  it("count the steps that the slowest reader does not have", () => {
    const { cursors, drain, set } = make()
    cursors.want(peer("r"), want(), 0)
    drain("r")
    for (let i = 0; i < 5; i++) set(`k${i}`)
    assert.strictEqual(cursors.behind, 5)
    drain("r")
    cursors.rest("r", 0)
    assert.strictEqual(cursors.behind, 0)
  })

  it("do not count the steps again that a reader has when its link ends or a part cannot be sent", () => {
    const { cursors, drain, set } = make()
    cursors.want(peer("r"), want(), 0)
    for (let i = 0; i < 5; i++) set(`k${i}`)
    drain("r")
    cursors.rest("r", 0)
    cursors.sessionEnded("r")
    assert.strictEqual(cursors.behind, 0)
    set("later")
    cursors.next("r")
    cursors.failed("r", 1, true, 0)
    assert.strictEqual(cursors.behind, 1)
  })
})
