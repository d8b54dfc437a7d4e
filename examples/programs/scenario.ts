import { Cluster, ClusterTrace } from "@coterie/core"
import { Invariant, Simulation } from "@coterie/testkit"
import { Effect } from "effect"

const names = ["a", "b", "c"] as const

/** Kills a node and cuts another one off, and waits until all nodes list each other again. */
export const outage = Simulation.scenario(
  "an outage",
  {
    describe: ClusterTrace.describe(), // Names the frames in the picture.
    faults: {
      network: { delay: { exponential: { min: "1 millis", mean: "20 millis" } }, loss: 0.02 },
      timeline: [
        { kind: "crash", at: "10 seconds", for: "5 seconds", node: "b" },
        { kind: "partition", at: "20 seconds", for: "30 seconds", from: ["c"], to: ["a", "b"] },
      ],
    },
  },
  (sim) =>
    Effect.gen(function* () {
      const nodes = yield* sim.nodes(names, (name) => Cluster.layer({ cluster: "shop", name, seeds: names }))
      const peers = () => names.map((name) => nodes[name].service(Cluster.Cluster)?.viewUnsafe().peers.size ?? 0)
      yield* Invariant.always("no node lists more peers than there are", () => peers().every((count) => count <= 2))
      const complete = () => peers().every((count) => count === 2) || `the nodes list ${peers()} peers`
      yield* sim.until("all nodes list each other", complete)
      yield* sim.until("c is alone", () => peers()[2] === 0)
      yield* sim.converges(complete)
    }),
)
