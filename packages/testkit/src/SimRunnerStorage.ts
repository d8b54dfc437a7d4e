/**
 * Storage of Effect's own cluster engine (`effect/cluster`) for tests: one database in memory that all nodes of a
 * simulation share. It belongs to the scenario, so it survives the crashes of the nodes.
 *
 * **When to use**
 *
 * Use it for tests of entities, singletons and workflows on several simulated runners. Effect's own
 * `RunnerStorage.layerMemory` grants every shard to every caller, so it is only for one runner.
 *
 * **Details**
 *
 * The storage behaves as `SqlRunnerStorage` does on one database:
 *
 * - Operations are linearizable: each takes effect at one instant between its call and its return.
 * - A registration counts until `expiration` after its last refresh.
 * - Advisory locks belong to a session. They are free at once when the process dies, and `expiration` after the last
 *   operation of the session when its machine loses power, when the process stands still, or when it cannot reach the
 *   storage. A process that finds its session ended, or that fails to reach the storage, begins a new session.
 * - Row locks (`locks: "rows"`) belong to the address of the runner. They are free `expiration` after their last
 *   refresh, whatever happens to the process. Two processes with one address share them.
 * - Messages are kept by Effect's own `MessageStorage.MemoryDriver`.
 *
 * Time is the time of the place where the storage is made: the true virtual time in a scenario, and the time of
 * `TestClock` in an `it.effect`.
 *
 * ```ts
 * import * as SimRunnerStorage from "@coterie/testkit/SimRunnerStorage"
 * import { Simulation } from "@coterie/testkit"
 * import { Effect } from "effect"
 *
 * const scenario = Simulation.scenario("runners", (sim) =>
 *   Effect.gen(function* () {
 *     const storage = yield* SimRunnerStorage.make()
 *     yield* sim.nodes(["a", "b"], (name) => storage.layer(name))
 *   }),
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { PersistenceError } from "effect/cluster/ClusterError"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Snowflake from "effect/cluster/Snowflake"
import type { Life } from "./kernel/Life.ts"
import { CurrentLife } from "./kernel/LifeContext.ts"
import { finiteMicrosOf, usageError } from "./run/validateOptions.ts"
import type { SimulationError } from "./SimulationError.ts"
import type { Locks } from "./storage/LockTable.ts"
import { RunnerDatabase, type StorageEvent } from "./storage/RunnerDatabase.ts"
import { StorageClient, StorageError } from "./storage/StorageClient.ts"
import { StorageFaults } from "./storage/StorageFaults.ts"

export type { Locks } from "./storage/LockTable.ts"
export type { StorageEvent } from "./storage/RunnerDatabase.ts"

/**
 * Default time after which a registration or a lock of a silent runner is free. It is the default of the option
 * `shardLockExpiration` of `ShardingConfig`, and must be the same as that option.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultExpiration: Duration.Input = "35 seconds"

/**
 * Default time between a call and its result: a database in the same data centre.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultLatency: Duration.Input = "1 millis"

/**
 * Default time after which an operation fails when the storage does not answer. It is shorter than the 10 seconds that
 * the engine waits by default, as the timeout of a database client is.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultTimeout: Duration.Input = "5 seconds"

/**
 * Default number of events that the history keeps. A run of ten virtual minutes with three runners and 300 shards has
 * some thousand.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultHistory = 20_000

/**
 * Options of {@link make}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Kind of the shard locks. Defaults to `"advisory"`. */
  readonly locks?: Locks | undefined
  /**
   * Time after which the registration and the locks of a silent runner are free. Must be the same as
   * `shardLockExpiration` of the engine. Defaults to {@link defaultExpiration}.
   */
  readonly expiration?: Duration.Input | undefined
  /** Time between a call and its result. Defaults to {@link defaultLatency}. */
  readonly latency?: Duration.Input | undefined
  /** Time after which an operation fails when the storage does not answer. Defaults to {@link defaultTimeout}. */
  readonly timeout?: Duration.Input | undefined
  /** Maximum number of events that the history keeps, of which the last are kept. Defaults to {@link defaultHistory}. */
  readonly history?: number | undefined
  /**
   * Mistake that is planted in the storage, to prove that a test finds it. `"grantsTwice"` grants a shard lock while
   * another runner holds it. Defaults to no mistake.
   */
  readonly mistake?: "grantsTwice" | undefined
}

/**
 * Holder of a shard lock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Owner {
  /** Name of the node, as given to {@link SimRunnerStorage.layer}. */
  readonly node: string
  /** Address of the runner, as `host:port`. */
  readonly address: string
}

/**
 * Registered runner whose registration has not expired.
 *
 * @category models
 * @since 0.1.0
 */
export interface Registered {
  /** Address of the runner, as `host:port`. */
  readonly address: string
  readonly healthy: boolean
}

