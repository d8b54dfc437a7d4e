/** Simulated tests that read the metrics of their nodes from a registry of their own. */
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as World from "./world.ts"

/** Returns a function that registers a test. `read` makes the reader of the metrics in the registry of the test. */
export const measured =
  <R>(read: (registry: Metric.MetricRegistry) => R) =>
  (
    title: string,
    body: (metrics: R, world: World.World, network: SimNetwork.Shape) => Effect.Effect<void, unknown, Scope.Scope>,
  ): void =>
    World.simulated(title, (world, network) => {
      const registry: Metric.MetricRegistry = new Map()
      return Effect.provideService(body(read(registry), world, network), Metric.MetricRegistry, registry)
    })
