/**
 * One instance of a chat service. Users connect to any instance and reach the users of all instances.
 *
 *     COTERIE_NAME=a PORT=8080 npx -y pnpm@12 exec node examples/chat/main.ts
 *     COTERIE_NAME=b COTERIE_PORT=0 PORT=8081 COTERIE_SEEDS=127.0.0.1 npx -y pnpm@12 exec node examples/chat/main.ts
 */
import { Cluster } from "@coterie/core"
import { NodeDiscovery, NodeTransport } from "@coterie/node-transport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Config, Effect, Layer } from "effect"
import { KeyValueStore } from "effect/persistence"
import * as Chat from "./Chat.ts"
import * as Http from "./Http.ts"
import * as Stopping from "./Stopping.ts"

const Settings = Config.all({
  host: Config.String("HOST").pipe(Config.withDefault("127.0.0.1")),
  port: Config.Int("PORT").pipe(Config.withDefault(8080)),
  store: Config.String("STORE").pipe(Config.withDefault("chat-store")),
  reportEvery: Config.Duration("REPORT_EVERY").pipe(Config.withDefault("1 minute")),
  stopNotice: Config.Duration("STOP_NOTICE").pipe(Config.withDefault("5 seconds")),
})

const ClusterLive = Cluster.layerFromEnv({
  cluster: "chat",
  start: "manual",
  policies: [NodeDiscovery.layerFromEnv()],
}).pipe(Layer.provide(NodeTransport.layerFromEnv()))

/** Layers stop in the reverse order of their start. All readers are open before the instance joins the others. */
const Main = Layer.unwrap(
  Effect.map(Settings, ({ reportEvery, stopNotice, store, ...http }) =>
    Stopping.layerStop(stopNotice).pipe(
      Layer.provideMerge(Layer.merge(Http.layer(http), Cluster.layerStart)),
      Layer.provideMerge(Stopping.layer),
      Layer.provideMerge(Chat.layer({ reportEvery })),
      Layer.provideMerge(ClusterLive),
      Layer.provide(KeyValueStore.layerFileSystem(store)),
      Layer.provide(NodeServices.layer),
    ),
  ),
)

// The process ends when its node stops, for example because a newer process has its name.
Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped).pipe(Effect.provide(Main), NodeRuntime.runMain)
