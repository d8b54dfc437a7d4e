/** Runs the program of docs/recipes/feature-flag.md. */
import { Cluster } from "@coterie/core"
import type { Simulation } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import * as FeatureFlag from "../../recipes/featureFlag.ts"

const names = ["a", "b", "c"] as const

/** Starts three instances, and collects what they log about switches. */
const start = Effect.fnUntraced(function* (sim: Simulation.Sim) {
  const logged: Array<string> = []
  const nodes = yield* sim.nodes(
    names,
    (name) => {
      const logger = Logger.layer([
        Logger.make(({ message }) => {
          if (String(message).includes("switch")) logged.push(`${name}: ${String(message)}`)
        }),
      ])
      return Layer.effectDiscard(Effect.forkScoped(Effect.provide(FeatureFlag.follow, logger))).pipe(
        Layer.provideMerge(FeatureFlag.layer),
        Layer.provideMerge(Cluster.layer({ cluster: "flags", name, seeds: names, start: "manual" })),
      )
    },
    { start: () => Effect.flatMap(Cluster.Cluster, ({ start }) => start) },
  )
  return { nodes, logged }
})

type Node = Effect.Success<ReturnType<typeof start>>["nodes"]["a"]

/** Returns a condition that holds once the customers of an instance get this checkout. */
const gives = (node: Node, expected: "old" | "new") => () => {
  const flag = node.service(FeatureFlag.Flag)
  const given = flag === undefined ? "none" : Effect.runSync(flag.get)
  return given === expected || `${node.name} gives the ${given} checkout`
}

const untilAll = (sim: Simulation.Sim, nodes: ReadonlyArray<Node>, expected: "old" | "new") =>
  Effect.forEach(nodes, (node) =>
    sim.until(`all instances give the ${expected} checkout`, gives(node, expected), { within: "20 seconds" }),
  )

describe("the recipe of a feature flag", () => {
  it.sim("switches all instances, and those that start after the one that switched has crashed", {}, (sim) =>
    Effect.gen(function* () {
      const { logged, nodes } = yield* start(sim)
      const { a, b, c } = nodes
      yield* Effect.sleep("2 seconds")
      yield* untilAll(sim, [a, b, c], "old")
      yield* b.run(FeatureFlag.switchTo("new"))
      yield* untilAll(sim, [a, b, c], "new")
      assert.deepStrictEqual(
        logged.sort(),
        names.map((name) => `${name}: b switched to the new checkout`),
      )
      yield* b.crash
      yield* Effect.sleep("10 seconds")
      yield* untilAll(sim, [a, c], "new")
      yield* b.restart
      yield* untilAll(sim, [a, b, c], "new")
    }),
  )

  it.sim("has one switch on each side of a partition, of which the later one holds when it has healed", {}, (sim) =>
    Effect.gen(function* () {
      const { logged, nodes } = yield* start(sim)
      const { a, b, c } = nodes
      yield* a.run(FeatureFlag.switchTo("new"))
      yield* untilAll(sim, [a, b, c], "new")
      yield* sim.network.partition(["a"], ["b", "c"])
      yield* b.run(FeatureFlag.switchTo("old"))
      yield* untilAll(sim, [b, c], "old")
      yield* Effect.sleep("1 second")
      yield* a.run(FeatureFlag.switchTo("new"))
      yield* Effect.sleep("20 seconds")
      assert.deepStrictEqual([gives(a, "new")(), gives(b, "old")(), gives(c, "old")()], [true, true, true])
      yield* sim.network.heal
      yield* sim.until("the sides agree", gives(b, "new"), { within: "2 minutes" })
      yield* untilAll(sim, [a, b, c], "new")
      const lost = "the switch of b to the old checkout was lost to that of a"
      assert.includeMembers(logged, [`b: ${lost}`, `c: ${lost}`])
    }),
  )
})
