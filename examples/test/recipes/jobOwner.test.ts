/** Runs the program of docs/recipes/job-owner.md. */
import { Cluster, Rendezvous } from "@coterie/core"
import type { Simulation } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as JobOwner from "../../recipes/jobOwner.ts"

const names = ["a", "b", "c"] as const
const [first, second, third] = Rendezvous.owners(
  names.map((name) => ({ ...Rendezvous.candidate(name), name })),
  "singleton/job",
  3,
).map(({ name }) => name)
if (first === undefined || second === undefined || third === undefined) throw new Error("a name is missing")

/** Starts three nodes whose job records its runs. One of them may start late. */
const start = Effect.fnUntraced(function* (sim: Simulation.Sim, late?: string) {
  const runs: Array<string> = []
  const nodes = yield* sim.nodes(
    names,
    (name) => {
      const job = Effect.sync(() => void runs.push(name))
      return Layer.effectDiscard(JobOwner.onOneNode("1 second", job)).pipe(
        Layer.provideMerge(Cluster.layer({ cluster: "jobs", name, seeds: names, start: "manual" })),
      )
    },
    {
      start: (name) =>
        Effect.andThen(
          Effect.sleep(name === late ? "20 seconds" : 0),
          Effect.flatMap(Cluster.Cluster, (cluster) => cluster.start),
        ),
    },
  )
  /** Waits until the last runs were of exactly these nodes, and checks that all runs of the next 5 seconds are. */
  const ownersAre = Effect.fnUntraced(function* (...owners: ReadonlyArray<string>) {
    const expected = [...owners].sort()
    yield* sim.until(`the job is run by ${expected}`, () => {
      const last = new Set(runs.slice(-3 * expected.length))
      return String([...last].sort()) === String(expected) || `the job was run by ${[...last]}`
    })
    const before = runs.length
    yield* Effect.sleep("5 seconds")
    const next = runs.slice(before)
    assert.deepStrictEqual([...new Set(next)].sort(), expected)
    assert.isAtMost(next.length, 5 * expected.length)
  })
  return { nodes, ownersAre, runs }
})

describe("the recipe of a job with one owner", () => {
  it.sim("runs the job at one node, and at the next in rank when it crashes", {}, (sim) =>
    Effect.gen(function* () {
      const { nodes, ownersAre, runs } = yield* start(sim)
      yield* ownersAre(first)
      assert.deepStrictEqual([...new Set(runs)], [first])
      yield* nodes[first].crash
      yield* ownersAre(second)
      yield* nodes[first].restart
      yield* ownersAre(first)
    }),
  )

  it.sim("runs the job once on each side of a partition, and once again when it has healed", {}, (sim) =>
    Effect.gen(function* () {
      const { ownersAre } = yield* start(sim)
      yield* ownersAre(first)
      yield* sim.network.partition([first], [second, third])
      yield* ownersAre(first, second)
      yield* sim.network.heal
      yield* ownersAre(first)
    }),
  )

  it.sim("runs the job at one node while two nodes do not reach each other and a third one reaches both", {}, (sim) =>
    Effect.gen(function* () {
      const { nodes, ownersAre, runs } = yield* start(sim)
      yield* ownersAre(first)
      yield* sim.network.partition([first], [second])
      const linkOf = () => nodes[second].service(Cluster.Cluster)?.viewUnsafe().peers.get(first)?.link
      yield* sim.until("the third node reaches both", () => linkOf() === "indirect" || `the link is ${linkOf()}`)
      yield* ownersAre(first)
      assert.deepStrictEqual([...new Set(runs)], [first])
    }),
  )

  it.sim("does not run the job at a node that has not started yet, and moves it without two owners", {}, (sim) =>
    Effect.gen(function* () {
      const { ownersAre, runs } = yield* start(sim, first)
      assert.deepStrictEqual([...new Set(runs)], [second])
      yield* ownersAre(first)
      assert.deepStrictEqual([...new Set(runs)], [second, first])
    }),
  )
})
