import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { PeerEventLogStorage } from "@coterie/reactivity"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer } from "effect"
import { EventLogServerEncrypted, SqlEventLogServerEncrypted } from "effect/eventlog"
import { RpcSerialization, RpcServer } from "effect/rpc"

/** Storage that all instances share. With the layer of Effect alone, a client gets the writes of its instance only. */
const Storage = PeerEventLogStorage.layerEncrypted().pipe(
  Layer.provide(SqlEventLogServerEncrypted.layerStorageSubtle()),
)

/** Serves the devices of users, whichever instance the load balancer picks for a device. */
export const Server = EventLogServerEncrypted.layer.pipe(
  Layer.provide([Storage, RpcServer.layerProtocolSocketServer]),
  Layer.provide(RpcSerialization.layerSchemaBinary()),
)

const Live = Cluster.layerStart.pipe(
  Layer.provideMerge(Server), // The storage is built before `layerStart`.
  Layer.provideMerge(Cluster.layerFromEnv({ cluster: "notes", start: "manual" })),
  Layer.provide(NodeTransport.layerFromEnv()),
  Layer.provide(PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") })),
  Layer.provide(NodeSocketServer.layerWebSocket({ port: 8_080 })),
  Layer.provide(NodeServices.layer),
)

/** Runs until the node has stopped, since clients get nothing from other instances after that. */
const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped)

if (import.meta.main) NodeRuntime.runMain(Effect.provide(main, Live))
