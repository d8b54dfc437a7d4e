/** Code blocks of docs/state.md. examples/test/placement.test.ts runs them. */
import { Cluster } from "@coterie/core"
import { Group, Placement } from "@coterie/state"
import { Context, Effect, Layer, Schedule, Schema, Stream } from "effect"

// #region group
/** Nodes that encode videos. */
export class Encoders extends Context.Service<Encoders, Group.Group<Encoder>>()("example/Encoders") {}

const Encoder = Schema.Struct({ codecs: Schema.Array(Schema.String) })
type Encoder = typeof Encoder.Type

export const layerEncoders = Group.layer(Encoders, "encoders", { value: Encoder })
// #endregion

// #region join
/** Makes this node an encoder until the scope closes, with a share of the work by its number of cores. */
export const becomeEncoder = Effect.fnUntraced(function* (cores: number, codecs: ReadonlyArray<string>) {
  const encoders = yield* Encoders
  yield* encoders.join({ codecs }, { weight: cores })
})
// #endregion

// #region pick
/** Returns the name of the node that encodes a video. All nodes pick the same one while they reach the same encoders. */
export const encoderOf = Effect.fnUntraced(function* (video: string) {
  const encoders = yield* Encoders
  const { peer } = yield* encoders.pick({ key: video })
  return peer.name
})
// #endregion

// #region singleton
/** Nodes that may send the report. */
export class Schedulers extends Context.Service<Schedulers, Group.Group<null>>()("example/Schedulers") {}

/** Jobs of the schedulers, of which each runs on one node. */
export class Jobs extends Context.Service<Jobs, Placement.Placement>()("example/Jobs") {}

export const layerJobs = Placement.layer(Jobs, Schedulers, { minimumMembers: 2 }).pipe(
  Layer.provideMerge(Group.layer(Schedulers, "schedulers", { value: Schema.Null })),
)

/** Sends a report every minute, on one node of at least two. */
export const layerReport = (sendReport: Effect.Effect<void>) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const schedulers = yield* Schedulers
      const jobs = yield* Jobs
      yield* schedulers.join(null)
      yield* Effect.forkScoped(jobs.singleton("report", Effect.repeat(sendReport, Schedule.spaced("1 minute"))))
    }),
  )
// #endregion

// #region while-owner
/** Reads the queue of a customer while this node owns the customer. */
export const readQueues = Effect.fnUntraced(function* (
  customers: ReadonlyArray<string>,
  readQueue: (customer: string) => Effect.Effect<void>,
) {
  const jobs = yield* Jobs
  yield* Effect.forEach(customers, (customer) => jobs.whileOwner(customer, readQueue(customer)), {
    concurrency: "unbounded",
  })
})
// #endregion

// #region watch
/** Logs where a customer is. */
export const follow = Effect.fnUntraced(function* (customer: string) {
  const jobs = yield* Jobs
  yield* Stream.runForEach(jobs.watch(customer), (ownership) => Effect.log(`${customer}: ${ownership}`))
})
// #endregion

/** A node with both groups. */
export const node = (name: string, seeds: ReadonlyArray<string>, sendReport: Effect.Effect<void>) =>
  layerReport(sendReport).pipe(
    Layer.provideMerge(layerJobs),
    Layer.provideMerge(layerEncoders),
    Layer.provideMerge(Cluster.layer({ cluster: "videos", name, seeds })),
  )
