/** Comparison of views and exchange of differences (docs/protocol.md, section "Anti-entropy"). */
import { describe, expect, it } from "@effect/vitest"
import type { Key, PeerRecord } from "../../src/protocol/PeerRecord.ts"
import type { Node } from "./support.ts"
import { wall, recordOf, b, c, d, claim, nodeOf, linkedTo, loseLink, eventsOf, framesOf } from "./support.ts"

describe("anti-entropy", () => {
  const differ = (node: Node, now: number, viewHash: bigint) =>
    framesOf(node.at(now, { _tag: "HashDiffers", from: "b", viewHash }), "SyncDigest")

  it("starts with the second heartbeat in a row that has the same difference", () => {
    const a = linkedTo([b])
    expect(differ(a, 1_000, 1n)).toHaveLength(0)
    expect(differ(a, 2_000, 2n)).toHaveLength(0)
    expect(differ(a, 3_000, 2n)).toMatchObject([
      { to: ["b"], frame: { entries: [{ name: "a" }, { name: "b" }], last: true } },
    ])
  })

  it("has one exchange at a time, and gives up an exchange without an answer", () => {
    const a = linkedTo([b])
    differ(a, 1_000, 1n)
    expect(differ(a, 2_000, 1n)).toHaveLength(1)
    expect(differ(a, 3_000, 2n)).toHaveLength(0)
    expect(differ(a, 4_000, 2n)).toHaveLength(0)
    a.until(7_000)
    expect(differ(a, 7_001, 2n)).toHaveLength(1)
  })

  it("does not compare two hashes again within syncRetry if an exchange did not make them equal", () => {
    const a = linkedTo([b])
    differ(a, 1_000, 1n)
    expect(differ(a, 2_000, 1n)).toHaveLength(1)
    a.hear(2_100, b, { _tag: "SyncDelta", records: [], want: [] })
    expect(differ(a, 3_000, 1n)).toHaveLength(0)
    expect(differ(a, 31_999, 1n)).toHaveLength(0)
    expect(differ(a, 32_000, 1n)).toHaveLength(1)
  })

  it("starts no more exchanges than syncInterval allows", () => {
    const a = linkedTo([b])
    differ(a, 1_000, 1n)
    expect(differ(a, 1_001, 1n)).toHaveLength(1)
    a.hear(1_002, b, { _tag: "SyncDelta", records: [], want: [] })
    differ(a, 1_003, 2n)
    expect(differ(a, 1_250, 2n)).toHaveLength(0)
    expect(differ(a, 1_251, 2n)).toHaveLength(1)
  })

  /**
   * Makes a peer show hashes that differ each time and never bring news, and another peer show one hash. Returns the
   * number of digests to each in five minutes.
   */
  const digestsBeside = (isFaulty: boolean, answers: boolean) => {
    const a = linkedTo([b, c])
    const sent = { b: 0, c: 0 }
    for (let now = 1_000; now < 301_000; now += 10) {
      const differing = isFaulty
        ? a.at(now, { _tag: "HashDiffers", from: "c", viewHash: BigInt(now - (now % 20)) })
        : []
      const steady = now % 1_000 === 0 ? a.at(now, { _tag: "HashDiffers", from: "b", viewHash: 7n }) : []
      const ticked = now % 100 === 0 ? a.at(now, { _tag: "Tick" }) : []
      for (const { to } of framesOf([...differing, ...steady, ...ticked], "SyncDigest")) {
        const peer = to.includes("b") ? b : c
        sent[peer === b ? "b" : "c"]++
        if (peer === b || answers) a.hear(now, peer, { _tag: "SyncDelta", records: [], want: [] })
      }
    }
    return sent
  }

  for (const answers of [true, false]) {
    it(`reaches the other peers beside a faulty peer that ${answers ? "answers" : "does not answer"}`, () => {
      expect(digestsBeside(false, answers)).toStrictEqual({ b: 10, c: 0 })
      const { b: steady, c: faulty } = digestsBeside(true, answers)
      expect(steady).toBeGreaterThanOrEqual(9)
      // One in 30 seconds, and the first ones.
      expect(faulty).toBeLessThanOrEqual(20)
    })
  }

  it("does not pause after an exchange that changed the view of this node", () => {
    const a = linkedTo([b])
    let now = 1_000
    let hash = 1n
    const exchange = (records: ReadonlyArray<PeerRecord>) => {
      hash++
      differ(a, now, hash)
      const started = differ(a, now + 1, hash).length
      a.hear(now + 2, b, { _tag: "SyncDelta", records, want: [] })
      now += 300
      return started
    }
    expect([exchange([]), exchange([]), exchange([])]).toStrictEqual([1, 1, 0])
    const other = linkedTo([b, c])
    const news = (incarnation: number) => [claim(c, "alive", incarnation)]
    now = 1_000
    const starts = [1, 2, 3, 4, 5].map((incarnation) => {
      hash++
      differ(other, now, hash)
      const started = differ(other, now + 1, hash).length
      other.hear(now + 2, b, { _tag: "SyncDelta", records: news(incarnation), want: [] })
      now += 300
      return started
    })
    expect(starts).toStrictEqual([1, 1, 1, 1, 1])
  })

  it("makes two views equal, including a peer that left", () => {
    // a knows that c left, and has the newest record of d. b knows neither, and has lost its link to c.
    const a = nodeOf("a")
    const bNode = nodeOf("b")
    a.meet(0, b)
    bNode.meet(0, recordOf("a"))
    bNode.hear(0, recordOf("a"), { _tag: "SyncDelta", records: [], want: [] })
    a.meet(0, c)
    a.meet(0, claim(d, "alive", 2))
    bNode.meet(0, c)
    loseLink(bNode, 0, c)
    bNode.meet(0, d)
    a.hear(1, c, { _tag: "Leave", generation: wall })
    loseLink(bNode, 1, c)
    for (const node of [a, bNode]) node.until(100)
    expect(bNode.state().viewHash).not.toBe(a.state().viewHash)
    bNode.at(1_000, { _tag: "HashDiffers", from: "a", viewHash: a.state().viewHash })
    const digests = framesOf(
      bNode.at(2_000, { _tag: "HashDiffers", from: "a", viewHash: a.state().viewHash }),
      "SyncDigest",
    )
    expect(digests).toHaveLength(1)
    const deltas = digests.flatMap(({ frame }) => framesOf(a.hear(2_001, b, frame), "SyncDelta"))
    expect(deltas).toHaveLength(1)
    for (const { frame } of deltas) bNode.hear(2_002, recordOf("a"), frame)
    expect(bNode.state().viewHash).toBe(a.state().viewHash)
    expect(bNode.state().tombstones.get("c")?.status).toBe("left")
    expect(bNode.state().sync).toBeUndefined()
  })

  it("says nothing about a life that is earlier than the life of a tombstone", () => {
    const later = { ...c, generation: wall + 1 }
    const a = linkedTo([b, later])
    a.hear(1_000, later, { _tag: "Leave", generation: later.generation })
    const digest = (entry: Key) => ({ _tag: "SyncDigest", entries: [recordOf("a"), b, entry], last: true }) as const
    expect(framesOf(a.hear(1_100, b, digest(c)), "SyncDelta")).toMatchObject([{ frame: { records: [], want: [] } }])
    a.at(1_200, { _tag: "AnswerWritten", peer: b })
    expect(framesOf(a.hear(1_300, b, digest(later)), "SyncDelta")).toMatchObject([
      { frame: { records: [{ name: "c", generation: later.generation, status: "left" }], want: [] } },
    ])
  })

  it("requests the records that are greater in the digest, and sends the requested records", () => {
    const a = linkedTo([b, c])
    const entries: ReadonlyArray<Key> = [claim(c, "alive", 3), d]
    const [delta] = framesOf(a.hear(1_000, b, { _tag: "SyncDigest", entries, last: true }), "SyncDelta")
    expect(delta?.frame.want).toStrictEqual(["c", "d"])
    expect(delta?.frame.records.map(({ name }) => name)).toStrictEqual(["b", "a"])
    a.at(1_050, { _tag: "AnswerWritten", peer: b })
    const answer = framesOf(a.hear(1_100, b, { _tag: "SyncDelta", records: [], want: ["c", "a", "x"] }), "SyncDelta")
    expect(answer).toMatchObject([{ to: ["b"], frame: { records: [{ name: "c" }, { name: "a" }], want: [] } }])
  })

  it("answers a digest after its last frame", () => {
    const a = linkedTo([b, c])
    expect(a.hear(1_000, b, { _tag: "SyncDigest", entries: [recordOf("a"), b], last: false })).toStrictEqual([])
    const outputs = a.hear(1_100, b, { _tag: "SyncDigest", entries: [c], last: true })
    expect(framesOf(outputs, "SyncDelta")).toMatchObject([{ frame: { records: [], want: [] } }])
  })

  it("ignores a digest with more entries than the maximum number of members", () => {
    const a = linkedTo([b], { maxMembers: 3 })
    const entries = Array.from({ length: 3 }, (_, i): Key => recordOf(`x${i}`))
    a.hear(1_000, b, { _tag: "SyncDigest", entries, last: false })
    expect(eventsOf(a.hear(1_000, b, { _tag: "SyncDigest", entries, last: false }))).toStrictEqual(["Diagnostic"])
    expect(a.state().digests.size).toBe(0)
  })

  it("drops the exchange and the digest of a peer whose link is lost", () => {
    const a = linkedTo([b, c])
    a.hear(1_000, b, { _tag: "SyncDigest", entries: [c], last: false })
    differ(a, 1_000, 1n)
    differ(a, 2_000, 1n)
    loseLink(a, 2_100, b)
    expect(a.state().sync).toBeUndefined()
    expect(a.state().digests.size).toBe(0)
  })

  it("over a new link is started by the lower name if the views differ", () => {
    const a = linkedTo([b])
    expect(framesOf(a.meet(1_000, c, { viewHash: 5n }), "SyncDigest")).toHaveLength(1)
    const z = nodeOf("z")
    z.meet(0, b)
    z.hear(0, b, { _tag: "SyncDelta", records: [], want: [] })
    expect(framesOf(z.meet(1_000, c, { viewHash: 5n }), "SyncDigest")).toHaveLength(0)
  })

  it("over the first link of a node is started by either name", () => {
    for (const name of ["a", "z"]) {
      const node = nodeOf(name)
      expect(framesOf(node.meet(0, b, { viewHash: 5n }), "SyncDigest")).toMatchObject([{ to: ["b"] }])
      expect(node.state().sync?.peer).toBe("b")
    }
  })

  it("over many simultaneous new links has one exchange", () => {
    const a = linkedTo([b])
    const peers = Array.from({ length: 20 }, (_, i) => recordOf(`p${i}`))
    const outputs = peers.flatMap((peer) => a.meet(1_000, peer, { viewHash: 5n }))
    expect(framesOf(outputs, "SyncDigest")).toHaveLength(1)
  })

  it("ignores the heartbeats of a member without a link", () => {
    const a = linkedTo([b, c])
    loseLink(a, 1_000, b)
    const before = a.state()
    expect([...differ(a, 1_000, 1n), ...differ(a, 2_000, 1n)]).toStrictEqual([])
    expect(a.state()).toBe(before)
  })
})
