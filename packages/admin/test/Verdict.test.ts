/** The sentence about the views of all members, as a table, and its properties. */
import { Report, Verdict } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { cluster, cut, row } from "./rows.ts"

const none: ReadonlyArray<Report.Unanswered> = []

interface Case {
  readonly when: string
  readonly rows: ReadonlyArray<Report.Row>
  readonly unanswered?: ReadonlyArray<Report.Unanswered>
  readonly level: string
  readonly sentence: string
  readonly detail?: string
}

const timeout = (name: string): Report.Unanswered => ({ name, reason: "timeout", message: "no answer" })

/** Possible cells of a matrix. */
const cells = ["au", "au", "au", "ai", "ad", "sd", "fd", "du"]

const apart = { "a>c": "", "a>d": "", "b>c": "", "b>d": "", "c>a": "", "c>b": "", "d>a": "", "d>b": "" }

const cases: ReadonlyArray<Case> = [
  {
    when: "every pair has a link",
    rows: cluster(["a", "b", "c"]),
    level: "ok",
    sentence: "one cluster of 3; every pair has a link",
  },
  { when: "there is one node", rows: [row("a", {})], level: "ok", sentence: "one node, alone" },
  {
    when: "the members do not list each other",
    rows: cluster(["a", "b", "c", "d"], apart),
    level: "critical",
    sentence: "two parts: a b | c d",
  },
  {
    when: "one side suspects a partition",
    rows: [
      row("a", { b: "au", c: "fd", d: "fd" }, { partition: ["d", "c"], failedMillis: { 1: 90_000, 2: 61_000 } }),
      row("b", { a: "au", c: "fd", d: "fd" }),
    ],
    level: "critical",
    sentence: "one cluster of 2, which suspects a partition: c and d lost",
    detail: "c failed 1 minute ago, and is dialed",
  },
  {
    when: "one pair has no link",
    rows: cluster(["a", "b", "c", "d", "e"], cut("c-d")),
    level: "warning",
    sentence: "one cluster of 5; c and d do not reach each other",
  },
  {
    when: "all pairs without a link have one node in common",
    rows: cluster(["a", "b", "c", "d"], cut("b-d", "c-d")),
    level: "warning",
    sentence: "one cluster of 4; d is not reached by b and c",
  },
  {
    when: "many pairs have no link",
    rows: cluster(["a", "b", "c", "d"], cut("a-b", "a-c", "b-c", "c-d")),
    level: "warning",
    sentence:
      "one cluster of 4; a and b do not reach each other, a and c do not reach each other, b and c do not reach each other and 1 more",
  },
  {
    when: "a member is suspected",
    rows: [row("a", { b: "au", c: "sd" }), row("b", { a: "au", c: "sd" })],
    unanswered: [timeout("c")],
    level: "warning",
    sentence: "one cluster of 3; c suspected",
    detail: "c did not answer (timeout)",
  },
  {
    when: "a node is isolated",
    rows: [row("a", { b: "fd" }, { isolated: true })],
    level: "warning",
    sentence: "a reaches no member; b failed",
  },
  {
    when: "one side has a link",
    rows: cluster(["a", "b"], { "b>a": "ad" }),
    level: "warning",
    sentence: "one cluster of 2; b lost its link to a",
    detail: "b has no link to a, which still has its side of a link",
  },
  {
    when: "the views differ",
    rows: cluster(["a", "b", "c"], {}, { c: { viewHash: "01" } }),
    level: "warning",
    sentence: "one cluster of 3; members come or go: views differ",
    detail: "views differ: a and b | c",
  },
  {
    when: "members do not answer",
    rows: [row("a", { b: "au", c: "au" }), row("b", { a: "au", c: "au" })],
    unanswered: [timeout("c")],
    level: "warning",
    sentence: "one cluster of 3; 1 did not answer",
  },
  {
    when: "a member that does not answer has no link to one of those that do",
    rows: cluster(["a", "b", "c", "d"], cut("c-d")).slice(0, 3),
    unanswered: [{ name: "d", reason: "notServing", message: "no admin service" }],
    level: "warning",
    sentence: "one cluster of 4; c and d do not reach each other",
    detail: "d did not answer (notServing)",
  },
  {
    when: "nobody has a link to a member that does not answer",
    rows: cluster(["a", "b", "c"], cut("a-c", "b-c")).slice(0, 2),
    unanswered: [timeout("c")],
    level: "warning",
    sentence: "one cluster of 3; 1 did not answer",
  },
  {
    when: "the node has stopped",
    rows: [row("a", {}, { phase: "stopped" })],
    level: "warning",
    sentence: "one node, alone; a stopped",
  },
  { when: "nobody answers", rows: [], level: "warning", sentence: "no node answered" },
]

