/** Runners on the simulated network, in virtual time. */
import { Cluster } from "@coterie/core/Cluster"
import * as SimRunnerStorage from "@coterie/testkit/SimRunnerStorage"
import * as Sharding from "effect/cluster/Sharding"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as World from "../../../core/test/cluster/world.ts"
import * as CoterieCluster from "../../src/CoterieCluster.ts"
import type { ShardingOptions } from "../../src/CoterieRunners.ts"
import * as Account from "./account.ts"

/** Few shards, so that the storage has little to do, and short intervals. */
export const sharding: ShardingOptions = {
  shardsPerGroup: 20,
  entityMessagePollInterval: "2 seconds",
  entityTerminationTimeout: "1 second",
}

export type Engine = Effect.Success<ReturnType<typeof start>>

interface Options {
  readonly seeds?: ReadonlyArray<string>
  readonly node?: World.NodeOptions
  readonly engine?: Partial<CoterieCluster.Options<never, never>>
  readonly deposited?: (id: string) => void
}

/** Starts a node with a runner. */
export const start = Effect.fnUntraced(function* (
  world: World.World,
  storage: SimRunnerStorage.SimRunnerStorage,
  name: string,
  { deposited, engine, node: options, seeds = [] }: Options = {},
) {
  const node = yield* world.node(name, { seeds, ...options })
  const seen = Account.makeSeen()
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = Account.layer(name, seen, deposited).pipe(
    Layer.provideMerge(CoterieCluster.layer({ storage: storage.layer(name), sharding, ...engine })),
    Layer.provide([Layer.succeed(Cluster, node.cluster), Logger.layer([])]),
  )
  const context = yield* Layer.buildWithScope(layer, scope)
  const client = yield* Effect.provide(Account.Account.client, context)
  return {
    name,
    node,
    seen,
    client,
    sharding: Context.get(context, Sharding.Sharding),
    stop: Scope.close(scope, Exit.void),
  }
})

/** Starts runners that know each other, and waits until each of them owns shards. */
export const startAll = Effect.fnUntraced(function* (
  world: World.World,
  names: ReadonlyArray<string>,
  options: Options & { readonly storage?: SimRunnerStorage.Options } = {},
) {
  const storage = yield* SimRunnerStorage.make(options.storage)
  const engines: Array<Engine> = []
  for (const name of names) {
    engines.push(yield* start(world, storage, name, { ...options, seeds: engines.map(({ node }) => node.address) }))
  }
  yield* untilOwners(storage, names)
  return { storage, engines }
})

/** Names of the nodes that own a shard. */
const owners = (storage: SimRunnerStorage.SimRunnerStorage): ReadonlyArray<string> =>
  [...new Set([...storage.owners().values()].flatMap((all) => all.map(({ node }) => node)))].sort()

/** Waits until exactly these nodes own all shards. */
export const untilOwners = (storage: SimRunnerStorage.SimRunnerStorage, names: ReadonlyArray<string>) =>
  World.eventually(
    () =>
      storage.owners().size === sharding.shardsPerGroup && owners(storage).join(" ") === [...names].sort().join(" "),
  )

/** Finds ids of entities that live on a node. */
export const idsOn = Effect.fnUntraced(function* (caller: Engine, name: string, count = 1) {
  const ids: Array<string> = []
  for (let i = 0; ids.length < count; i++) {
    if ((yield* caller.client(`e${i}`).Where()) === name) ids.push(`e${i}`)
  }
  return ids
})

/** Finds the id of an entity that lives on a node. */
export const idOn = (caller: Engine, name: string) => Effect.map(idsOn(caller, name), ([id = ""]) => id)
