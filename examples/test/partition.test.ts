import { Cluster } from "@coterie/core"
import { it } from "@coterie/testkit/vitest"
import { Effect } from "effect"

it.sim("a partition heals by itself", { seeds: 5 }, (sim) =>
  Effect.gen(function* () {
    const nodes = yield* sim.nodes(["a", "b", "c"], (name) => Cluster.layer({ cluster: "hello", name, seeds: ["a"] }))
    /** Returns whether a node lists exactly these peers and has a link to each. */
    const lists = (node: "a" | "b", ...names: ReadonlyArray<string>) => {
      const peers = nodes[node].service(Cluster.Cluster)?.viewUnsafe().peers
      return peers?.size === names.length && names.every((name) => peers.get(name)?.link === "up")
    }

    yield* sim.until("all have met", () => lists("a", "b", "c") && lists("b", "a", "c"))
    yield* sim.network.partition(["a"], ["b", "c"])
    yield* sim.until("each side is on its own", () => lists("a") && lists("b", "c"))
    yield* Effect.sleep("5 minutes") // of virtual time

    yield* sim.network.heal
    yield* sim.until("all are back", () => lists("a", "b", "c") && lists("b", "a", "c"), { within: "2 minutes" })
  }),
)
