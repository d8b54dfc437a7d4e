/** The program of docs/recipes/cache-invalidation.md. The chat service uses its layer. */
// #region program
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { PeerCache } from "@coterie/reactivity"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cache, Context, Effect, Layer, Schedule, Schema } from "effect"
import { KeyValueStore } from "effect/persistence"

/** Names of users. All instances share the store, and each has a cache. */
export class Profiles extends Context.Service<
  Profiles,
  {
    /** Returns the name of a user; the user itself if there is none. */
    readonly name: (user: string) => Effect.Effect<string, KeyValueStore.KeyValueStoreError>
    readonly rename: (user: string, name: string) => Effect.Effect<void, KeyValueStore.KeyValueStoreError>
  }
>()("examples/recipes/Profiles") {}

export const layer = Layer.effect(Profiles)(
  Effect.gen(function* () {
    const store = KeyValueStore.prefix(yield* KeyValueStore.KeyValueStore, "name.")
    const lookup = (user: string) =>
      Effect.tap(
        Effect.map(store.get(user), (name) => name ?? user),
        Effect.logInfo(`read ${user} from the store`),
      )
    const cache = yield* Cache.make({ capacity: 10_000, lookup })
    const { invalidate } = yield* PeerCache.attach(cache, { channel: "profiles", key: Schema.String })
    return {
      name: (user) => Cache.get(cache, user),
      // Every string matches the schema of the keys.
      rename: (user, name) => Effect.andThen(store.set(user, name), Effect.orDie(invalidate(user))),
    }
  }),
)

/** Renames the user `ann` if the command line has a name, and logs the name of `ann` every 2 seconds. */
const Demo = Layer.effectDiscard(
  Effect.gen(function* () {
    const { name, rename } = yield* Profiles
    const [newName] = process.argv.slice(2)
    if (newName !== undefined) yield* rename("ann", newName)
    const show = Effect.flatMap(name("ann"), (shown) => Effect.log(`ann is called ${shown}`))
    yield* Effect.forkScoped(Effect.schedule(Effect.ignore(show, { log: true }), Schedule.spaced("2 seconds")))
  }),
)

/** Runs until the node has stopped, since nothing is invalidated after that. The cache is attached before `layerStart`. */
export const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped).pipe(
  Effect.provide(Demo.pipe(Layer.provideMerge(Cluster.layerStart), Layer.provideMerge(layer))),
  Effect.provide(Cluster.layerFromEnv({ cluster: "profiles", start: "manual" })),
  Effect.provide(
    Layer.mergeAll(
      NodeTransport.layerFromEnv(),
      KeyValueStore.layerFileSystem(process.env["STORE"] ?? "profiles-store"),
    ),
  ),
  Effect.provide(NodeServices.layer),
)

if (import.meta.main) NodeRuntime.runMain(main)
// #endregion
