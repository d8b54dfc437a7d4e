/** Runs the program of docs/recipes/job-owner.md. */
import { Cluster } from "@coterie/core"
import type { Simulation } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { type Duration, Effect, Layer } from "effect"
import * as JobOwner from "../../recipes/jobOwner.ts"

const names = ["a", "b", "c"] as const

/** Starts three nodes whose job records its runs. The third one may start late. */
const start = Effect.fnUntraced(function* (sim: Simulation.Sim, delayOfC: Duration.Input = 0) {
  const runs: Array<string> = []
  const nodes = yield* sim.nodes(
    names,
    (name) => {
      const job = Effect.sync(() => void runs.push(name))
      return Layer.effectDiscard(Effect.forkScoped(JobOwner.everyOwner("1 second", job))).pipe(
        Layer.provideMerge(Cluster.layer({ cluster: "jobs", name, seeds: names, start: "manual" })),
      )
    },
    {
      start: (name) =>
        Effect.andThen(
          Effect.sleep(name === "c" ? delayOfC : 0),
          Effect.flatMap(Cluster.Cluster, ({ start }) => start),
        ),
    },
  )
  /** Waits until the last runs were of exactly these nodes, and checks that all runs of the next 5 seconds are. */
  const ownersAre = Effect.fnUntraced(function* (...expected: ReadonlyArray<string>) {
    yield* sim.until(`the job is run by ${expected}`, () => {
      const last = new Set(runs.slice(-3 * expected.length))
      return String([...last].sort()) === String(expected) || `the job was run by ${[...last]}`
    })
    const before = runs.length
    yield* Effect.sleep("5 seconds")
    const next = runs.slice(before)
    assert.deepStrictEqual([...new Set(next)].sort(), [...expected])
    assert.isAtMost(next.length, 5 * expected.length)
  })
  return { nodes, ownersAre, runs }
})

describe("the recipe of a job with one owner", () => {
  it.sim("runs the job at the node with the lowest name, and at the next one when it crashes", {}, (sim) =>
    Effect.gen(function* () {
      const { nodes, ownersAre } = yield* start(sim)
      yield* ownersAre("a")
      yield* nodes.a.crash
      yield* ownersAre("b")
      yield* nodes.a.restart
      yield* ownersAre("a")
    }),
  )

  it.sim("runs the job once on each side of a partition, and once again when it has healed", {}, (sim) =>
    Effect.gen(function* () {
      const { ownersAre } = yield* start(sim)
      yield* ownersAre("a")
      yield* sim.network.partition(["a"], ["b", "c"])
      yield* ownersAre("a", "b")
      yield* sim.network.heal
      yield* ownersAre("a")
    }),
  )

  it.sim("runs the job at one node while two nodes do not reach each other and a third one reaches both", {}, (sim) =>
    Effect.gen(function* () {
      const { nodes, ownersAre, runs } = yield* start(sim)
      yield* ownersAre("a")
      yield* sim.network.partition(["a"], ["b"])
      const linkOf = () => nodes.b.service(Cluster.Cluster)?.viewUnsafe().peers.get("a")?.link
      yield* sim.until("b reaches a through c only", () => linkOf() === "indirect" || `the link is ${linkOf()}`)
      yield* ownersAre("a")
      assert.deepStrictEqual([...new Set(runs)], ["a"])
    }),
  )

  it.sim("does not run the job at a node that has not started yet", {}, (sim) =>
    Effect.gen(function* () {
      const { ownersAre, runs } = yield* start(sim, "10 seconds")
      yield* ownersAre("a")
      yield* Effect.sleep("20 seconds")
      assert.deepStrictEqual([...new Set(runs)], ["a"])
    }),
  )
})
