/**
 * Job that one instance runs for all: it adds up the statistics of all instances. At times two instances or none run
 * it, so a run only overwrites the report.
 */
import { Cluster } from "@coterie/core"
import { PeerRpcClient } from "@coterie/rpc"
import { type Placement, SharedValue } from "@coterie/state"
import { Context, Effect, Exit, Layer, Schema } from "effect"
import type { Duration } from "effect"
import * as JobOwner from "../recipes/jobOwner.ts"
import { Instances } from "./Instances.ts"
import { Report, type Stats } from "./Model.ts"

/** Time for the instances to answer. */
const timeout = "5 seconds"

export class Reports extends Context.Service<
  Reports,
  {
    /** Statistics of all instances that answer. */
    readonly stats: Effect.Effect<ReadonlyArray<typeof Stats.Type>>
    /** Last report that this instance knows, if there is one. */
    readonly last: Effect.Effect<ReadonlyArray<typeof Report.Type>>
    /** Placement of the job. */
    readonly placement: Placement.Placement
  }
>()("examples/chat/Reports") {}

export const layer = (every: Duration.Input) =>
  Layer.effect(Reports)(
    Effect.gen(function* () {
      const cluster = yield* Cluster.Cluster
      const rpc = yield* PeerRpcClient.PeerRpcClient
      const report = yield* SharedValue.make("report", { value: Schema.Array(Report), initial: [] })
      const stats = Effect.gen(function* () {
        const answers = yield* PeerRpcClient.all(Instances, (instance) => instance.Stats(), { self: true, timeout })
        return answers.flatMap(({ exit }) => (Exit.isSuccess(exit) ? [exit.value] : []))
      }).pipe(Effect.provideService(PeerRpcClient.PeerRpcClient, rpc))

      const run = Effect.gen(function* () {
        const { name } = yield* cluster.self
        const all = yield* stats
        const users = all.reduce((sum, each) => sum + each.users, 0)
        yield* report.set([{ by: name, instances: all.length, users }])
      })
      return { stats, last: report.get, placement: yield* JobOwner.onOneNode(every, run) }
    }),
  )
