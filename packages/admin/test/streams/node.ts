/**
 * Node with an admin service whose metadata changes all the time, so that its event streams have events:
 *
 *     node node.ts NAME [--seed ADDRESS] [--rate EVENTS_PER_SECOND] [--bytes METADATA]
 *
 * It reports where it serves, and its memory once a second (Protocol.ts).
 */
import { Admin } from "@coterie/admin"
import * as AdminNode from "@coterie/admin/AdminNode"
import * as Cluster from "@coterie/core/Cluster"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { parseArgs } from "node:util"
import { Report } from "./Protocol.ts"

const {
  positionals: [name = ""],
  values,
} = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", multiple: true, default: [] },
    rate: { type: "string", default: "0" },
    bytes: { type: "string", default: "2048" },
  },
})

const NodeLive = AdminNode.layer({ port: 0 }).pipe(
  Layer.provide(Admin.layer()),
  Layer.provideMerge(Cluster.layer({ cluster: "streams", name, seeds: values.seed })),
  Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
  Layer.provide(Logger.layer([])),
)

const encode = Schema.encodeSync(Schema.fromJsonString(Report))
const report = (what: Report) => Console.log(encode(what))

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const { url } = yield* AdminNode.AdminServer
  const { addresses } = yield* cluster.self
  yield* report({ _tag: "Listening", address: addresses[0] ?? "", url })
  let count = 0
  const change = Effect.suspend(() =>
    cluster.updateMetadata({ text: String(++count).padStart(Number(values.bytes), "0") }),
  )
  const rate = Number(values.rate)
  if (rate > 0) yield* Effect.forkScoped(Effect.forever(Effect.andThen(change, Effect.sleep(1_000 / rate))))
  const sample = Effect.flatMap(cluster.inspect(), ({ lagMillis, peers }) => {
    const { heapUsed, rss } = process.memoryUsage()
    return report({ _tag: "Sample", rss, heapUsed, lagMillis, links: peers.filter(({ link }) => link === "up").length })
  })
  yield* Effect.forever(Effect.andThen(sample, Effect.sleep("1 second")))
})

NodeRuntime.runMain(Effect.scoped(Effect.provide(program, NodeLive)))
