import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Schedule, Stream } from "effect"

const [name = "ann", port = "0", ...addresses] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const self = yield* cluster.self
  yield* Effect.log(`${name} listens on ${self.addresses[0]}`)

  yield* cluster.inbox.pipe(
    Stream.runForEach((message) => Effect.log(`${message.from.name} says: ${message.text}`)),
    Effect.forkScoped,
  )
  if (addresses.length > 0) yield* cluster.join(addresses)
  yield* Effect.repeat(cluster.broadcast("Hello, world!"), Schedule.spaced("3 seconds"))
})

const ClusterLive = Cluster.layer({ cluster: "hello", name }).pipe(
  Layer.provide(NodeTransport.layerFromEnv({ port: Number(port) })),
)

program.pipe(Effect.scoped, Effect.provide(ClusterLive), NodeRuntime.runMain)
