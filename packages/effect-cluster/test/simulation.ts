/**
 * Runners of the engine in a simulation with all faults of nodes and of the network, and with a storage that fails. No
 * two runners own a shard, and afterwards every entity answers.
 */
import * as Cluster from "@coterie/core/Cluster"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import * as SimRunnerStorage from "@coterie/testkit/SimRunnerStorage"
import * as ShardId from "effect/cluster/ShardId"
import * as Sharding from "effect/cluster/Sharding"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as CoterieCluster from "../src/CoterieCluster.ts"
import * as Account from "./engine/account.ts"
import * as Runners from "./engine/runners.ts"

const shards = Array.from({ length: Runners.sharding.shardsPerGroup ?? 0 }, (_, i) => ShardId.make("default", i + 1))

/** Entities that are called. */
const ids = Array.from({ length: 8 }, (_, i) => `e${i}`)

/** Names of the situations that some seed must reach. */
const situations = {
  marked: "a runner is marked as unhealthy",
  moved: "a shard moves from one runner to another",
  answered: "an entity of another runner answers",
} as const

class App extends Context.Service<
  App,
  {
    readonly sharding: Sharding.Sharding["Service"]
    /** Calls each entity once. Returns the nodes that answered. */
    readonly callAll: Effect.Effect<ReadonlyArray<string>, unknown>
  }
>()("test/App") {}

const makeApp = Effect.fnUntraced(function* (name: string) {
  const client = yield* Account.Account.client
  // The link may be lost after the entity has answered, and before the answer arrives. The engine then sends the volatile
  // request again, which its runner refuses. A caller that may ask twice makes a new request.
  const where = (id: string) =>
    Effect.retry(client(id).Where(), { while: (error) => error._tag === "AlreadyProcessingMessage" })
  const one = (id: string) =>
    Effect.gen(function* () {
      const life = yield* Random.nextInt
      const node = yield* where(id)
      yield* client(id).Deposit({ id: `${id} by ${name} ${life}`, amount: 1 })
      return node
    })
  const talk = Effect.gen(function* () {
    while (true) {
      const id = ids[yield* Random.nextIntBetween(0, ids.length)] ?? ""
      yield* Effect.forkScoped(Effect.ignore(Effect.timeout(one(id), "10 seconds")))
      yield* Effect.sleep(yield* Random.nextIntBetween(100, 1_000))
    }
  })
  yield* Effect.forkScoped(talk)
  return App.of({
    sharding: yield* Sharding.Sharding,
    callAll: Effect.forEach(ids, one, { concurrency: "unbounded" }),
  })
})

const layer = (name: string, storage: SimRunnerStorage.SimRunnerStorage, locks: SimRunnerStorage.Locks) =>
  Layer.effect(App)(makeApp(name)).pipe(
    Layer.provide(Account.layer(name, Account.makeSeen())),
    Layer.provide(
      CoterieCluster.layer({
        storage: storage.layer(name),
        sharding: { ...Runners.sharding, shardLockDisableAdvisory: locks === "rows" },
      }),
    ),
    Layer.provideMerge(Cluster.layer({ cluster: "accounts", name, seeds: ["n1", "n2"] })),
  )

/**
 * Lets the storage be slow or fail, one node after the other. With advisory locks it is only slow: when an operation
 * fails, the engine begins a new session with the database and so loses its locks, and it believes in them until its
 * next refresh. This is a gap of the engine on any transport.
 */
const storageFaults = (
  storage: SimRunnerStorage.SimRunnerStorage,
  names: ReadonlyArray<string>,
  locks: SimRunnerStorage.Locks,
) =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(yield* Random.nextIntBetween(1_000, 20_000))
      const name = names[yield* Random.nextIntBetween(0, names.length)] ?? ""
      const kind = locks === "rows" ? yield* Random.nextIntBetween(0, 3) : 0
      if (kind === 0) yield* storage.slow(name, "2 seconds")
      else if (kind === 1) yield* storage.cut(name)
      else yield* storage.failing(name, 0.3)
      yield* Effect.sleep(yield* Random.nextIntBetween(100, 40_000))
      yield* storage.heal
    }
  })

