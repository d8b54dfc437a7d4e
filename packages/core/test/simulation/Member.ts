/** An application on a cluster: it talks to everybody all the time, and notes what it sees and hears. */
import * as Cluster from "@coterie/core/Cluster"
import type * as Transport from "@coterie/core/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { make } from "../../src/cluster/makeCluster.ts"
import type { Limits } from "../../src/Limits.ts"
import { type Parts, parts } from "../../src/link/Parts.ts"
import type * as Notebook from "./Notebook.ts"

export class Member extends Context.Service<
  Member,
  {
    readonly cluster: Cluster.Cluster["Service"]
    readonly observer: Notebook.Observer
    /** The next number to say, so that the numbers of a life grow whoever says them. */
    readonly next: () => number
    /** Talks no more. */
    readonly hush: Effect.Effect<void>
    /** How many different views this node and those that it has a link to have, as it heard last. */
    readonly views: () => number
    /** How far this node distrusts itself. */
    readonly health: () => number
  }
>()("test/Member") {}

/** Queues that go beyond their limit by what is taken in last (docs/metrics.md). */
const exceedable: ReadonlySet<string> = new Set(["outbox_bytes", "control_outbox", "links"])

export interface Options {
  readonly notebook: Notebook.Notebook
  readonly seeds: ReadonlyArray<string>
  readonly policies?: Layer.Layer<never> | undefined
  /** Milliseconds between two messages to everybody, from the least to the most. */
  readonly talk?: readonly [number, number] | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Parts with a planted bug. */
  readonly parts?: Partial<Parts> | undefined
}

export const layer = (
  name: string,
  { limits, notebook, parts: planted, policies = Layer.empty, seeds, talk = [100, 1_000] }: Options,
): Layer.Layer<Member, Cluster.LayerError, Transport.Transport> =>
  Layer.effect(Member)(
    Effect.gen(function* () {
      const cluster = yield* Cluster.Cluster
      const observer = notebook.observer(name)
      let said = 0
      let talks = true
      const next = (): number => said++

      yield* Effect.forkScoped(
        Stream.runForEach(cluster.events, (event) =>
          Effect.andThen(
            Effect.sync(() => notebook.event(observer, event)),
            Effect.map(cluster.view, (view) => notebook.viewed(observer, view)),
          ),
        ),
      )
      yield* Effect.forkScoped(
        Stream.runForEach(cluster.inbox, (message) => Effect.sync(() => notebook.message(observer, message))),
      )
      const talking = Effect.gen(function* () {
        while (talks) {
          yield* Effect.ignore(cluster.broadcast(String(next())))
          yield* Effect.sleep(yield* Random.nextIntBetween(...talk))
        }
      })
      yield* Effect.forkScoped(talking)
      const context = yield* Effect.context<never>()
      const read = (id: string): ReadonlyMap<string, number> =>
        new Map(
          Metric.snapshotUnsafe(context).flatMap((metric) =>
            metric.id === id && metric.type === "Gauge"
              ? [[metric.attributes?.["queue"] ?? "", Number(metric.state.value)]]
              : [],
          ),
        )
      const measuring = Effect.gen(function* () {
        const limits = read("coterie_queue_limit")
        while (true) {
          for (const [queue, size] of read("coterie_queue_size")) {
            if (size > (limits.get(queue) ?? 0) && !exceedable.has(queue)) notebook.exceeded(observer, queue, size)
          }
          yield* Effect.sleep("5 seconds")
        }
      })
      yield* Effect.forkScoped(measuring)
      return {
        views: () => read("coterie_view_hashes").get("") ?? 0,
        health: () => read("coterie_health").get("") ?? 0,
        cluster,
        observer,
        next,
        hush: Effect.sync(() => {
          talks = false
        }),
      }
    }),
  ).pipe(
    Layer.provide(
      Layer.effect(Cluster.Cluster)(make({ cluster: "swarm", name, seeds, limits }, { ...parts, ...planted })),
    ),
    Layer.provide(policies),
  )
