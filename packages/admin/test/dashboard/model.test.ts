/** The values of the dashboard, without a browser. */
import type { Described, Facts } from "@coterie/core/NodeComponents"
import { assert, describe, it } from "@effect/vitest"
import { kindTables, maxComponents, maxRows, rowTable } from "../../dashboard/model/components.ts"
import { EventLog, maxLines } from "../../dashboard/model/EventLog.ts"
import { eventLine } from "../../dashboard/model/eventLine.ts"
import { moved } from "../../dashboard/model/focus.ts"
import { History } from "../../dashboard/model/History.ts"
import { Matrix, maxMembers } from "../../dashboard/model/Matrix.ts"
import { bytesText, durationText, membersOf } from "../../dashboard/model/members.ts"
import { cluster, row } from "../rows.ts"
import { linkOf, peerOf, reportOf, selfOf, stateOf } from "./fakeAdmin.ts"

const textsOf = (matrix: Matrix) =>
  matrix.names.map((_, i) => matrix.names.map((_, j) => matrix.cellAt(i, j).text).join(" "))

describe("the matrix", () => {
  it("has a time for a link, and a sign for every other state", () => {
    const cells = { "a>b": "ai", "a>c": "ad", "b>a": "su", "b>c": "fd", "c>a": "dd", "c>b": "" }
    const matrix = new Matrix(reportOf(cluster(["a", "b", "c"], cells)))
    assert.deepStrictEqual(textsOf(matrix), [" ◐ ○", "!  ✕", "– ∅ "])
    assert.deepStrictEqual(textsOf(new Matrix(reportOf(cluster(["a", "b"])))), [" 0.5", "0.5 "])
  })

  it("has no time of a link that is not up, whatever the row says", () => {
    const rows = [row("a", { b: "ai" }, { roundTripMicros: [700] }), row("b", { a: "su" })]
    const matrix = new Matrix(reportOf(rows))
    assert.deepStrictEqual(textsOf(matrix), [" ◐", "! "])
    assert.notInclude(matrix.cellAt(0, 1).label, "ms")
  })

  it("has the members that did not answer, and letters of later versions, as unknown", () => {
    const unanswered = [{ name: "b", reason: "timeout", message: "no answer" }]
    const matrix = new Matrix(reportOf([row("a", { b: "zz" })], unanswered))
    assert.deepStrictEqual(matrix.names, ["a", "b"])
    assert.deepStrictEqual(textsOf(matrix), [" ?", "? "])
    assert.strictEqual(matrix.cellAt(1, 0).label, "? b did not answer, so its link to a is unknown")
  })

  it("has labels that begin with the visible text and have the reason of the last dial", () => {
    const dial = { 0: { address: "x", reason: "timeout", agoMillis: 1, attempts: 3 } }
    const rows = [row("a", { b: "ai" }, { through: { 0: "c" }, dial }), row("b", { a: "au" })]
    const matrix = new Matrix(reportOf(rows))
    assert.strictEqual(matrix.cellAt(0, 1).label, "◐ a reaches b only through c; its last dial failed: timeout")
    assert.strictEqual(matrix.cellAt(1, 0).label, "0.5 ms: b has a link to a, heard 0.0 s ago")
    assert.deepStrictEqual(matrix.problems(10), ["a reaches b only through c; its last dial failed: timeout"])
    assert.lengthOf(matrix.problems(0), 0)
  })

  it("orders members by problems or by a group, and otherwise by name", () => {
    const matrix = new Matrix(reportOf(cluster(["a", "b", "c", "d"], { "c>d": "ad", "d>c": "ad", "d>a": "ad" })))
    const named = (order: ReadonlyArray<number>) => order.map((i) => matrix.names[i]).join("")
    assert.strictEqual(named(matrix.order("name")), "abcd")
    assert.strictEqual(named(matrix.order("worst")), "dcab")
    assert.strictEqual(named(matrix.order((name) => (name === "c" ? "east" : "west"))), "cabd")
  })

  it("is bounded", () => {
    const names = Array.from({ length: maxMembers + 7 }, (_, i) => String(i))
    const matrix = new Matrix(reportOf([row("a", Object.fromEntries(names.map((name) => [name, "au"])))]))
    assert.strictEqual(matrix.names.length, maxMembers)
    assert.strictEqual(matrix.hidden, 8)
  })
})

