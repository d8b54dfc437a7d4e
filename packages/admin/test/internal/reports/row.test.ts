import { Report } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { makeRow, readRow, writeRow } from "../../../src/internal/reports/row.ts"
import { dial, inspection, link, peer } from "../../inspections.ts"
import { row } from "../../rows.ts"

const roundTrip = { lastMillis: 1, minMillis: 0.2, medianMillis: 0.5004, maxMillis: 9, samples: 3, agoMillis: 1 }
const failed = dial({ agoMillis: 3.6, attempts: 2 })

const problem = (text: string, from = "a") => Result.getOrThrow(Result.flip(readRow(text, from)))

describe("the row of a node", () => {
  it("has its peers by columns, members first", () => {
    const made = makeRow(
      inspection({
        partition: ["x"],
        peers: [
          peer("f", { status: "failed", link: "down", connection: undefined, failedForMillis: 4_000.2, dial: failed }),
          peer("b", { connection: link({ roundTrip }) }),
          peer("s", { status: "suspect", link: "indirect", connection: undefined, through: "b", generation: 9 }),
        ],
      }),
      70.6,
    )
    assert.deepStrictEqual(
      made,
      row(
        "a",
        { b: "au", s: "si", f: "fd" },
        {
          generation: 7,
          at: 61_000,
          unchangedMillis: 71,
          viewHash: "00000000000000ff",
          partition: ["x"],
          generations: [1, 9, 1],
          roundTripMicros: [500, -1, -1],
          heardMillis: [12, -1, -1],
          through: { 1: "b" },
          dial: { 2: { address: "10.0.0.9:24868", reason: "timeout", agoMillis: 4, attempts: 2 } },
          failedMillis: { 2: 4_000 },
        },
      ),
    )
    assert.deepStrictEqual(readRow(writeRow(made), "a"), Result.succeed(made))
  })

  it("is read with fields and words of later versions", () => {
    const later = { ...row("a", { b: "zq" }), phase: "dreaming", schema: 2, color: "green" }
    const found = Result.getOrThrow(readRow(JSON.stringify(later), "a"))
    assert.deepStrictEqual([found.phase, found.status, found.link], ["dreaming", "z", "q"])
  })

  it("is refused if it is no row, is too long, or contradicts itself", () => {
    const good = row("a", { b: "au", c: "au" })
    assert.include(problem("{"), "not a row")
    assert.include(problem("null"), "not a row")
    assert.include(problem(JSON.stringify({ ...good, names: "b" })), "not a row")
    assert.include(problem(JSON.stringify(good), "b"), "the name of another node")
    assert.include(problem(JSON.stringify({ ...good, status: "a" })), "lengths")
    assert.include(problem(JSON.stringify({ ...good, names: ["b", "b"] })), "twice")
    assert.include(problem(" ".repeat(Report.maxRowLength + 1)), "longer than")
    const many = Array.from({ length: Report.maxRowPeers + 1 }, (_, i) => `${i}`)
    assert.include(problem(JSON.stringify({ ...good, names: many })), "not a row")
  })

  it("keeps its bounds with any number of peers and names of any length", () => {
    const peers = Array.from({ length: 5_000 }, (_, i) => peer(`${i}${"é".repeat(62)}`, { dial: failed }))
    const text = writeRow(makeRow(inspection({ peers }), 0))
    assert.isAtMost(text.length, Report.maxRowLength)
    const found = Result.getOrThrow(readRow(text, "a"))
    assert.isAbove(found.names.length, 1_000)
    assert.strictEqual(found.names[0], peers[0]?.name)
  })
})
