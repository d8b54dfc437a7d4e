import { Cluster } from "@coterie/core"
import { FaultPlan } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { Effect } from "effect"

it.sim("two nodes meet", { seeds: 20, faults: FaultPlan.swarm }, (sim) =>
  Effect.gen(function* () {
    const { a, b } = yield* sim.nodes(["a", "b"], (name) => Cluster.layer({ cluster: "test", name, seeds: ["a"] }))
    const peers = (node: typeof a) => node.service(Cluster.Cluster)?.viewUnsafe().peers.size
    yield* Effect.sleep("30 seconds")
    yield* sim.converges(() => peers(a) === 1 && peers(b) === 1, { within: "2 minutes" })
  }),
)
