/**
 * A node whose application sends nothing, for clusters of hundreds of nodes. All nodes share a {@link ViewTracker},
 * which handles their events.
 */
import * as Cluster from "@coterie/core/Cluster"
import type * as Transport from "@coterie/core/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Overrides from "../../src/cluster/Overrides.ts"
import * as FrameCount from "./frameCount.ts"
import type { ViewTracker } from "./ViewTracker.ts"

export class QuietPeriods extends Context.Service<QuietPeriods, { readonly cluster: Cluster.Cluster["Service"] }>()(
  "test/QuietPeriods",
) {}

export interface Options {
  readonly views: ViewTracker
  readonly counts: FrameCount.Counts
  readonly seeds: ReadonlyArray<string>
  readonly policies?: Layer.Layer<never> | undefined
  readonly overrides?: Partial<Overrides.Overrides> | undefined
}

export const layer = (
  name: string,
  { counts, overrides = {}, policies = Layer.empty, seeds, views }: Options,
): Layer.Layer<QuietPeriods, Cluster.LayerError, Transport.Transport> =>
  Layer.effect(QuietPeriods)(
    Effect.gen(function* () {
      const cluster = yield* Cluster.Cluster
      const observe = views.observe(name)
      yield* Effect.forkScoped(Stream.runForEach(cluster.events, (event) => Effect.sync(() => observe(event))))
      return { cluster }
    }),
  ).pipe(
    Layer.provide(Cluster.layer({ cluster: "quiet", name, seeds })),
    Layer.provide([Overrides.layer(overrides), policies, FrameCount.layer(counts)]),
  )
