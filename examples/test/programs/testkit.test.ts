/** Runs the scenario of packages/testkit/AGENTS.md, and draws its picture. */
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { picture } from "../../programs/picture.ts"
import { outage } from "../../programs/scenario.ts"

describe("the programs of AGENTS.md of testkit", () => {
  it.sim(outage, { seeds: 20 })

  it.live("picture.ts draws the crash and the frames", () =>
    Effect.gen(function* () {
      const html = yield* picture(1)
      for (const text of ["crash", "partition", "HelloAck"]) assert.include(html, text)
    }),
  )
})
