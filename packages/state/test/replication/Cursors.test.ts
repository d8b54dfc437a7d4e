import { assert, describe, it } from "@effect/vitest"
import { Cursors } from "../../src/internal/replication/Cursors.ts"
import type { Part, Want } from "../../src/internal/replication/messages.ts"
import { OwnEntries } from "../../src/internal/replication/OwnEntries.ts"

const epoch = 7
const want = (fields: Partial<Want> = {}): Want => ({ _tag: "Want", nonce: 1, epoch: 0, version: 0, ...fields })

const peer = (name: string, generation = 1) => ({ name, generation })

const make = (partBytes = 10_000) => {
  const entries = new OwnEntries<null>({ entries: 1_000, bytes: 1_000_000, removals: 1_000 })
  const batches: Array<string> = []
  const cursors = new Cursors({ entries, epoch, partBytes, count: (kind) => batches.push(kind) })
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

  it("forget a reader whose part can never be sent, unless it has asked again", () => {
    const { cursors, set } = make()
    cursors.want(peer("r"), want({ nonce: 1 }), 0)
    cursors.next("r")
    cursors.want(peer("r"), want({ nonce: 2 }), 0)
    cursors.failed("r", 1, true, 0)
    assert.isTrue(cursors.hasNext("r"))
    cursors.next("r")
    cursors.failed("r", 2, true, 0)
    set("a")
    assert.isFalse(cursors.hasNext("r"))
    assert.deepStrictEqual([...cursors.names], [])
  })

  it("send an answer again that could not be sent, and give up in the end", () => {
    const { cursors, drain, set } = make()
    set("a")
    cursors.want(peer("r"), want(), 0)
    let now = 0
    for (let i = 0; i < 6; i++) {
      cursors.next("r")
      cursors.failed("r", 1, false, now)
      assert.isFalse(cursors.hasNext("r"))
      assert.deepStrictEqual(cursors.tick(cursors.dueAt() - 1), [])
      now = cursors.dueAt()
      assert.deepStrictEqual(cursors.tick(now), ["r"])
    }
    assert.deepStrictEqual(keys(drain("r")), ["a"])
    cursors.failed("r", 1, false, now)
    assert.deepStrictEqual([[...cursors.names], cursors.dueAt()], [[], Infinity])
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

  it("count the steps that the slowest reader does not have", () => {
    const { cursors, drain, set } = make()
    cursors.want(peer("r"), want(), 0)
    drain("r")
    for (let i = 0; i < 5; i++) set(`k${i}`)
    assert.strictEqual(cursors.behind, 5)
    drain("r")
    assert.strictEqual(cursors.behind, 0)
  })
})
