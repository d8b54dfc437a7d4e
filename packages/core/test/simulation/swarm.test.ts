/**
 * The cluster in the simulated world, over other seeds for every commit; `pnpm sim swarm` runs more of them. A failure
 * prints the line that runs it again.
 */
import { execFileSync } from "node:child_process"
import { Seeds, Swarm } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { awaited } from "./awaited.ts"
import { anything, lostOnOneSide, oneCutLink, three } from "./scenarios.ts"

const commit = (): string => {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim()
  } catch {
    // Not a clone, but an unpacked archive.
    return "no commit"
  }
}

const base = Seeds.base(commit())
/** Of a machine that does much else at the same time. */
const timeout = 300_000

describe("a cluster of real nodes", () => {
  it.sim(anything, { seeds: 50, base, timeout })
  it.sim(lostOnOneSide, { seeds: 30, base, timeout })
  it.sim(oneCutLink, { seeds: 30, base, timeout })
  it.sim(three, { seeds: 100, base, timeout })
})

describe("what the present rules do not keep yet", () => {
  for (const { rule, scenario, seeds } of awaited) {
    it.live(`${scenario.name} (awaits ${rule})`, () =>
      Effect.gen(function* () {
        const { failures } = yield* Swarm.run(scenario, seeds, { shrink: false, stopAfter: 1 })
        assert.strictEqual(failures.length, 1, `it holds now: move "${scenario.name}" to what must hold`)
      }),
    )
  }
})
