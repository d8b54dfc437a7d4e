/**
 * Answers to the requests of peers (docs/protocol.md, section "Anti-entropy"): the memory per waiting peer is bounded.
 */
import { describe, expect, it } from "@effect/vitest"
import type { Output } from "../../src/membership/Draft.ts"
import type { Key, PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { maxChunkBytes, recordBytes, textBytes } from "../../src/protocol/recordSize.ts"
import type { Node } from "./support.ts"
import { b, bodyOf, c, claim, d, framesOf, linkedTo, loseLink, recordOf, recordsSent, update, wall } from "./support.ts"

/** Members whose records take 8 KB each. */
const large = Array.from({ length: 100 }, (_, i) =>
  recordOf(`p${i}`, { body: bodyOf(`p${i}`, { note: "x".repeat(2_600) }) }),
)

const names = large.map(({ name }) => name)

const want = (...wanted: ReadonlyArray<string>) => ({ _tag: "SyncDelta", records: [], want: wanted }) as const

const digest = (entries: ReadonlyArray<Key>, last = true) => ({ _tag: "SyncDigest", entries, last }) as const

const deltas = (outputs: ReadonlyArray<Output>) => framesOf(outputs, "SyncDelta")

const namesIn = (outputs: ReadonlyArray<Output>) =>
  deltas(outputs).flatMap(({ frame }) => frame.records.map(({ name }) => name))

/** Returns the upper bound of the size of all frames with records. */
const bytesOf = (outputs: ReadonlyArray<Output>): number => {
  let bytes = 0
  for (const { frame } of framesOf(outputs, "SyncDelta")) {
    for (const record of frame.records) bytes += recordBytes(record)
    for (const name of frame.want) bytes += textBytes(name)
  }
  for (const { frame } of framesOf(outputs, "Update")) for (const record of frame.records) bytes += recordBytes(record)
  return bytes
}

/** Reports written answers to a peer until no more answers follow. Returns all outputs. */
const writeAll = (node: Node, now: number, peer: PeerRecord): ReadonlyArray<Output> => {
  const all: Array<Output> = []
  for (let i = 0; i < 1_000; i++) {
    const outputs = node.at(now, { _tag: "AnswerWritten", peer })
    if (outputs.length === 0) return all
    expect(bytesOf(outputs)).toBeLessThanOrEqual(maxChunkBytes)
    all.push(...outputs)
  }
  throw new Error("the answer does not end")
}

describe("an answer", () => {
  it("arrives in pieces of 64 KiB, each after the previous one is written", () => {
    const a = linkedTo([b, ...large])
    const first = a.hear(1_000, b, want(...names))
    expect(bytesOf(first)).toBeLessThanOrEqual(maxChunkBytes)
    expect(deltas(first)).toHaveLength(1)
    expect([...namesIn(first), ...namesIn(writeAll(a, 1_100, b))]).toStrictEqual(names)
  })

  it("costs nothing more if the peer asks again while it waits", () => {
    const a = linkedTo([b, ...large])
    const asked: Array<Output> = []
    for (let i = 0; i < 50; i++) asked.push(...a.hear(1_000 + i, b, want(...names)))
    expect(bytesOf(asked)).toBeLessThanOrEqual(maxChunkBytes)
    // The piece in flight is sent again, and each other record once.
    expect(namesIn(writeAll(a, 2_000, b)).length).toBeLessThanOrEqual(names.length)
  })

  it("to a digest costs nothing more if the peer sends the digest again while the answer waits", () => {
    const a = linkedTo([b, ...large])
    const asked: Array<Output> = []
    for (let i = 0; i < 50; i++) asked.push(...a.hear(1_000 + i, b, digest([])))
    expect(bytesOf(asked)).toBeLessThanOrEqual(maxChunkBytes)
    // One answer was in flight, and one answers the newest digest.
    const rest = writeAll(a, 2_000, b)
    expect(namesIn(asked).length + namesIn(rest).length).toBe(2 * (names.length + 2))
  })

  it("to each of eight peers waits in one piece, however often they ask", () => {
    const peers = Array.from({ length: 8 }, (_, i) => recordOf(`q${i}`))
    const a = linkedTo([...peers, ...large])
    const asked: Array<Output> = []
    for (let i = 0; i < 20; i++) {
      for (const peer of peers) asked.push(...a.hear(1_000 + i, peer, want(...names)))
      for (const peer of peers) asked.push(...a.hear(1_000 + i, peer, digest([])))
    }
    expect(bytesOf(asked)).toBeLessThanOrEqual(peers.length * maxChunkBytes)
  })

  it("contains the newest record, and the record of a peer that left meanwhile", () => {
    const a = linkedTo([b, c, ...large])
    a.hear(1_000, b, want(...names, "c"))
    const [last] = large.slice(-1)
    if (last === undefined) throw new Error("expected a record")
    a.hear(1_010, last, update(claim(last, "alive", 3)))
    a.hear(1_010, c, { _tag: "Leave", generation: wall })
    const records = deltas(writeAll(a, 1_100, b)).flatMap(({ frame }) => frame.records)
    expect(records.find(({ name }) => name === last.name)?.incarnation).toBe(3)
    expect(records.find(({ name }) => name === "c")?.status).toBe("left")
  })

  it("is sent to a digest without news, even if it had to wait", () => {
    const a = linkedTo([b])
    const entries = [recordOf("a"), b]
    expect(deltas(a.hear(1_000, b, digest(entries)))).toMatchObject([{ frame: { records: [], want: [] } }])
    expect(a.hear(1_010, b, digest(entries))).toStrictEqual([])
    expect(deltas(writeAll(a, 1_100, b))).toMatchObject([{ frame: { records: [], want: [] } }])
  })

  it("requests at most the number of names that fit one frame", () => {
    const a = linkedTo([b])
    const entries = Array.from({ length: 3_000 }, (_, i): Key => recordOf(`x${i}`))
    const outputs = a.hear(1_000, b, digest(entries))
    const wanted = [...deltas(outputs), ...deltas(writeAll(a, 1_100, b))].map(({ frame }) => frame.want)
    for (const part of wanted) expect(part.length).toBeLessThanOrEqual(1_024)
    expect(wanted.flat()).toStrictEqual(entries.map(({ name }) => name))
  })

  it("contains a name once that two frames of a digest repeat", () => {
    const a = linkedTo([b, c])
    const older: Key = { ...c, generation: wall - 1 }
    a.hear(1_000, b, digest([older, claim(d, "alive", 1)], false))
    a.hear(1_000, b, digest([older, claim(d, "alive", 2)], false))
    const [delta] = deltas(a.hear(1_000, b, digest([recordOf("a"), b, older])))
    expect(delta?.frame).toMatchObject({ records: [{ name: "c" }], want: ["d"] })
  })

  it("that was not written within syncTimeout does not delay further requests", () => {
    const a = linkedTo([b, ...large])
    a.hear(1_000, b, want(...names))
    expect(a.hear(5_999, b, want("p0"))).toStrictEqual([])
    expect(namesIn(a.hear(6_000, b, want("p1")))).toStrictEqual(["p1"])
  })

  it("ends with the link, and with the life of the peer", () => {
    const a = linkedTo([b, c, ...large])
    a.hear(1_000, b, want(...names))
    loseLink(a, 1_100, b)
    a.meet(1_200, b)
    expect(namesIn(a.hear(1_300, b, want("c")))).toStrictEqual(["c"])
    expect(writeAll(a, 1_400, b)).toStrictEqual([])
    a.hear(2_000, b, digest([recordOf("a")], false))
    a.hear(2_000, b, want(...names))
    const newer = { ...b, generation: wall + 1 }
    a.meet(2_100, newer)
    expect(a.at(2_200, { _tag: "AnswerWritten", peer: b })).toStrictEqual([])
    expect(namesIn(a.hear(2_300, newer, want("c")))).toStrictEqual(["c"])
    expect(a.state().digests.size).toBe(0)
  })
})

describe("the newer record of a life that a peer asks about", () => {
  const ask = (node: Node, now: number, target: PeerRecord) =>
    node.hear(now, b, { _tag: "ProbeRequest", id: 7, target: target.name, generation: wall - 1, deadline: 500 })

  it("is sent once while it waits, however often the peer asks", () => {
    const [first, second] = large
    if (first === undefined || second === undefined) throw new Error("expected two records")
    const a = linkedTo([b, ...large])
    const outputs: Array<Output> = []
    for (let i = 0; i < 50; i++) outputs.push(...ask(a, 1_000, first), ...ask(a, 1_000, second))
    expect(recordsSent(outputs, first.name)).toHaveLength(1)
    expect(bytesOf(outputs)).toBeLessThanOrEqual(maxChunkBytes)
    expect(framesOf(outputs, "ProbeResult")).toHaveLength(100)
    expect(new Set(namesIn(writeAll(a, 1_100, b)))).toStrictEqual(new Set([first.name, second.name]))
  })
})
