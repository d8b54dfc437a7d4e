/** The program of docs/recipes/presence.md. The chat service uses its layer. */
// #region program
import { Cluster, type Peer } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { Presence } from "@coterie/state"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Context, Effect, Layer, Option, Schedule, Schema } from "effect"

/** Users that are online at any instance. A `track` is one socket of a user. It has no data here. */
export class Users extends Context.Service<Users, Presence.Presence<null>>()("examples/recipes/Users") {}

export const layer = Presence.layer(Users, "users", { value: Schema.Null })

/** Returns the instances that hold a socket of a user. A user who is leaving has none. */
export const instancesOf = ({ leaving, metas }: Presence.Present<null>): ReadonlyArray<Peer.PeerId> =>
  leaving
    ? []
    : Array.dedupeWith(
        Array.map(metas, ({ peer }) => peer),
        (a, b) => a.name === b.name,
      )

/** Returns the instances that hold a socket of the user with this name. */
export const where = (users: Users["Service"], name: string): Effect.Effect<ReadonlyArray<Peer.PeerId>> =>
  Effect.map(users.get(name), Option.match({ onNone: () => [], onSome: instancesOf }))
// #endregion

// #region main
/** Tracks the users of the command line, and logs every 2 seconds who is online. */
const Demo = Layer.effectDiscard(
  Effect.gen(function* () {
    const users = yield* Users
    yield* Effect.forEach(process.argv.slice(2), (user) => users.track(user, null))
    const text = (present: Presence.Present<null>) =>
      present.leaving ? `${present.key} leaves` : `${present.key} at ${instancesOf(present).map(({ name }) => name)}`
    const show = Effect.flatMap(users.list, (list) =>
      Effect.log(`online: ${[...list.values()].map(text).sort().join(", ")}`),
    )
    yield* Effect.forkScoped(Effect.schedule(show, Schedule.spaced("2 seconds")))
  }),
)

/** Runs until the node has stopped. The presence is open before `layerStart`. */
export const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped).pipe(
  Effect.provide(Layer.mergeAll(Demo, Cluster.layerStart).pipe(Layer.provideMerge(layer))),
  Effect.provide(Cluster.layerFromEnv({ cluster: "presence", start: "manual" })),
  Effect.provide(NodeTransport.layerFromEnv()),
)

if (import.meta.main) NodeRuntime.runMain(main)
// #endregion
