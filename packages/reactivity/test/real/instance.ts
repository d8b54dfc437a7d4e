/**
 * Instance of an application with a store of files that all instances share, and with queries of the keys `x` and `y`:
 *
 *     node instance.ts NAME HOST STORE [SEED]
 *
 * It writes `ran KEY VALUE` for each run of a query, and `links NAMES` when its links change. It reads commands from its
 * standard input: `mutate KEY VALUE`. It leaves at the end of the input.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as PeerReactivity from "@coterie/reactivity/PeerReactivity"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as path from "node:path"
import { runReporter } from "../../../node-transport/test/real/runReporter.ts"

const [name = "", host = "", folder = "", ...seeds] = process.argv.slice(2)

const read = (key: string): string => {
  const file = path.join(folder, key)
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "nothing"
}

const queries = Effect.forEach(["x", "y"], (key) =>
  Reactivity.stream(
    Effect.sync(() => read(key)),
    [key],
  ).pipe(
    Stream.runForEach((value) => Console.log(`ran ${key} ${value}`)),
    Effect.forkScoped,
  ),
)

const obey = (line: string) => {
  const [command, key = "", value = ""] = line.split(" ")
  const write = Effect.sync(() => fs.writeFileSync(path.join(folder, key), value))
  return command === "mutate" ? Reactivity.mutation(write, [key]) : Effect.die(new Error(`unknown command: ${line}`))
}

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  yield* queries
  yield* cluster.views.pipe(
    Stream.map(({ peers }) => [...peers.values()].filter(({ link }) => link === "up").map(({ name }) => name)),
    Stream.runForEach((names) => Console.log(`links ${names.sort().join()}`)),
    Effect.forkScoped,
  )
  const { stdin } = yield* Stdio.Stdio
  yield* stdin.pipe(Stream.decodeText(), Stream.splitLines, Stream.runForEach(obey))
})

const Live = Cluster.layerStart.pipe(
  Layer.provideMerge(PeerReactivity.layer),
  Layer.provideMerge(Cluster.layer({ cluster: "real", name, seeds, start: "manual" })),
  Layer.provide(NodeTransport.layerTcp({ host, port: 24868, insecure: true })),
)

runReporter(program, Live)
