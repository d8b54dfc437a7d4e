/**
 * Process of the shop: `DATABASE_URL=postgres://... node main.ts NAME [ADDRESS...]`. Each line of its input is an order:
 * `ORDER ARTICLE PIECES`.
 */
// #region program
import { Cluster } from "@coterie/core"
import { CoterieCluster } from "@coterie/effect-cluster"
import { NodeTransport } from "@coterie/node-transport"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer, Stdio, Stream } from "effect"
import { SqlMessageStorage, SqlRunnerStorage } from "effect/cluster"
import * as Shop from "./Shop.ts"

const [name = "web-1", ...seeds] = process.argv.slice(2)

const Database = PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") })

/** Runners, their locks, and messages. All processes share it. */
const Storage = Layer.merge(SqlMessageStorage.layer.pipe(Layer.provide(NodeCrypto.layerDigest)), SqlRunnerStorage.layer)

const Peers = Cluster.layer({ cluster: "shop", name, seeds }).pipe(
  Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
)

/** Entities and topics side by side, over one port. */
const Engine = CoterieCluster.layer({ storage: Storage }).pipe(Layer.provideMerge(Peers))

const program = Effect.gen(function* () {
  const { addresses } = yield* (yield* Cluster.Cluster).self
  const article = yield* Shop.Article.client
  yield* Effect.log(`${name} listens at ${addresses[0]}`)
  const reserve = (line: string) => {
    const [order = "", id = "", pieces = "1"] = line.split(" ")
    return article(id)
      .Reserve({ order, pieces: Number(pieces) })
      .pipe(
        Effect.flatMap(({ left, owner }) => Effect.log(`order ${order}: ${left} left, by ${owner}`)),
        Effect.catchTag("SoldOut", ({ left }) => Effect.log(`order ${order}: only ${left} left`)),
      )
  }
  const { stdin } = yield* Stdio.Stdio
  yield* Stream.runForEach(Stream.splitLines(Stream.decodeText(stdin)), reserve)
})

program.pipe(
  Effect.provide(Shop.layer(name).pipe(Layer.provideMerge(Engine), Layer.provide(Database))),
  Effect.provide(NodeStdio.layer),
  NodeRuntime.runMain,
)
// #endregion
