/** Selection of the records of one frame that are merged. */
import { assert, describe, expect, it } from "@effect/vitest"
import { newestRecords } from "../../src/membership/newestRecords.ts"
import * as PeerRecord from "../../src/protocol/PeerRecord.ts"
import { b, bodyOf, c, claim, eventsOf, linkedTo, recordOf, update } from "./support.ts"

describe("of the records of one life in a frame", () => {
  it("only the newest incarnation is kept", () => {
    const records = [0, 3, 1, 2].map((incarnation) => recordOf("x", { incarnation }))
    expect(newestRecords(records)).toStrictEqual([records[1]])
  })

  it("no record is kept or dropped because of another life", () => {
    const lives = [5, 7, 6].map((generation) => recordOf("x", { generation, incarnation: 9 - generation }))
    expect(newestRecords(lives)).toStrictEqual(lives)
  })

  it("each accuser is kept once, together with the record without an accusation", () => {
    const alive = recordOf("x")
    const accusations = ["p", "q", "p"].map((by) => claim(alive, "suspect", 0, by))
    const failed = claim(alive, "failed", 0, "p")
    expect(newestRecords([alive, ...accusations, failed, { ...alive }])).toStrictEqual([
      alive,
      accusations[0],
      accusations[1],
      failed,
    ])
  })

  it("the end of the life is kept with the record of its incarnation, and dropped with an older record", () => {
    const left = recordOf("x", { status: "left", incarnation: 1 })
    const alive = recordOf("x", { incarnation: 1 })
    expect(newestRecords([left, alive, { ...left }])).toStrictEqual([left, alive])
    expect(newestRecords([recordOf("x", { status: "left" }), alive])).toStrictEqual([alive])
  })

  it("the greater of two bodies of one incarnation is kept, in any order", () => {
    const pair = ["1", "2"].map((v) => recordOf("x", { body: bodyOf("x", { v }) }))
    const greater = [...pair].sort(PeerRecord.compare)[1]
    expect(newestRecords(pair)).toStrictEqual([greater])
    expect(newestRecords(pair.toReversed())).toStrictEqual([greater])
  })

  it("records of other names keep their order", () => {
    const records = [c, b, recordOf("x"), recordOf("x", { incarnation: 1 })]
    expect(newestRecords(records)).toStrictEqual([c, b, records[3]])
    expect(newestRecords([c, b])).toStrictEqual([c, b])
  })
})

describe("a frame with many records of one name", () => {
  const versions = Array.from({ length: 31 }, (_, i) =>
    recordOf("b", { incarnation: i + 1, body: bodyOf("b", { v: `${i}` }) }),
  )

  it("in an Update changes the member once", () => {
    const a = linkedTo([b, c])
    expect(eventsOf(a.hear(1_000, c, update(...versions)))).toStrictEqual(["MetadataChanged b"])
    assert.strictEqual(a.state().members.get("b")?.record.incarnation, 31)
  })

  it("in an answer of anti-entropy changes the member once", () => {
    const a = linkedTo([b, c])
    const outputs = a.hear(1_000, c, { _tag: "SyncDelta", records: versions, want: [] })
    expect(eventsOf(outputs)).toStrictEqual(["MetadataChanged b"])
  })
})
