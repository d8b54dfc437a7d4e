/** The program of docs/recipes/job-owner.md. The chat service uses its job. */
// #region program
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { Group, Placement } from "@coterie/state"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { type Duration, Effect, Layer, Schedule, Schema } from "effect"

/**
 * Makes this node one of those that run a job, until the scope closes. One of them runs the job at each interval. A run
 * that fails has a line in the log, and the next one comes. Returns the placement, whose `watch("singleton/job")` shows
 * whether this node is the owner.
 */
export const onOneNode = Effect.fnUntraced(function* <E, R>(interval: Duration.Input, job: Effect.Effect<void, E, R>) {
  const nodes = yield* Group.make("jobs", { value: Schema.Null })
  const placement = yield* Placement.make(nodes)
  yield* nodes.join(null)
  const runs = job.pipe(
    Effect.ignoreCause({ log: "Warn", message: "the job failed" }),
    Effect.schedule(Schedule.spaced(interval)),
  )
  yield* Effect.forkScoped(placement.singleton("job", runs))
  return placement
})

/** Replace it by a job that does no harm if two nodes run it at one time. */
const job = Effect.log("this node runs the job")

export const layer = (interval: Duration.Input) => Layer.effectDiscard(onOneNode(interval, job))

/** Runs until the node has stopped. Fails if it stopped against its will, so that a supervisor starts the process again. */
export const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped).pipe(
  Effect.provide(Cluster.layerStart.pipe(Layer.provideMerge(layer("2 seconds")))),
  Effect.provide(Cluster.layerFromEnv({ cluster: "jobs", start: "manual" })),
  Effect.provide(NodeTransport.layerFromEnv()),
)

if (import.meta.main) NodeRuntime.runMain(main)
// #endregion