describe("the focus", () => {
  it("follows the arrow keys, and stays inside", () => {
    assert.deepStrictEqual(moved([0, 0], "ArrowRight", 2), [0, 1])
    assert.deepStrictEqual(moved([0, 1], "ArrowRight", 2), [0, 1])
    assert.deepStrictEqual(moved([0, 1], "ArrowUp", 2), [0, 1])
    assert.deepStrictEqual(moved([0, 1], "ArrowDown", 2), [1, 1])
    assert.deepStrictEqual(moved([1, 1], "Home", 2), [1, 0])
    assert.deepStrictEqual(moved([1, 0], "End", 2), [1, 1])
    assert.isUndefined(moved([1, 0], "Tab", 2))
  })
})

describe("the members", () => {
  it("have their links and times, or the reason why they did not answer", () => {
    const unanswered = [{ name: "0", reason: "timeout", message: "no answer" }]
    const report = reportOf(cluster(["a", "b", "c"], { "a>b": "ai", "a>c": "fd" }), unanswered)
    const members = membersOf(report, undefined)
    assert.deepStrictEqual(
      members.map(({ links, micros, name, status }) => [name, status, links, micros]),
      [
        ["0", "timeout", "", undefined],
        ["a", "member", "0 of 1", undefined],
        ["b", "member", "2 of 2", 500],
        ["c", "member", "2 of 2", 500],
      ],
    )
  })

  it("have texts of durations and sizes", () => {
    assert.deepStrictEqual([59_999, 120_000, 7_200_000, 172_800_000].map(durationText), ["59 s", "2 min", "2 h", "2 d"])
    assert.deepStrictEqual([1_023, 2_048, 3_145_728].map(bytesText), ["1023 B", "2 KiB", "3.0 MiB"])
  })
})

describe("the history", () => {
  const link = (bytes: number, session = 1) => ({
    ...selfOf("a"),
    peers: [{ ...peerOf("b"), connection: linkOf(bytes, session) }],
  })
  const report = reportOf(cluster(["a", "b"]))

  it("has rates, and none before the second sample or without the report of the node", () => {
    const history = new History()
    history.add(1_000, report, link(0))
    history.add(3_000, report, link(4_096))
    history.add(5_000, report, link(1_024, 2))
    history.add(7_000, report, undefined)
    assert.deepStrictEqual(history.bytes, [
      [1, 3, 5, 7],
      [null, 2, 0.5, null],
      [null, 4, 1, null],
    ])
    assert.deepStrictEqual(history.roundTrips[1], [0.5, 0.5, 0.5, 0.5])
    assert.deepStrictEqual(history.queue[1], [25, 25, 25, null])
  })

  it("keeps five minutes", () => {
    const history = new History()
    for (let i = 0; i < 1_000; i++) history.add(2_000 * i, report, undefined)
    assert.strictEqual(history.lag[0].length, 150)
    assert.strictEqual(history.lag[0].at(-1), 1_998)
  })
})

describe("the log of events", () => {
  it("has the newest first, is bounded, and makes no lines for events that nobody sees", () => {
    const log = new EventLog()
    for (let i = 0; i < 5_000; i++) log.add("Joined", JSON.stringify({ at: 0, event: { peer: { name: `p${i}` } } }))
    const lines = log.lines
    assert.strictEqual(lines.length, maxLines)
    assert.strictEqual(lines[0]?.peer, "p4999")
    assert.strictEqual(log.lines, lines)
    log.add("Left", "{}")
    assert.deepStrictEqual([log.lines[0]?.event, log.lines[1]?.peer, log.lines.length], ["Left", "p4999", maxLines])
  })

  it("takes anything as an event", () => {
    for (const data of ["", "null", "[]", "1", '{"event":null}', '{"at":1e300,"event":{"peer":[]}}']) {
      assert.strictEqual(eventLine(0, "Joined", data).peer, "")
    }
    const seed = { at: 0, event: { address: "h:1", reason: "refused", message: "no\u202e" } }
    const line = eventLine(0, "SeedUnavailable", JSON.stringify(seed))
    assert.deepStrictEqual([line.peer, line.reason], ["h:1", String.raw`refused: no\u{202e}`])
    assert.isAtMost(
      eventLine(0, "Diagnostic", JSON.stringify({ event: { message: "x".repeat(9_999) } })).reason.length,
      201,
    )
  })
})

