/** Runners of Effect's own cluster engine: no two of them own a shard, and every account answers after all faults. */
import { type FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import * as SimClusterSocket from "@coterie/testkit/SimClusterSocket"
import * as SimRpcSerialization from "@coterie/testkit/SimRpcSerialization"
import * as SimRunnerStorage from "@coterie/testkit/SimRunnerStorage"
import { Effect, Layer, Option, Random, Schedule } from "effect"
import {
  RunnerAddress,
  RunnerHealth,
  Runners,
  type RunnerStorage,
  ShardId,
  Sharding,
  ShardingConfig,
  SocketRunner,
  type MessageStorage,
} from "effect/cluster"
import { RpcSerialization } from "effect/rpc"
import * as Account from "./Account.ts"

const names = ["a", "b", "c"] as const
const accounts = ["ann", "ben", "cat", "dan", "eve"] as const
const shards = Array.from({ length: 12 }, (_, i) => ShardId.make("default", i + 1))

/** Runner of a node. In production, `NodeClusterSocket` and a database take the place of the simulated layers. */
const layerRunner = (name: string, storage: Layer.Layer<RunnerStorage.RunnerStorage | MessageStorage.MessageStorage>) =>
  Account.layer.pipe(
    Layer.provideMerge(SocketRunner.layer),
    Layer.provide(SimClusterSocket.layerSocketServer),
    Layer.provide(RunnerHealth.layerPing),
    Layer.provide(Runners.layerRpc),
    Layer.provide(SimClusterSocket.layerClientProtocol),
    Layer.provide(SimRpcSerialization.layer(RpcSerialization.layerSchemaBinary())),
    Layer.provide(storage),
    Layer.provide(
      ShardingConfig.layer({
        runnerAddress: Option.some(RunnerAddress.make(name, 34_431)),
        shardsPerGroup: shards.length,
      }),
    ),
  )

const lasting = { min: "1 seconds", mean: "10 seconds", max: "60 seconds" } as const

/**
 * Faults of the runners and their network. A process that stands still for longer than its lease still takes its shards
 * for its own when it goes on, until it asks the storage. The engine cannot prevent it, so no pause is that long. With
 * advisory locks there is no pause at all: it lets operations of the database time out.
 */
const faultsOf = (locks: SimRunnerStorage.Locks): FaultPlan.Input => ({
  swarm: {
    network: { delay: {}, loss: { uniform: [0, 0.05] } },
    faults: {
      partition: { for: lasting },
      clog: {},
      reset: {},
      crash: { for: lasting },
      stop: { for: lasting },
      ...(locks === "rows" ? { pause: { for: { min: "100 millis", mean: "2 seconds", max: "8 seconds" } } } : {}),
    },
  },
})

export const runners = (mistake?: "grantsTwice", locks: SimRunnerStorage.Locks = "rows") =>
  Simulation.scenario(
    `runners of a cluster, ${locks} locks${mistake === undefined ? "" : `: ${mistake}`}`,
    {
      faults: faultsOf(locks),
      timeLimit: "20 minutes",
      // With `preempt`, a server of Effect's RPC rarely never stops: a handler that ends between two finalizers of its
      // connection writes to the closed connection, and waits for another one.
      explore: "random",
      // The engine keeps a fiber for each persisted request that arrives at a runner without its shard.
      leaks: false,
    },
    (sim) =>
      Effect.gen(function* () {
        const storage = yield* SimRunnerStorage.make({ mistake, locks })
        const balances = new Map<string, Map<string, number>>()
        const layerLedger = Layer.succeed(Account.Ledger, {
          add: (account, id, amount) =>
            Effect.sync(() => balances.set(account, new Map(balances.get(account)).set(id, amount))),
          balance: (account) =>
            Effect.sync(() => [...(balances.get(account)?.values() ?? [])].reduce((a, b) => a + b, 0)),
        })
        const nodes = yield* sim.nodes(names, (name) =>
          Layer.provide(layerRunner(name, storage.layer(name)), layerLedger),
        )
        yield* Invariant.always("no two runners own a shard", () => {
          for (const shard of shards) {
            const owners = names.filter((name) => nodes[name].service(Sharding.Sharding)?.hasShardId(shard) === true)
            if (owners.length > 1) return `${shard} is owned by ${owners.join(" and ")}`
          }
          return storage.soleOwners()
        })

        // The database is slow, out of reach, or fails, for some node at some time. After an operation that failed or timed
        // out, the engine replaces its database session. It loses all advisory locks with the old one, and notices only at
        // the next refresh, up to 10 seconds later. So with advisory locks, the database is only slow.
        const kinds = locks === "rows" ? 3 : 1
        yield* Effect.gen(function* () {
          const node = names[yield* Random.nextIntBetween(0, names.length, { halfOpen: true })] ?? "a"
          const kind = yield* Random.nextIntBetween(0, kinds, { halfOpen: true })
          if (kind === 0) yield* storage.slow(node, "2 seconds")
          else if (kind === 1) yield* storage.cut(node)
          else yield* storage.failing(node, 0.3)
          yield* Effect.sleep((yield* Random.nextIntBetween(1, 60)) * 1_000)
          yield* storage.heal
        }).pipe(Effect.repeat(Schedule.spaced("5 seconds")), Effect.forkScoped)

        let deposits = 0
        const acknowledged: Array<string> = []
        yield* Effect.gen(function* () {
          const id = `${++deposits}`
          const node = nodes[names[deposits % names.length] ?? "a"]
          const account = accounts[deposits % accounts.length] ?? "ann"
          const deposit = Effect.flatMap(Account.Account.client, (client) => client(account).Deposit({ id, amount: 1 }))
          yield* Effect.forkScoped(
            Effect.ignore(
              Effect.andThen(
                node.run(deposit),
                Effect.sync(() => acknowledged.push(`${account} ${id}`)),
              ),
            ),
          )
        }).pipe(Effect.repeat(Schedule.spaced("1 second")), Effect.forkScoped)

        yield* Effect.sleep("2 minutes")
        yield* storage.heal
        const balance = (account: string) =>
          nodes.a.run(Effect.flatMap(Account.Account.client, (client) => client(account).Balance()))
        let answers = 0
        yield* sim.note("every account is asked")
        yield* Effect.forkScoped(
          Effect.forEach(accounts, (account) =>
            Effect.retry(balance(account), Schedule.spaced("1 second")).pipe(
              Effect.tap(() => Effect.sync(() => answers++)),
            ),
          ),
        )
        yield* sim.converges(() => answers === accounts.length || `${answers} accounts have answered`, {
          within: "2 minutes",
        })
        const lost = acknowledged.filter((each) => {
          const [account = "", id = ""] = each.split(" ")
          return balances.get(account)?.has(id) !== true
        })
        if (lost.length > 0) return yield* Effect.fail(new Error(`acknowledged deposits are lost: ${lost.join(", ")}`))
      }),
  )
