import type { ReadingPeer } from "@coterie/core/Lane"
import type { LinkState, PeerStatus } from "@coterie/core/Peer"
import { assert, describe, it } from "@effect/vitest"
import { absentMillis, Mirrors } from "../../src/internal/replication/Mirrors.ts"
import { type Part, removeItem, setItem, type Want } from "../../src/internal/replication/messages.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const make = (bounds = { entries: 1_000, bytes: 100_000 }) => {
  const counts: Record<string, number> = {}
  const decoded: Array<string> = []
  const mirrors = new Mirrors<string>({
    bounds,
    syncMillis: 60_000,
    nonce: 100,
    decode: (_owner, key, value) => {
      decoded.push(key)
      return new TextDecoder().decode(value)
    },
    count: (what) => {
      counts[what] = (counts[what] ?? 0) + 1
    },
  })
  return { mirrors, counts, decoded }
}

const member = (link: LinkState = "up", generation = 1, status: PeerStatus = "alive") => ({
  name: "o",
  generation,
  status,
  link,
})
const owner = { name: "o", generation: 1 }
const reading = (fields: Partial<ReadingPeer> = {}): ReadingPeer => ({ ...owner, session: 1, opening: 1, ...fields })

const entriesOf = ({ mirrors }: { readonly mirrors: Mirrors<string> }) =>
  Object.fromEntries(mirrors.mirrors.get("o")?.entries ?? [])

/** Part with all entries of an owner. */
const full = (nonce: number, entries: Record<string, string>, fields: Partial<Part> = {}): Part => {
  const items = Object.entries(entries).map(([key, value]) => setItem(key, bytes(value)))
  const check = items.reduce((sum, { hash }) => sum ^ hash, 0) >>> 0
  const end = { count: items.length, check }
  return { _tag: "Part", nonce, epoch: 7, from: undefined, to: 1, index: 0, end, items, ...fields }
}

/** Returns the request to the owner, which must be there. */
const takeWant = (mirrors: Mirrors<string>): Want => {
  const message = mirrors.next("o")
  if (message?._tag !== "Want") return assert.fail(`expected a request, and there is ${message?._tag}`)
  return message
}

/** A reader that has asked its owner, and the nonce of the request. */
const asked = (bounds?: { readonly entries: number; readonly bytes: number }) => {
  const made = make(bounds)
  made.mirrors.memberChanged(member(), 0)
  made.mirrors.readersChanged([reading()], 0)
  const { nonce } = takeWant(made.mirrors)
  return { ...made, nonce }
}

/** A reader with entries of version 1 of its owner. */
const live = () => {
  const made = asked()
  made.mirrors.received(owner, full(made.nonce, { a: "1", b: "2" }), 0)
  made.mirrors.take()
  return made
}

/** Two values with one hash. */
const collision = ["006yzx", "00d6ad"] as const

const stateOf = (mirrors: Mirrors<string>) => mirrors.owner("o")?.state