/**
 * Storage that all nodes share.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimRunnerStorage {
  /**
   * Layer of the storages of the engine in one node. The name is that of the node, for faults and for the history. Each
   * build of the layer is one session.
   */
  readonly layer: (node: string) => Layer.Layer<RunnerStorage.RunnerStorage | MessageStorage.MessageStorage>
  /** Returns the holders of each shard lock, by the shard as `group:number`. For invariants. */
  readonly owners: () => ReadonlyMap<string, ReadonlyArray<Owner>>
  /**
   * Returns `true` if no shard lock has two holders, and otherwise a text that names them: the predicate of the
   * invariant "no two runners own a shard".
   */
  readonly soleOwners: () => true | string
  /** Returns the runners whose registration has not expired. For invariants. */
  readonly runners: () => ReadonlyArray<Registered>
  /** Returns the last events: registrations, changes of health, and grants and ends of locks. */
  readonly history: () => ReadonlyArray<StorageEvent>
  /**
   * Makes the storage unreachable from a node until {@link restore}. Operations wait, and fail after the timeout. An
   * operation whose answer is lost has taken effect. Fails with `SimulationError` and the reason `nodeName` if no layer
   * was made for the node, as the other functions do.
   */
  readonly cut: (node: string) => Effect.Effect<void, SimulationError>
  /** Makes the storage reachable from a node again. */
  readonly restore: (node: string) => Effect.Effect<void, SimulationError>
  /**
   * Adds a time to every operation of a node. Zero ends it. Fails with `SimulationError` and the reason `options` if the
   * time is not finite.
   */
  readonly slow: (node: string, by: Duration.Input) => Effect.Effect<void, SimulationError>
  /**
   * Lets the operations of a node fail with a probability from 0 to 1. Half of the operations that fail have taken
   * effect. Zero ends it. Fails with `SimulationError` and the reason `options` if it is not a probability.
   */
  readonly failing: (node: string, chance: number) => Effect.Effect<void, SimulationError>
  /** Ends all faults of the storage. */
  readonly heal: Effect.Effect<void>
}

/** Returns the time since now in milliseconds, by a clock that is not that of the caller. */
const timeOf = (clock: Clock.Clock) => {
  const start = clock.monotonicTimeNanosUnsafe()
  return () => Number(clock.monotonicTimeNanosUnsafe() - start) / 1_000_000
}

const persistenceError = (cause: unknown): PersistenceError => new PersistenceError({ cause })

/** Runs an operation of a client, with the error of the services. */
const call = <A>(
  client: StorageClient,
  operation: Effect.Effect<A, PersistenceError>,
): Effect.Effect<A, PersistenceError> =>
  Effect.mapError(client.call(operation), (error) => (error instanceof StorageError ? persistenceError(error) : error))

/** Makes the storage of runners of one process. */
const runnerStorage = (database: RunnerDatabase, client: StorageClient): RunnerStorage.RunnerStorage["Service"] => {
  const { node } = client
  const now = <A>(operation: () => A) => call(client, Effect.sync(operation))
  const acquire = (address: string, shards: ReadonlyArray<string>) =>
    client.withSession(address, (session) => database.acquire(session, shards))
  return RunnerStorage.makeEncoded({
    getRunners: now(() => database.runners().map(({ healthy, runner }) => [runner, healthy] as const)),
    register: (address, runner, healthy) => now(() => database.register(node, address, runner, healthy)),
    unregister: (address) => now(() => database.unregister(node, address)),
    setRunnerHealth: (address, healthy) => now(() => database.setHealth(node, address, healthy)),
    // As in `SqlRunnerStorage`: acquiring does not depend on the previous session, so it is tried again on the next.
    acquire: (address, shards) =>
      Effect.mapError(
        Effect.catch(acquire(address, shards), () => acquire(address, shards)),
        persistenceError,
      ),
    refresh: (address, shards) =>
      shards.length === 0
        ? Effect.as(
            now(() => database.heartbeat(address)),
            [],
          )
        : Effect.mapError(
            client.withSession(address, (session) => database.refresh(session, shards)),
            persistenceError,
          ),
    release: (address, shard) =>
      Effect.mapError(
        client.withSession(address, (session) => database.release(session, shard)),
        persistenceError,
      ),
    releaseAll: (address) =>
      Effect.mapError(
        client.withSession(address, (session) => database.releaseAll(session)),
        persistenceError,
      ),
  })
}

