/**
 * Mutation tests of the simulation. The swarm must find the defect of each mutant. For some mutants the swarm also
 * shrinks the run, and a replay must reproduce the failure.
 */
import { Simulation, Swarm } from "@coterie/testkit"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Mutant, mutants } from "./mutants.ts"

/**
 * Mutants whose failures are shrunk: by a fault of the network, by a clock, by a babbler and by the order of messages.
 * Shrinking takes up to five seconds for each mutant, ten times as long as finding it.
 */
const shrunk: ReadonlySet<string> = new Set([
  "a link is dropped before its renewal is up",
  "the claim of a newer life stops a node",
  "gossip alone adds members",
  "messages of a new connection overtake those of the connection before",
])

/** Returns the seeds of a mutant, beginning with the seed that found it last time. */
const seedsOf = ({ first = 1, within }: Mutant): ReadonlyArray<number> => {
  const seeds = Array.from({ length: within }, (_, i) => i + 1)
  return [first, ...seeds.filter((seed) => seed !== first)]
}

/** Runs the seeds until one fails. If it is shrunk, replays the failure, and checks that the replay is the same run. */
const find = (mutant: Mutant) =>
  Effect.gen(function* () {
    const { name, scenario, within } = mutant
    const isShrunk = shrunk.has(name)
    const { failures } = yield* Swarm.run(scenario, seedsOf(mutant), { stopAfter: 1, shrink: isShrunk })
    const [found] = failures
    if (found === undefined) return assert.fail(`not found within ${within} seeds: a check is missing`)
    const { artifact, failure } = found
    assert.strictEqual(artifact.shrunk !== undefined, isShrunk)
    if (!isShrunk) return
    const again = yield* Simulation.outcome(scenario, { ...artifact, replay: artifact })
    assert.strictEqual(again.failure?.message, failure.message)
    assert.strictEqual(again.report.traceHash, artifact.traceHash)
  })

describe("a mutant is found, and if it is shrunk, its replay fails again", () => {
  it("for every name in the list of those that are shrunk", () => {
    const names = new Set(mutants.map(({ name }) => name))
    assert.deepStrictEqual(
      [...shrunk].filter((name) => !names.has(name)),
      [],
    )
  })

  for (const mutant of mutants) it.live(mutant.name, () => find(mutant), 120_000)
})