describe("mirrors", () => {
  it("ask a member that has a link and reads the map, once for each opening", () => {
    const { mirrors } = make()
    mirrors.readersChanged([reading()], 0)
    assert.isFalse(mirrors.hasNext("o"))
    mirrors.memberChanged(member("down"), 0)
    assert.isFalse(mirrors.hasNext("o"))
    mirrors.memberChanged(member(), 0)
    assert.deepStrictEqual([...mirrors.take().wakes], ["o"])
    assert.deepStrictEqual(takeWant(mirrors), { _tag: "Want", nonce: 101, epoch: 0, version: 0 })
    mirrors.readersChanged([reading()], 0)
    mirrors.memberChanged(member("up", 1, "suspect"), 0)
    assert.isFalse(mirrors.hasNext("o"))
    mirrors.readersChanged([reading({ opening: 2 })], 0)
    assert.strictEqual(takeWant(mirrors).nonce, 102)
    assert.strictEqual(stateOf(mirrors), "syncing")
  })

  it("show a batch in one step, when its last part has arrived", () => {
    const { mirrors, nonce } = asked()
    const parts = full(nonce, { a: "1", b: "2" })
    const [first, second] = parts.items
    mirrors.received(owner, { ...parts, end: undefined, items: first === undefined ? [] : [first] }, 0)
    assert.deepStrictEqual([entriesOf({ mirrors }), mirrors.take().changes], [{}, []])
    mirrors.received(owner, { ...parts, index: 1, items: second === undefined ? [] : [second] }, 0)
    assert.deepStrictEqual(entriesOf({ mirrors }), { a: "1", b: "2" })
    assert.strictEqual(mirrors.take().changes.length, 2)
    assert.strictEqual(stateOf(mirrors), "live")
  })

  it("ask again for a batch that has a key twice, or a removal among all entries", () => {
    const set = (key: string) => setItem(key, bytes("9"))
    const batches = [
      { from: undefined, items: [set("a"), set("a")] },
      { from: undefined, items: [set("a"), removeItem("b")] },
      { from: 1, items: [set("a"), set("a")] },
      { from: 1, items: [removeItem("a"), set("a")] },
    ]
    for (const batch of batches) {
      const { counts, mirrors, nonce } = live()
      mirrors.received(owner, { ...full(nonce, { a: "9" }), ...batch, to: 2 }, 0)
      assert.deepStrictEqual(entriesOf({ mirrors }), { a: "1", b: "2" })
      assert.deepStrictEqual(mirrors.take().changes, [])
      assert.strictEqual(counts["gaps"], 1)
      mirrors.tick(mirrors.dueAt())
      assert.strictEqual(takeWant(mirrors).version, 1)
    }
  })

  it("apply the changes since their version, and ask only for these after a lost link", () => {
    const { mirrors, nonce } = live()
    const items = [setItem("a", bytes("3")), removeItem("b")]
    const [set] = items
    const end = { count: 1, check: (set?.hash ?? 0) >>> 0 }
    mirrors.received(owner, { _tag: "Part", nonce, epoch: 7, from: 1, to: 3, index: 0, end, items }, 0)
    assert.deepStrictEqual(entriesOf({ mirrors }), { a: "3" })
    assert.deepStrictEqual(
      mirrors.take().changes.map(({ key, next, previous }) => [key, previous, next]),
      [
        ["a", "1", "3"],
        ["b", "2", undefined],
      ],
    )
    mirrors.sessionEnded("o", 1, 0)
    mirrors.memberChanged(member("down"), 0)
    assert.deepStrictEqual([stateOf(mirrors), entriesOf({ mirrors })], ["stale", { a: "3" }])
    mirrors.memberChanged(member(), 0)
    mirrors.readersChanged([reading({ session: 2 })], 0)
    assert.deepStrictEqual(takeWant(mirrors), { _tag: "Want", nonce: nonce + 1, epoch: 7, version: 3 })
  })

  it("replace everything by a batch of all entries, and report only what differs", () => {
    const { mirrors } = live()
    mirrors.readersChanged([reading({ opening: 2 })], 0)
    mirrors.received(owner, full(takeWant(mirrors).nonce, { a: "1", c: "3" }, { epoch: 8 }), 0)
    assert.deepStrictEqual(
      mirrors.take().changes.map(({ key, next }) => [key, next]),
      [
        ["c", "3"],
        ["b", undefined],
      ],
    )
    assert.deepStrictEqual(entriesOf({ mirrors }), { a: "1", c: "3" })
  })

  it("decode an entry once, also if a later batch has it again with the same bytes", () => {
    const { decoded, mirrors, nonce } = live()
    assert.deepStrictEqual(decoded.splice(0), ["a", "b"])
    mirrors.received(owner, full(nonce, { a: "1", b: "3", c: "4" }, { to: 2 }), 0)
    assert.deepStrictEqual(decoded.splice(0), ["b", "c"])
    mirrors.received(owner, full(nonce, { a: "1", b: "3", c: "4" }, { from: 2, to: 3 }), 0)
    assert.deepStrictEqual(decoded, [])
    assert.deepStrictEqual(entriesOf({ mirrors }), { a: "1", b: "3", c: "4" })
  })

  it("decode a value whose hash and length are those of the value before", () => {
    // FNV-1a of 32 bits does not tell these values of the key "a" apart.
    const [first, second] = collision
    assert.strictEqual(setItem("a", bytes(first)).hash, setItem("a", bytes(second)).hash)
    const { mirrors, nonce } = asked()
    mirrors.received(owner, full(nonce, { a: first }), 0)
    mirrors.received(owner, full(nonce, { a: second }, { from: 1, to: 2 }), 0)
    assert.deepStrictEqual(entriesOf({ mirrors }), { a: second })
  })

  it("ignore an answer to an earlier request, and an answer of another life", () => {
    const { counts, mirrors, nonce } = asked()
    mirrors.received(owner, full(nonce - 1, { a: "1" }), 0)
    mirrors.received({ ...owner, generation: 2 }, full(nonce, { a: "1" }), 0)
    mirrors.received({ name: "stranger", generation: 1 }, full(nonce, { a: "1" }), 0)
    assert.deepStrictEqual([entriesOf({ mirrors }), counts["ignored"], mirrors.take().changes], [{}, 3, []])
  })

  it("ask again with a growing delay after a batch that does not follow, or a part that is missing", () => {
    const { mirrors, nonce } = live()
    const gap = (nonce: number): Part => full(nonce, {}, { from: 5, to: 6 })
    mirrors.received(owner, gap(nonce), 1_000)
    assert.strictEqual(stateOf(mirrors), "stale")
    assert.strictEqual(mirrors.dueAt(), 1_200)
    mirrors.tick(1_199)
    assert.isFalse(mirrors.hasNext("o"))
    mirrors.tick(1_200)
    const again = takeWant(mirrors)
    mirrors.received(owner, full(again.nonce, { a: "1" }, { index: 1 }), 2_000)
    assert.strictEqual(mirrors.dueAt(), 2_400)
    assert.deepStrictEqual(entriesOf({ mirrors }), { a: "1", b: "2" })
  })

  it("drop a copy that has not the checksum of its owner, and ask again for everything", () => {
    const { counts, mirrors, nonce } = live()
    const end = { count: 2, check: 1 }
    const items = [setItem("a", bytes("3"))]
    mirrors.received(owner, { _tag: "Part", nonce, epoch: 7, from: 1, to: 2, index: 0, end, items }, 0)
    assert.deepStrictEqual([counts["diverged"], entriesOf({ mirrors })], [1, {}])
    assert.deepStrictEqual(
      mirrors.take().dropped.map(({ why }) => why),
      ["diverged"],
    )
    mirrors.tick(200)
    assert.deepStrictEqual(takeWant(mirrors), { _tag: "Want", nonce: nonce + 1, epoch: 0, version: 0 })
  })

  it("drop the entries of a member that is gone or replaced, and keep those of one without a link", () => {
    for (const why of ["left", "failed", "disconnected"] as const) {
      const { mirrors } = live()
      mirrors.memberChanged(member("indirect", 1, "suspect"), 0)
      assert.deepStrictEqual(entriesOf({ mirrors }), { a: "1", b: "2" })
      mirrors.memberGone("o", why)
      assert.deepStrictEqual([entriesOf({ mirrors }), mirrors.owner("o")], [{}, undefined])
      assert.deepStrictEqual(
        mirrors.take().dropped.map((each) => each.why),
        [why],
      )
    }
    const { mirrors } = live()
    mirrors.memberChanged(member("up", 2), 0)
    assert.deepStrictEqual([entriesOf({ mirrors }), stateOf(mirrors)], [{}, "syncing"])
  })

  it("drop the entries of a peer that has not read the map for a while although its link is up", () => {
    const { mirrors } = live()
    mirrors.readersChanged([], 1_000)
    assert.deepStrictEqual([stateOf(mirrors), mirrors.dueAt()], ["stale", 1_000 + absentMillis])
    mirrors.readersChanged([reading({ session: 2 })], 1_500)
    assert.deepStrictEqual([stateOf(mirrors), mirrors.dueAt()], ["stale", 1_500 + 5_000])
    mirrors.readersChanged([], 2_000)
    mirrors.tick(2_000 + absentMillis)
    assert.deepStrictEqual([stateOf(mirrors), entriesOf({ mirrors }), mirrors.dueAt()], ["absent", {}, Infinity])
  })

  it("do at a deadline what is due, whatever the fraction of a millisecond", () => {
    for (let i = 0; i < 3_000; i++) {
      const { mirrors } = make()
      mirrors.memberChanged(member(), i * 1.001)
      mirrors.tick(mirrors.dueAt())
      assert.strictEqual(stateOf(mirrors), "absent", `silent since ${i * 1.001} ms`)
    }
  })

  it("refuse an owner with too many entries or bytes, and tell it to stop", () => {
    for (const bounds of [
      { entries: 2, bytes: 1_000 },
      { entries: 100, bytes: 5 },
    ]) {
      const { counts, mirrors, nonce } = asked(bounds)
      mirrors.received(owner, full(nonce, { a: "1", b: "2", c: "3" }), 0)
      assert.deepStrictEqual([stateOf(mirrors), entriesOf({ mirrors }), counts["refused"]], ["refused", {}, 1])
      assert.deepStrictEqual(mirrors.next("o"), { _tag: "Stop" })
      mirrors.received(owner, full(nonce, { a: "1" }), 0)
      assert.deepStrictEqual(entriesOf({ mirrors }), {})
      mirrors.readersChanged([reading({ session: 2 })], 0)
      assert.strictEqual(takeWant(mirrors).version, 0)
    }
  })

  it("keep at most twice the bounds of a batch that never ends", () => {
    const { mirrors, nonce } = asked({ entries: 10, bytes: 10_000 })
    let parts = 0
    for (let index = 0; stateOf(mirrors) !== "refused"; index++) {
      const items = [setItem(`k${index}`, bytes("1"))]
      mirrors.received(owner, full(nonce, {}, { index, end: undefined, items }), 0)
      assert.isBelow(++parts, 100)
    }
    assert.strictEqual(parts, 21)
  })

  it("ask again after a request that could not be sent, and refuse a peer that never accepts it", () => {
    const { mirrors, nonce } = asked()
    mirrors.failed("o", nonce, false, 0)
    assert.strictEqual(mirrors.dueAt(), 200)
    mirrors.tick(200)
    mirrors.failed("o", takeWant(mirrors).nonce, true, 200)
    assert.strictEqual(stateOf(mirrors), "refused")
  })

  it("repeat a request without an answer, later each time, and not while parts arrive", () => {
    const { mirrors } = make()
    mirrors.memberChanged(member(), 0)
    mirrors.readersChanged([reading()], 0)
    const { nonce } = takeWant(mirrors)
    assert.strictEqual(mirrors.dueAt(), 5_000)
    mirrors.tick(5_000)
    assert.strictEqual(takeWant(mirrors).nonce, nonce + 1)
    assert.strictEqual(mirrors.dueAt(), 15_000)
    mirrors.received(owner, full(nonce + 1, { a: "1" }, { end: undefined }), 14_000)
    mirrors.tick(15_000)
    assert.isFalse(mirrors.hasNext("o"))
    assert.strictEqual(mirrors.dueAt(), 24_000)
  })

  it("count their requests by the reason for each", () => {
    const { counts, mirrors, nonce } = live()
    const requests = () => Object.fromEntries(Object.entries(counts).filter(([what]) => what.startsWith("asks ")))
    let next = nonce
    /** Asks again at a time, and returns the requests so far. */
    const askAt = (now: number) => {
      mirrors.tick(now)
      next = takeWant(mirrors).nonce
      return requests()
    }
    assert.deepStrictEqual(requests(), { "asks opened": 1 })
    mirrors.received(owner, full(next, {}, { from: 5, to: 6 }), 0)
    assert.deepStrictEqual(askAt(200), { "asks opened": 1, "asks gap": 1 })
    mirrors.failed("o", next, false, 200)
    assert.deepStrictEqual(askAt(600), { "asks opened": 1, "asks gap": 1, "asks notSent": 1 })
    const asked = { "asks opened": 1, "asks gap": 1, "asks notSent": 1, "asks unanswered": 1 }
    assert.deepStrictEqual(askAt(mirrors.dueAt()), asked)
    mirrors.received(owner, full(next, { a: "1" }, { end: { count: 2, check: 0 } }), 60_000)
    assert.deepStrictEqual(askAt(mirrors.dueAt()), { ...asked, "asks diverged": 1 })
    mirrors.readersChanged([reading({ session: 2 })], 90_000)
    assert.deepStrictEqual(askAt(90_000), { ...asked, "asks diverged": 1, "asks opened": 2 })
  })

  it("are synced when every member with a link is live, absent or refused", () => {
    const { mirrors } = make()
    assert.isTrue(mirrors.isSynced())
    mirrors.memberChanged(member(), 0)
    assert.isFalse(mirrors.isSynced())
    mirrors.tick(absentMillis)
    assert.isTrue(mirrors.isSynced())
    mirrors.readersChanged([reading()], absentMillis)
    assert.isFalse(mirrors.isSynced())
    mirrors.received(owner, full(takeWant(mirrors).nonce, {}), absentMillis)
    assert.isTrue(mirrors.isSynced())
  })

  it("are synced without a member that has not sent its entries for a minute, however often it opens the map", () => {
    const { mirrors } = make()
    mirrors.memberChanged(member(), 0)
    let opening = 0
    // The link is lost for 10 of 20 seconds, and the map is opened again each time.
    for (let now = 0; now < 120_000; now += 20_000) {
      assert.isFalse(mirrors.isSynced(), `after ${now} ms`)
      mirrors.readersChanged([reading({ opening: ++opening })], now)
      mirrors.memberChanged(member("down"), now + 10_000)
      assert.isTrue(mirrors.isSynced())
      mirrors.memberChanged(member(), now + 20_000)
    }
    assert.isTrue(mirrors.isSynced())
    assert.deepStrictEqual([...mirrors.take().overdue], ["o"])
    mirrors.readersChanged([reading({ opening: ++opening })], 130_000)
    assert.isTrue(mirrors.isSynced())
    assert.strictEqual(stateOf(mirrors), "syncing")
    mirrors.received(owner, full(takeWant(mirrors).nonce, { a: "1" }), 130_000)
    assert.strictEqual(stateOf(mirrors), "live")
    mirrors.readersChanged([reading({ opening: ++opening })], 140_000)
    assert.isFalse(mirrors.isSynced())
    mirrors.tick(mirrors.dueAt())
    mirrors.tick(200_000)
    assert.isTrue(mirrors.isSynced())
    assert.deepStrictEqual([...mirrors.take().overdue], ["o"])
  })

  it("forget the members that a new snapshot of the view does not have", () => {
    const { mirrors } = live()
    mirrors.snapshot(new Map([["o", member()]]), 0)
    assert.strictEqual(stateOf(mirrors), "live")
    mirrors.snapshot(new Map(), 0)
    assert.deepStrictEqual([mirrors.owner("o"), entriesOf({ mirrors })], [undefined, {}])
  })
})
