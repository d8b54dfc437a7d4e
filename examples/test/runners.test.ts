import { it } from "@coterie/testkit/vitest"
import { Seeds, Swarm } from "@coterie/testkit"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { runners } from "../simulation/runners/scenario.ts"

describe("runners of Effect's cluster engine", () => {
  it.sim(runners(), { seeds: 2 })
  it.sim(runners(undefined, "advisory"), { seeds: 2 })

  it.live("that get a shard lock twice are found, and the failure is shrunk", () =>
    Effect.gen(function* () {
      const range = yield* Effect.fromResult(Seeds.make(1, 10))
      const { failures } = yield* Swarm.run(runners("grantsTwice"), Seeds.iterate(range), { stopAfter: 1 })
      const [found] = failures
      assert(found?.failure._tag === "InvariantViolated")
      assert.strictEqual(found.failure.invariant, "no two runners own a shard")
      assert.isBelow(found.artifact.timeline.length, 4)
    }),
  )
})
