/**
 * Job that one instance runs for all: it adds up the statistics of all instances. At times two instances or none run
 * it, so a run only overwrites the report.
 */
import { Cluster } from "@coterie/core"
import { PeerRpcClient } from "@coterie/rpc"
import { Group, Placement } from "@coterie/state"
import { Context, Effect, Exit, Layer, Option, Schedule, Schema } from "effect"
import type { Duration } from "effect"
import { KeyValueStore } from "effect/persistence"
import { Instances } from "./Instances.ts"
import { Report, type Stats } from "./Model.ts"

/** Time for the instances to answer. */
const timeout = "5 seconds"

/** Instances that may run jobs. */
class Workers extends Context.Service<Workers, Group.Group<null>>()("examples/chat/Workers") {}

/** Jobs of which each runs on one of them. */
export class Jobs extends Context.Service<Jobs, Placement.Placement>()("examples/chat/Jobs") {}

export class Reports extends Context.Service<
  Reports,
  {
    /** Statistics of all instances that answer. */
    readonly stats: Effect.Effect<ReadonlyArray<typeof Stats.Type>>
    /** Last report that an owner has written. */
    readonly last: Effect.Effect<Option.Option<typeof Report.Type>>
  }
>()("examples/chat/Reports") {}

export const layer = (every: Duration.Input) =>
  Layer.effect(Reports)(
    Effect.gen(function* () {
      const cluster = yield* Cluster.Cluster
      const rpc = yield* PeerRpcClient.PeerRpcClient
      const store = KeyValueStore.toSchemaStore(yield* KeyValueStore.KeyValueStore, Report)
      const stats = Effect.gen(function* () {
        const answers = yield* PeerRpcClient.all(Instances, (instance) => instance.Stats(), { self: true, timeout })
        return answers.flatMap(({ exit }) => (Exit.isSuccess(exit) ? [exit.value] : []))
      }).pipe(Effect.provideService(PeerRpcClient.PeerRpcClient, rpc))

      const run = Effect.gen(function* () {
        const { name } = yield* cluster.self
        const all = yield* stats
        const users = all.reduce((sum, each) => sum + each.users, 0)
        yield* store.set("report", { by: name, instances: all.length, users })
      })
      const job = Effect.ignoreCause(run, { log: "Warn", message: "the report failed" })
      yield* (yield* Workers).join(null)
      yield* Effect.forkScoped((yield* Jobs).singleton("report", Effect.schedule(job, Schedule.spaced(every))))
      return { stats, last: Effect.orDie(store.get("report")) }
    }),
  ).pipe(
    Layer.provideMerge(Placement.layer(Jobs, Workers)),
    Layer.provide(Group.layer(Workers, "workers", { value: Schema.Null })),
  )
