/** The program of docs/recipes/job-owner.md. */
// #region program
import { Cluster, ClusterEvent } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { NodeRuntime } from "@effect/platform-node"
import { type Duration, Effect, Layer, Schedule } from "effect"

/** Returns `true` if this node has the lowest name of the members in its view. */
export const isOwner = (view: ClusterEvent.View): boolean =>
  ClusterEvent.members(view).every(({ name }) => view.self.name <= name)

/** Runs a job at each interval while this node is the owner. A run that fails has a line in the log, and the next one comes. */
export const everyOwner = Effect.fnUntraced(function* <E, R>(interval: Duration.Input, job: Effect.Effect<void, E, R>) {
  const cluster = yield* Cluster.Cluster
  // Until the first attempts to find peers are over, each node would take itself for the only one.
  yield* cluster.settled
  yield* Effect.suspend(() => (isOwner(cluster.viewUnsafe()) ? job : Effect.void)).pipe(
    Effect.ignoreCause({ log: "Warn", message: "the job failed" }),
    Effect.schedule(Schedule.spaced(interval)),
  )
})

/** Replace it by a job that does no harm if two nodes run it at one time. */
const job = Effect.log("this node runs the job")

export const layer = (interval: Duration.Input) => Layer.effectDiscard(Effect.forkScoped(everyOwner(interval, job)))

/** Runs until the node has stopped. Fails if it stopped against its will, so that a supervisor starts the process again. */
export const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped).pipe(
  Effect.provide(Layer.merge(layer("2 seconds"), Cluster.layerStart)),
  Effect.provide(Cluster.layerFromEnv({ cluster: "jobs", start: "manual" })),
  Effect.provide(NodeTransport.layerFromEnv()),
)

if (import.meta.main) NodeRuntime.runMain(main)
// #endregion