describe("the verdict", () => {
  for (const { detail, level, rows, sentence, unanswered = none, when } of cases) {
    it(`says so when ${when}`, () => {
      const verdict = Verdict.make({ rows, unanswered })
      assert.deepStrictEqual([verdict.level, verdict.sentence], [level, sentence])
      if (detail !== undefined) assert.include(verdict.details, detail)
    })
  }

  it("does not depend on the order of the rows", () => {
    for (const { rows, unanswered = none } of cases) {
      const forward = Verdict.make({ rows, unanswered })
      assert.deepStrictEqual(Verdict.make({ rows: [...rows].reverse(), unanswered }), forward)
      assert.deepStrictEqual(Verdict.make({ rows: [...rows.slice(1), ...rows.slice(0, 1)], unanswered }), forward)
    }
  })

  it.effect("of any cluster depends on no order, names only members, and is ok only if every cell is", () =>
    Effect.gen(function* () {
      const cell = Effect.map(Random.nextIntBetween(0, cells.length), (i) => cells[i] ?? "")
      for (let round = 0; round < 200; round++) {
        const names = ["ann", "bob", "cat", "dan", "eve"].slice(0, yield* Random.nextIntBetween(1, 6))
        const rows: Array<Report.Row> = []
        for (const name of names) {
          const peers: Record<string, string> = {}
          for (const peer of names) if (peer !== name) peers[peer] = yield* cell
          const isolated = (yield* Random.next) < 0.1
          if ((yield* Random.next) < 0.9)
            rows.push(row(name, peers, { isolated, viewHash: names.length < 3 ? "0" : "1" }))
        }
        const forward = Verdict.make({ rows, unanswered: none })
        assert.deepStrictEqual(Verdict.make({ rows: rows.toReversed(), unanswered: none }), forward)
        const words = forward.sentence.match(/[a-z]{3}(?![a-z])/g) ?? []
        const strange = words.filter(
          (word) => ["ann", "bob", "cat", "dan", "eve"].includes(word) && !names.includes(word),
        )
        assert.deepStrictEqual(strange, [])
        const isOk = rows.every(({ isolated, link, status }) => !isolated && /^a*$/.test(status) && /^u*$/.test(link))
        if (forward.level === "ok") assert.isTrue(isOk, forward.sentence)
      }
    }).pipe(Random.withSeed("verdict")),
  )

  it("stays critical when another node answers that belongs to neither part", () => {
    const rows = cluster(["a", "b", "c", "d"], apart)
    for (const more of [row("x", {}), row("x", { a: "au" })]) {
      assert.strictEqual(Verdict.make({ rows: [...rows, more], unanswered: none }).level, "critical")
    }
  })

  it("reports warnings soon after a change as settling, and later not", () => {
    const rows = (unchangedMillis: number) =>
      cluster(["a", "b", "c"], {}, { c: { viewHash: "01", unchangedMillis }, a: { unchangedMillis: 90_000 } })
    assert.isTrue(Verdict.make({ rows: rows(Verdict.settlingMillis - 1), unanswered: none }).settling)
    assert.isFalse(Verdict.make({ rows: rows(Verdict.settlingMillis), unanswered: none }).settling)
    const good = cluster(["a", "b"], {}, { a: { unchangedMillis: 0 } })
    assert.isFalse(Verdict.make({ rows: good, unanswered: none }).settling)
  })

  it("has details about versions, generations and the timing of nodes", () => {
    const rows = cluster(["a", "b"], {}, { a: { version: "0.2.0", localHealth: 3 }, b: { generation: 2 } })
    assert.deepStrictEqual(Verdict.make({ rows, unanswered: none }).details, [
      "a distrusts its own timing (3 of 7)",
      "a list another generation of b",
      "versions differ: 0.1.0 (b) and 0.2.0 (a)",
    ])
  })

  it("has details about clocks that differ by more than a minute", () => {
    const hour = 3_600_000
    const details = (ats: ReadonlyArray<number>) => {
      const names = ats.map((_, i) => "abcde".charAt(i))
      const changes = Object.fromEntries(ats.map((at, i) => [names[i], { at }]))
      return Verdict.make({ rows: cluster(names, {}, changes), unanswered: none })
    }
    const now = 1_000 * hour
    assert.deepStrictEqual(details([now, now + 10_000, now - 50_000]).details, [])
    // The rows of one question are up to some seconds apart, which does not count.
    assert.deepStrictEqual(details([now, now + 900, now + hour - 400, now, now - 2 * hour]), {
      level: "ok",
      sentence: "one cluster of 5; every pair has a link",
      details: ["the clock of c is 1 hour ahead of the others", "the clock of e is 2 hours behind the others"],
      settling: false,
    })
    assert.deepStrictEqual(details([now, now + hour]).details, ["the clocks of a and b differ by up to 1 hour"])
  })

  it("escapes characters of names that change a line, and names only what is in the input", () => {
    const bad = "c\u202e\n"
    const { details, sentence } = Verdict.make({
      rows: cluster(["a", "b", bad], cut(`b-${bad}`), { b: { viewHash: "01" } }),
      unanswered: none,
    })
    assert.strictEqual(sentence, "one cluster of 3; b and c\\u{202e}\\u{a} do not reach each other")
    assert.notMatch(details.join(""), /[\n\u202e]/)
  })

  it("reads a cluster of 300", () => {
    const names = Array.from({ length: 300 }, (_, i) => `node-${i}`)
    const { level, sentence } = Verdict.make({ rows: cluster(names), unanswered: none })
    assert.deepStrictEqual([level, sentence], ["ok", "one cluster of 300; every pair has a link"])
  })
})

