import { Seeds, Swarm } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, it as test } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { makeScenario, runners } from "./simulation.ts"

const commit = (): string => {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: "pipe" }).trim()
  } catch {
    // An unpacked archive has no commit.
    return "no commit"
  }
}

// A seed simulates one to four minutes of several engines, which takes seconds. `pnpm sim swarm` runs many.
it.sim(runners, { seeds: 3, base: Seeds.base(commit()), timeout: 300_000 })

test.live(
  "a storage that grants a lock twice is found",
  () =>
    Effect.gen(function* () {
      const { failures } = yield* Swarm.run(makeScenario("grantsTwice"), [1, 2, 3], { stopAfter: 1, shrink: false })
      const [found] = failures
      if (found === undefined) return assert.fail("not found within 3 seeds: a check is missing")
      assert.match(found.failure.message, /is locked by|two runners run/)
    }),
  300_000,
)
