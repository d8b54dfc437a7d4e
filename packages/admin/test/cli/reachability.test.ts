/** Pairs without a link, and the advice for them, from rows of imagined clusters. */
import { assert, describe, it } from "@effect/vitest"
import type { Report } from "@coterie/admin"
import { adviceFor } from "../../src/cli/advice.ts"
import { pairLines, unlinkedPairs } from "../../src/cli/reachability.ts"
import { pairsOf } from "../../src/cli/rtt.ts"
import { cluster, cut, row } from "../rows.ts"

const dial = (reason: string, address = "10.0.0.9:24868", agoMillis = 4_000, attempts = 31) => ({
  address,
  reason,
  agoMillis,
  attempts,
})

/** Returns the rows of a, b, c and d, in which c and d do not reach each other, with the reasons of their dials. */
const cutRows = (there: string, back: string): ReadonlyArray<Report.Row> =>
  cluster(["a", "b", "c", "d"], cut("c-d"), {
    c: { dial: { 2: dial(there, "10.0.3.7:24868") } },
    d: { dial: { 2: dial(back, "10.0.2.9:24868", 2_000, 1) } },
  })

describe("the pairs without a link", () => {
  it("are none if every pair has a link", () => {
    assert.deepStrictEqual(unlinkedPairs(cluster(["a", "b", "c"])), [])
  })

  it("have the dials of both sides, and what to try", () => {
    const [pair, ...others] = unlinkedPairs(cutRows("unreachable", "timeout"))
    assert.deepStrictEqual(others, [])
    assert.deepStrictEqual(pair === undefined ? [] : pairLines(pair), [
      "c – d",
      "  c dials d at 10.0.3.7:24868: unreachable 4 seconds ago (31 attempts)",
      "  d dials c at 10.0.2.9:24868: timeout 2 seconds ago (1 attempt)",
      "  Other members reach both, so look for a firewall, a route or a network policy between these two. " +
        "From the host of c: nc -vz 10.0.3.7 24868",
    ])
  })

  it("include a link of which only one side knows", () => {
    const [pair] = unlinkedPairs(cluster(["a", "b"], { "a>b": "ad" }))
    assert.deepInclude(pair?.a, { name: "a", link: "down" })
    assert.deepInclude(pair?.b, { name: "b", link: "up" })
  })

  it("include a member that did not answer, if another member has no link to it", () => {
    const rows = [row("a", { b: "au", x: "ai" }), row("b", { a: "au", x: "au" })]
    const pairs = unlinkedPairs(rows)
    assert.deepStrictEqual(
      pairs.map(({ a, b }) => [a.name, b.name, b.answered]),
      [["a", "x", false]],
    )
  })

  it("leave out members that have failed or stopped", () => {
    // The view of a node that has stopped is that of its last moment.
    const stopped = row("c", { y: "ad" }, { phase: "stopped" })
    const rows = [row("a", { b: "au", c: "fd", x: "fd" }), row("b", { a: "au", c: "fd", x: "fd" }), stopped]
    assert.deepStrictEqual(unlinkedPairs(rows), [])
  })

  it("include pairs of two parts of a cluster that was split", () => {
    const rows = [row("a", { x: "fd" }), row("x", { a: "fd" })]
    assert.strictEqual(unlinkedPairs(rows).length, 1)
  })
})

describe("the advice for a pair without a link", () => {
  const side = (name: string, reason?: string) => ({
    name,
    answered: true,
    link: "down",
    ...(reason === undefined ? {} : { dial: dial(reason) }),
  })
  const cases: ReadonlyArray<readonly [there: string | undefined, back: string | undefined, RegExp]> = [
    ["unreachable", "unreachable", /^Look for a firewall.* From the host of a: nc -vz 10\.0\.0\.9 24868$/],
    ["unreachable", "refused", /No process listens at 10\.0\.0\.9:24868: check the options advertise and port of a/],
    ["otherPeer", "timeout", /Another process listens at .*: the address of b is used again/],
    ["unauthenticated", "unauthenticated", /compare their secrets, or their certificates and trust/],
    ["forbidden", undefined, /The option networks of a excludes/],
    ["otherCluster", undefined, /compare the option cluster of both/],
    ["version", undefined, /upgrade the older one/],
    ["denied", undefined, /admission policy .* clocks differ by more than a day/],
    ["duplicate", undefined, /Two processes use the name a/],
    ["stale", undefined, /b knows a newer process with the name a/],
    ["busy", undefined, /b has no room for another connection/],
    ["disconnected", undefined, /disconnected on purpose/],
    ["protocol", undefined, /does not speak the protocol of Coterie/],
    [undefined, undefined, /No dial has failed yet/],
    ["a word of a later version", undefined, /No dial has failed yet/],
  ]

  it("follows from the reasons of their dials", () => {
    for (const [there, back, expected] of cases) {
      const advice = adviceFor({ a: side("a", there), b: side("b", back), othersReachBoth: false })
      assert.match(advice.join("\n"), expected, `${there} ${back}`)
    }
  })

  it("has no command to copy if the address has other characters than an address", () => {
    const a = { ...side("a"), dial: dial("timeout", "x; rm -rf /:1") }
    assert.notInclude(adviceFor({ a, b: side("b"), othersReachBoth: true }).join("\n"), "nc ")
  })
})

describe("the round-trip times of pairs", () => {
  it("are sorted, slowest first", () => {
    const rows = [
      row("a", { b: "au", c: "au" }, { roundTripMicros: [1_000, 3_000] }),
      row("b", { a: "au", c: "ad" }, { roundTripMicros: [1_000, -1] }),
    ]
    assert.deepStrictEqual(pairsOf(rows), [
      { a: "a", b: "c", linked: true, medianMillis: 3 },
      { a: "a", b: "b", linked: true, medianMillis: 1 },
      { a: "b", b: "c", linked: false },
    ])
  })
})
