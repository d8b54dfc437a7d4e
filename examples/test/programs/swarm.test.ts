import { Cluster } from "@coterie/core"
import { FaultPlan } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { Effect, Layer, Schedule } from "effect"
import { Sales } from "../../programs/orders.ts"

const names = ["a", "b", "c"] as const

it.sim("orders reach all processes after any faults", { seeds: 20, faults: FaultPlan.swarm }, (sim) =>
  Effect.gen(function* () {
    const nodes = yield* sim.nodes(
      names,
      (name) =>
        Layer.provideMerge(Sales.layer, Cluster.layer({ cluster: "shop", name, seeds: names, start: "manual" })),
      { start: () => Effect.flatMap(Cluster.Cluster, ({ start }) => start) },
    )
    // A process misses an order if its link is lost, so this scenario sells again and again.
    const sell = nodes.a.run(Effect.flatMap(Sales, ({ sell }) => sell("o-1", 12)))
    yield* Effect.forkScoped(Effect.schedule(Effect.ignore(sell), Schedule.spaced("1 second")))
    const revenues = () => names.map((name) => nodes[name].service(Sales)?.revenue() ?? 0)
    yield* Effect.sleep("30 seconds") // of virtual time, in which the faults occur
    const before = revenues()
    yield* sim.converges(() => revenues().every((sum, i) => sum > (before[i] ?? 0)) || `${before} to ${revenues()}`)
  }),
)