/**
 * Faults without pauses. A process that wakes up after its locks have expired believes in them until its next refresh,
 * which is a gap of the engine on any storage.
 */
const faults: FaultPlan.Input = {
  swarm: {
    ...FaultPlan.swarm.swarm,
    faults: { ...FaultPlan.swarm.swarm.faults, pause: { perMinute: 0 } },
  },
}

interface Options {
  /** Name of the scenario. */
  readonly name: string
  /** Mistake of the storage that a test plants. */
  readonly mistake?: SimRunnerStorage.Options["mistake"]
  /** `true` if some of many seeds must reach each situation. */
  readonly hasGoals?: boolean
}

/** Makes the scenario. */
export const makeScenario = ({ hasGoals = false, mistake, name: title }: Options) =>
  Simulation.scenario(
    title,
    // The engine leaves fibers behind when it stops: its handler of a persisted request forks a fiber that waits for the
    // next read of the storage (`RunnerServer.layerHandlers`), and nobody interrupts it.
    { faults, timeLimit: "30 minutes", strict: true, leaks: false },
    (sim) =>
      Effect.gen(function* () {
        const locks = (yield* Random.nextBoolean) ? "advisory" : "rows"
        const storage = yield* SimRunnerStorage.make({ locks, mistake })
        const names = Array.from({ length: yield* Random.nextIntBetween(2, 5) }, (_, i) => `n${i + 1}`)
        const nodes = yield* sim.nodes(names, (name) => layer(name, storage, locks))
        const shardingOf = (name: string) => nodes[name]?.service(App)?.sharding
        yield* Invariant.always("no shard lock has two holders", storage.soleOwners)
        // The shards of a runner change in its own steps only, so a step of one runner compares only this runner.
        for (const name of names) {
          const sharesNoShard = (): true | string => {
            const own = shardingOf(name)
            if (own === undefined) return true
            const others = names.flatMap((other) => (other === name ? [] : (shardingOf(other) ?? [])))
            const shared = shards.find(
              (shard) => own.hasShardId(shard) && others.some((each) => each.hasShardId(shard)),
            )
            return shared === undefined || `two runners run ${String(shared)}`
          }
          yield* Invariant.always("no two runners believe that they own a shard", sharesNoShard, { nodes: [name] })
        }
        if (hasGoals) for (const situation of Object.values(situations)) yield* Invariant.sometimes(situation)
        const failing = yield* Effect.forkScoped(storageFaults(storage, names, locks))
        yield* Effect.sleep("60 seconds")
        yield* sim.converges(() => Object.values(nodes).every((node) => node.state === "running"))
        failing.interruptUnsafe()
        yield* storage.heal
        // Evaluated once, because the history is long.
        const events = new Set(storage.history().map(({ event }) => event))
        if (hasGoals && events.has("unhealthy")) yield* Invariant.reached(situations.marked)
        if (hasGoals && (events.has("released") || events.has("expired"))) yield* Invariant.reached(situations.moved)
        const all = Object.values(nodes).map((node) => node.run(Effect.flatMap(App, ({ callAll }) => callAll)))
        const answers = yield* Effect.timeout(Effect.all(all, { concurrency: "unbounded" }), "2 minutes")
        if (hasGoals && new Set(answers.flat()).size > 1) yield* Invariant.reached(situations.answered)
      }),
  )

/** Runners under faults. */
export const runners = makeScenario({
  name: "no two runners own a shard, and every entity answers after the faults",
  hasGoals: true,
})

/** Runners under faults, for few seeds. */
export const fewSeeds = makeScenario({ name: "no two runners own a shard, and every entity answers" })
