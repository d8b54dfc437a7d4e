/**
 * Runner of the engine over PostgreSQL. Tests and the benchmark kill it and stop it:
 *
 *     node runner.ts OPTIONS
 *
 * The options are JSON (Protocol.ts). It writes reports to its standard output and reads commands from its standard
 * input. It stops at the end of the input and on SIGTERM.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EntityId from "effect/cluster/EntityId"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as Sharding from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SocketRunner from "effect/cluster/SocketRunner"
import * as SqlMessageStorage from "effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Sockets from "../../../../examples/shop/sockets.ts"
import * as CoterieCluster from "../../src/CoterieCluster.ts"
import * as CoterieRunnerHealth from "../../src/CoterieRunnerHealth.ts"
import * as RunnerPeers from "../../src/RunnerPeers.ts"
import * as Account from "../engine/account.ts"
import * as Protocol from "./Protocol.ts"

const options = Protocol.decodeOptions(process.argv[2] ?? "")
const { database, mode, name, port = 0, prefix, seeds } = options

const report = (what: Protocol.Report) => Console.log(Protocol.encodeReport(what))

const now = (): number => Number(process.hrtime.bigint()) / 1e6

const storage = Layer.merge(
  SqlMessageStorage.layerWith({ prefix }).pipe(Layer.provide(NodeCrypto.layerDigest)),
  SqlRunnerStorage.layerWith({ prefix }),
).pipe(Layer.provide(PgClient.layer(database)))

const host = "127.0.0.1"
const socketOptions = { host, port, storage, sharding: options.sharding }
const peers = Sockets.peers(name, seeds, socketOptions)

/** Effect's own sockets, and its own configuration except for the given settings. */
const sockets = SocketRunner.layer.pipe(
  Layer.provide(NodeClusterSocket.layerSocketServer),
  Layer.provide(NodeClusterSocket.layerClientProtocol),
)
const socketConfig = ShardingConfig.layer({
  ...options.sharding,
  runnerAddress: Option.some(RunnerAddress.make(host, port)),
})
const base = Layer.mergeAll(socketConfig, RpcSerialization.layerSchemaBinary())

const pings = RunnerHealth.layerPing.pipe(
  Layer.provide(Runners.layerRpc),
  Layer.provide(NodeClusterSocket.layerClientProtocol),
)

const health = CoterieRunnerHealth.layer.pipe(Layer.provide(RunnerPeers.layerByMetadata()))

/** Returns the engine of this mode, with the services that the program uses. */
const engineOf = (): Layer.Layer<Sharding.Sharding, unknown, Cluster.Cluster> => {
  const { sharding } = options
  switch (mode) {
    case "coterie":
      return CoterieCluster.layer({ storage, sharding })
    case "client":
      return CoterieCluster.layerClientOnly({ storage, sharding })
    case "responder":
      return Sockets.engine(socketOptions)
    case "health":
      return sockets.pipe(Layer.provide(health), Layer.provide(storage), Layer.provide(base))
    case "ping":
      return sockets.pipe(Layer.provide(pings), Layer.provide(storage), Layer.provide(base))
  }
}

/** Shard of the singleton that checks the health of runners. */
const holds = ({ getShardId, hasShardId }: Sharding.Sharding["Service"]): boolean =>
  hasShardId(getShardId(EntityId.make("effect/cluster/Sharding/RunnerHealth"), "default"))

const program = Effect.gen(function* () {
  const sharding = yield* Sharding.Sharding
  const client = yield* Account.Account.client
  const self = yield* (yield* Cluster.Cluster).self
  const hasNode = mode === "coterie" || mode === "client"
  const runner = hasNode ? `${self.name}:${self.generation}` : `${host}:${port}`

  const locate = (entity: string, within: number) =>
    client(entity)
      .Where()
      .pipe(
        Effect.timeout(within),
        Effect.orElseSucceed(() => ""),
      )
  const obey = (command: Protocol.Command): Effect.Effect<void> => {
    switch (command._tag) {
      case "Locate":
        return Effect.forEach(command.entities, (entity) => locate(entity, command.within), {
          concurrency: "unbounded",
        }).pipe(Effect.flatMap((nodes) => report({ _tag: "Places", id: command.id, at: now(), nodes })))
      case "Deposit":
        return client(command.entity)
          .Deposit({ id: command.deposit, amount: 1 })
          .pipe(
            Effect.match({ onFailure: String, onSuccess: (node) => node }),
            Effect.flatMap((result) => report({ _tag: "Done", deposit: command.deposit, result })),
          )
      case "AskHolder":
        return report({ _tag: "Holder", id: command.id, holds: holds(sharding) })
    }
  }
  yield* report({ _tag: "Started", address: self.addresses[0] ?? "", runner })
  yield* (yield* Stdio.Stdio).stdin.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect((line) => Protocol.decodeCommand(line)),
    Stream.runForEach((command) => Effect.forkScoped(obey(command))),
  )
})

const entities = Account.layer(name, Account.makeSeen(), (deposit) => {
  Effect.runSync(report({ _tag: "CarriedOut", deposit }))
})

/** A client has no entities. */
const hosted = mode === "client" ? Layer.empty : entities

program.pipe(
  Effect.scoped,
  Effect.provide(Layer.provideMerge(hosted, engineOf())),
  Effect.provide(Layer.mergeAll(peers, NodeStdio.layer)),
  Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
  NodeRuntime.runMain,
)