describe("the rows of several reports", () => {
  it("are merged: the newest row of each name counts", () => {
    const old = row("a", { b: "ad" }, { at: 1 })
    const young = row("a", { b: "au" }, { at: 2 })
    const restarted = row("a", {}, { at: 1, generation: 2 })
    assert.deepStrictEqual(Report.newest([young, old]), [young])
    assert.deepStrictEqual(Report.newest([old, young]), [young])
    assert.deepStrictEqual(Report.newest([young, restarted, old]), [restarted])
  })

  it("survive a report of the cluster, in which each member is named once and both sides have the round-trip time", () => {
    const rows = cluster(["a", "b", "c"], cut("b-c"), {
      b: { roundTripMicros: [-1, -1], generations: [1, 7] },
      a: { dial: { 0: { address: "10.0.0.1:1", reason: "timeout", agoMillis: 4, attempts: 2 } } },
    })
    const verdict = Verdict.make({ rows, unanswered: none })
    const report = Report.makeClusterReport({ askedBy: "a", at: 5, tookMillis: 2, rows, unanswered: none, verdict })
    assert.deepStrictEqual(report.members, [
      { name: "b", generation: 1 },
      { name: "c", generation: 1 },
      { name: "a", generation: 1 },
      { name: "c", generation: 7 },
    ])
    const expected = rows.map((each) => (each.name === "b" ? { ...each, roundTripMicros: [500, -1] } : each))
    assert.deepStrictEqual(Report.rows(report), expected)
  })

  it("have one round-trip time for each link: that of the lower name, or else that of the other side", () => {
    // By code points U+FFFF is lower than U+10000; by UTF-16 units it is higher.
    const [low, high, silent] = ["\uffff", "\u{10000}", "silent"]
    const rows = [
      row("a", { [low]: "au", [high]: "au", [silent]: "au" }, { roundTripMicros: [-1, 700, 900] }),
      row(low, { a: "au", [high]: "au" }, { roundTripMicros: [300, 500] }),
      row(high, { a: "au", [low]: "au" }, { roundTripMicros: [9_000, 9_000] }),
    ]
    const verdict = Verdict.make({ rows, unanswered: none })
    const report = Report.makeClusterReport({ askedBy: "a", at: 5, tookMillis: 2, rows, unanswered: none, verdict })
    assert.deepStrictEqual(
      report.rows.map(({ roundTripMicros }) => roundTripMicros),
      [
        [300, 700, 900],
        [300, 500],
        [700, 500],
      ],
    )
  })
})
