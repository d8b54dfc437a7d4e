import { assert, describe, it } from "@effect/vitest"
import { judge, type JudgedRunner, rankOf } from "../../src/internal/judge.ts"
import type { Verdict } from "../../src/RunnerPeers.ts"

/** Returns what the runner `self` sees if it reaches the runners of its side and has lost the others. */
const seenBy = (self: string, side: ReadonlyArray<string>, all: ReadonlyArray<string>): ReadonlyArray<JudgedRunner> =>
  all.map((address) => ({
    address,
    healthy: true,
    verdict: side.includes(address) ? "alive" : "dead",
    isSelf: address === self,
  }))

const names = (count: number) => Array.from({ length: count }, (_, i) => `runner-${i}`)

describe("the judgement of dead runners", () => {
  it("is now on at most one side of any split, and never on the smaller side", () => {
    for (let size = 1; size <= 7; size++) {
      const all = names(size)
      for (let split = 0; split < 2 ** size; split++) {
        const left = all.filter((_, i) => (split & (2 ** i)) > 0)
        const right = all.filter((name) => !left.includes(name))
        const [ofLeft, ofRight] = [left, right].map((side) => {
          const judgements = new Set(side.map((self) => judge(seenBy(self, side, all))))
          assert.isAtMost(judgements.size, 1, "all runners of a side agree")
          return [...judgements][0] ?? "never"
        })
        assert.isFalse(ofLeft === "now" && ofRight === "now")
        if (left.length < right.length) assert.deepStrictEqual([ofLeft, ofRight], ["never", "now"])
        if (left.length > right.length) assert.deepStrictEqual([ofLeft, ofRight], ["now", "never"])
        if (left.length === right.length) assert.deepStrictEqual([ofLeft, ofRight].sort(), ["later", "now"])
      }
    }
  })

  it("is now on the side with the first address if both sides have the same size", () => {
    const all = names(4)
    assert.strictEqual(judge(seenBy("runner-3", ["runner-0", "runner-3"], all)), "now")
    assert.strictEqual(judge(seenBy("runner-1", ["runner-1", "runner-2"], all)), "later")
  })

  it("does not count unknown runners", () => {
    const verdicts: ReadonlyArray<Verdict> = ["alive", "dead", "unknown", "unknown", "unknown"]
    const runners = names(5).map((address, i) => ({
      address,
      healthy: true,
      verdict: verdicts[i] ?? "unknown",
      isSelf: i === 0,
    }))
    assert.strictEqual(judge(runners), "now")
  })

  it("is never for a node that is not registered or is itself marked as unhealthy", () => {
    const all = names(3)
    const runners = seenBy("runner-0", ["runner-0", "runner-1"], all)
    assert.strictEqual(judge(runners), "now")
    assert.strictEqual(judge(runners.map((runner) => ({ ...runner, healthy: !runner.isSelf }))), "never")
    assert.strictEqual(judge(runners.filter(({ isSelf }) => !isSelf)), "never")
    assert.strictEqual(judge([]), "never")
  })
})

describe("the rank of a responder", () => {
  it("differs for all runners of a side, and counts only healthy runners that it reaches", () => {
    const all = names(5)
    const side = ["runner-0", "runner-2", "runner-4"]
    assert.deepStrictEqual(
      side.map((self) => rankOf(seenBy(self, side, all))),
      [0, 1, 2],
    )
    const unhealthy = seenBy("runner-4", side, all).map((runner) => ({
      ...runner,
      healthy: runner.address !== "runner-0",
    }))
    assert.strictEqual(rankOf(unhealthy), 1)
  })
})