describe("the components", () => {
  const component = (kind: string, name: string, rows: ReadonlyArray<Facts> = []) => ({
    kind,
    name,
    facts: { ownEntries: 2, ownBytes: 2_048, open: true, at: 0 },
    rows,
  })
  const report = (components: ReadonlyArray<Described>, query = "rows=0") =>
    stateOf("a", components, new URLSearchParams(query))

  it("are in a table for each kind, with their facts in words", () => {
    const shown = kindTables(report([component("map", "jobs", [{}]), component("presence", "x\u202e")]), "")
    assert.deepStrictEqual(
      shown.tables.map(({ columns, label, lines }) => [
        label,
        columns,
        lines.map((line) => [line.label, line.hasRows]),
      ]),
      [
        ["map", ["own entries", "own bytes", "open", "at"], [["jobs", true]]],
        ["presence", ["own entries", "own bytes", "open", "at"], [[String.raw`x\u{202e}`, false]]],
      ],
    )
    assert.deepStrictEqual(shown.tables[0]?.lines[0]?.cells, ["2", "2 KiB", "true", "1970-01-01T00:00:00.000Z"])
  })

  it("are bounded and found by a part of their kind or name", () => {
    const many = Array.from({ length: maxComponents + 7 }, (_, i) => component("presence", `room ${i}`))
    const all = report([component("map", "jobs"), ...many])
    assert.strictEqual(kindTables(all, "").hidden, 8)
    const found = kindTables(all, "ROOM 106")
    assert.deepStrictEqual(
      [found.hidden, found.tables.flatMap(({ lines }) => lines.map(({ name }) => name))],
      [0, ["room 106"]],
    )
    assert.strictEqual(kindTables({ ...all, omitted: { components: 5, rows: 0 } }, "jobs").hidden, 5)
  })

  it("have the rows whose copies are worst first, and then those whose peers lack most", () => {
    const rows = [
      { peer: "live", state: "live", behind: 0 },
      { peer: "slow", state: "live", behind: 7 },
      { peer: "absent", state: "absent" },
      { peer: "stale", state: "stale", behind: 1 },
      { peer: "refused", state: "refused" },
      { peer: "syncing", state: "syncing", behind: 9 },
      { peer: "also stale", state: "stale", behind: 2 },
    ]
    const table = rowTable(report([component("map", "jobs", rows)], "name=jobs").components, "")
    assert.deepStrictEqual(table.columns, ["peer", "state", "behind"])
    assert.deepStrictEqual(
      table.lines.map(([peer]) => peer),
      ["refused", "also stale", "stale", "syncing", "slow", "live", "absent"],
    )
    assert.deepStrictEqual(table.lines[0], ["refused", "refused", ""])
    assert.deepStrictEqual([table.hidden, table.unknown], [0, 0])
  })

  it("have bounded rows, and find a row by a part of any cell", () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => ({ key: `customer ${i}`, owner: i === 900 ? "Bob" : "ann" }))
    const { components } = report([component("placement", "jobs", rows)], "rows=1000")
    const table = rowTable(components, "")
    assert.deepStrictEqual([table.lines.length, table.hidden, table.unknown], [maxRows, 1_000 - maxRows, 99_000])
    const found = rowTable(components, "bob")
    assert.deepStrictEqual([found.lines, found.hidden, found.unknown], [[["customer 900", "Bob"]], 0, 99_000])
    const long = rowTable([component("placement", "jobs", [{ key: "x".repeat(9_999) }])], "")
    assert.isAtMost(long.lines[0]?.[0]?.length ?? 0, 201)
  })
})
