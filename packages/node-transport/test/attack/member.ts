/**
 * Member of a cluster with a secret that is attacked. Reports its state, and leaves at the end of its standard input:
 *
 *     node member.ts NAME [SEED]...
 */
import * as Cluster from "@coterie/core/Cluster"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Protocol from "./Protocol.ts"

const [name = "", ...seeds] = process.argv.slice(2)

const report = (what: Protocol.Report) => Console.log(Protocol.encode(what))

const troubles = new Set(["Suspected", "Failed", "Isolated", "Diagnostic", "SlowPeer", "PartitionSuspected"])

let lines = 0
const countLines = Logger.make(({ message }) => {
  if (/^refused \S+ connections? from /.test(String(message))) lines++
})

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const self = yield* cluster.self
  yield* report({ _tag: "Listening", address: self.addresses[0] ?? "", generation: self.generation })
  yield* cluster.events.pipe(
    Stream.runForEach((event) =>
      troubles.has(event._tag)
        ? report({ _tag: "Trouble", event: event._tag, peer: "peer" in event ? (event.peer?.name ?? "") : "" })
        : Effect.void,
    ),
    Effect.forkScoped,
  )
  const delays = monitorEventLoopDelay({ resolution: 10 })
  delays.enable()
  let cpu = process.cpuUsage()
  let at = performance.now()
  const status = Effect.gen(function* () {
    const { peers } = yield* cluster.view
    const up = [...peers.values()].flatMap(({ generation, link, name }) =>
      link === "up" ? [`${name} ${generation}`] : [],
    )
    const delay = delays.max / 1e6
    delays.reset()
    const used = process.cpuUsage(cpu)
    cpu = process.cpuUsage()
    const share = (used.user + used.system) / 1_000 / (performance.now() - at)
    at = performance.now()
    yield* report({ _tag: "Status", up, rss: process.memoryUsage.rss(), cpu: share, delay, lines })
  })
  yield* Effect.forkScoped(Effect.repeat(status, Schedule.spaced("250 millis")))
  const { stdin } = yield* Stdio.Stdio
  yield* Effect.ignore(Stream.runDrain(stdin))
})

program.pipe(
  Effect.scoped,
  Effect.provide(
    Cluster.layer({ cluster: "attacked", name, seeds }).pipe(
      Layer.provide(NodeTransport.layerSecret({ port: 0 })),
      Layer.provide(Keyring.layerFromEnv()),
      Layer.provide(Logger.layer([countLines])),
    ),
  ),
  Effect.provide(NodeStdio.layer),
  NodeRuntime.runMain,
)
