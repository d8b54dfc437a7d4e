/**
 * The cluster in the simulated world, over other seeds for every commit; `pnpm sim swarm` runs more of them. A failure
 * prints the line that runs it again.
 */
import { execFileSync } from "node:child_process"
import { Seeds } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Swarm from "@coterie/testkit/Swarm"
import { awaited } from "./awaited.ts"
import { anything, lostOnOneSide, oneCutLink, three } from "./scenarios.ts"
import { bugs } from "./zoo.ts"

const commit = (): string => {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim()
  } catch {
    // Not a clone, but an unpacked archive.
    return "no commit"
  }
}

const base = Seeds.base(commit())

describe("a cluster of real nodes", () => {
  it.sim(anything, { seeds: 100, base, timeout: 300_000 })
  it.sim(lostOnOneSide, { seeds: 30, base, timeout: 300_000 })
  it.sim(oneCutLink, { seeds: 100, base, timeout: 300_000 })
  it.sim(three, { seeds: 200, base, timeout: 300_000 })
})

describe("a planted bug is found and shrunk", () => {
  for (const { name, scenario, within } of bugs) {
    it.live(
      name,
      () =>
        Effect.gen(function* () {
          const seeds = Array.from({ length: within }, (_, i) => i + 1)
          const { failures } = yield* Swarm.run(scenario, seeds, { stopAfter: 1 })
          const [found] = failures
          assert.isDefined(found, `not found within ${within} seeds: a check is missing`)
          assert.isAbove(found?.artifact.sentences?.length ?? 0, 0)
        }),
      60_000,
    )
  }
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