/** Makes the storage of messages of one process. All processes share the driver; each has its own reply handlers. */
const messageStorage = ({ encoded }: MessageStorage.MemoryDriver["Service"], client: StorageClient) =>
  MessageStorage.makeEncoded({
    saveEnvelope: (options) => call(client, encoded.saveEnvelope(options)),
    saveReply: (reply) => call(client, encoded.saveReply(reply)),
    clearReplies: (id, options) => call(client, encoded.clearReplies(id, options)),
    requestIdForPrimaryKey: (key) => call(client, encoded.requestIdForPrimaryKey(key)),
    repliesFor: (ids) => call(client, encoded.repliesFor(ids)),
    repliesForUnfiltered: (ids) => call(client, encoded.repliesForUnfiltered(ids)),
    unprocessedMessages: (shards, now, options) => call(client, encoded.unprocessedMessages(shards, now, options)),
    unprocessedMessagesById: (ids, now) => call(client, encoded.unprocessedMessagesById(ids, now)),
    resetRequests: (ids) => call(client, encoded.resetRequests(ids)),
    resetAddresses: (addresses) => call(client, encoded.resetAddresses(addresses)),
    clearAddress: (address) => call(client, encoded.clearAddress(address)),
    resetShards: (shards) => call(client, encoded.resetShards(shards)),
    withTransaction: encoded.withTransaction,
  })

/** Makes the layer of the storages in one process. Closing its scope ends the session. */
const processLayer = (
  database: RunnerDatabase,
  driver: MessageStorage.MemoryDriver["Service"],
  clientOf: (life: Life | undefined) => StorageClient,
): Layer.Layer<RunnerStorage.RunnerStorage | MessageStorage.MessageStorage> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const life = yield* CurrentLife
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => clientOf(life)),
        (client) => Effect.sync(() => client.close()),
      )
      return Context.make(RunnerStorage.RunnerStorage, runnerStorage(database, client)).pipe(
        Context.add(MessageStorage.MessageStorage, yield* messageStorage(driver, client)),
      )
    }),
  ).pipe(Layer.provide(Snowflake.layerGenerator))

/** Returns the milliseconds of an option. Fails if it is not a finite duration. */
const millisOf = (name: string, input: Duration.Input) =>
  Effect.map(Effect.fromResult(finiteMicrosOf(name, input)), (micros) => micros / 1_000)

/**
 * Makes an empty storage. Make it in the scenario, outside of the layers of nodes, so that it survives their crashes.
 * Fails with `SimulationError` and the reason `options` if a time is not a finite duration.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* ({
  expiration = defaultExpiration,
  history = defaultHistory,
  latency = defaultLatency,
  locks = "advisory",
  mistake,
  timeout = defaultTimeout,
}: Options = {}): Effect.fn.Return<SimRunnerStorage, SimulationError> {
  const now = timeOf(yield* Clock.Clock)
  const random = yield* Random.Random
  const driver = yield* Effect.provide(MessageStorage.MemoryDriver.make, Snowflake.layerGenerator)
  const faults = new StorageFaults()
  const database = new RunnerDatabase({
    locks,
    expiration: yield* millisOf("expiration", expiration),
    grantsTwice: mistake === "grantsTwice",
    history,
    now,
  })
  const shared = {
    database,
    hasSessions: locks === "advisory",
    faults,
    random,
    latency: yield* millisOf("latency", latency),
    timeout: yield* millisOf("timeout", timeout),
  }
  const set = (node: string, change: Parameters<StorageFaults["set"]>[1]): Effect.Effect<void, SimulationError> =>
    Effect.suspend(() => {
      if (faults.nodes.has(node)) return Effect.sync(() => faults.set(node, change))
      const known = [...faults.nodes].join(", ") || "none"
      return Effect.fail(usageError("nodeName", `no node "${node}" uses the storage; the nodes are: ${known}`))
    })
  const ownerOf = ({ address, node }: Owner): Owner => ({ node, address })
  return {
    layer: (node) => {
      faults.addNode(node)
      return processLayer(database, driver, (life) => new StorageClient({ ...shared, node, life }))
    },
    owners: () => new Map([...database.owners()].map(([shard, holders]) => [shard, holders.map(ownerOf)])),
    soleOwners: () => {
      const both = database.shared()
      if (both === undefined) return true
      return `${both.shard} is locked by ${both.holders.map(({ address, node }) => `${node} (${address})`).join(" and ")}`
    },
    runners: () => database.runners().map(({ address, healthy }) => ({ address, healthy })),
    history: () => database.history(),
    cut: (node) => set(node, { cut: true }),
    restore: (node) => set(node, { cut: false }),
    slow: (node, by) => Effect.flatMap(millisOf("slow", by), (slowBy) => set(node, { slowBy })),
    failing: (node, chance) =>
      chance >= 0 && chance <= 1
        ? set(node, { failing: chance })
        : Effect.fail(usageError("options", `failing: ${chance} is not a probability: give a number from 0 to 1`)),
    heal: Effect.sync(() => faults.clear()),
  }
})
