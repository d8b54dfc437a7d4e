/**
 * A job that one instance runs for all: it adds up the statistics of all instances. The owner is the lowest name among the members
 * that this instance reaches. That is best effort: while views differ, as in a partition or just after a start, two instances may run
 * the job, or none. So a second run must do no harm.
 */
import { Cluster, ClusterEvent } from "@coterie/core"
import { PeerRpcClient } from "@coterie/rpc"
import { Context, Effect, Exit, Layer, Option, Schedule } from "effect"
import type { Duration } from "effect"
import { KeyValueStore } from "effect/persistence"
import { Instances } from "./Instances.ts"
import { Report, type Stats } from "./Model.ts"

/** Time for the instances to answer. */
const timeout = "5 seconds"

export class Reports extends Context.Service<
  Reports,
  {
    /** Statistics of all instances that answer. */
    readonly stats: Effect.Effect<ReadonlyArray<typeof Stats.Type>>
    /** Last report that an owner has written. */
    readonly last: Effect.Effect<Option.Option<typeof Report.Type>>
  }
>()("examples/chat/Reports") {}

export const isOwner = (view: ClusterEvent.View): boolean =>
  ClusterEvent.members(view).every(({ link, name }) => link !== "up" || view.self.name <= name)

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
        const view = yield* cluster.view
        if (!isOwner(view)) return
        const all = yield* stats
        const users = all.reduce((sum, each) => sum + each.users, 0)
        yield* store.set("report", { by: view.self.name, instances: all.length, users })
      })
      yield* Effect.ignoreCause(run, { log: "Warn", message: "the job failed" }).pipe(
        Effect.schedule(Schedule.spaced(every)),
        Effect.forkScoped,
      )
      return { stats, last: Effect.orDie(store.get("report")) }
    }),
  )
