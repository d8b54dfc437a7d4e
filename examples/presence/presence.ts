/**
 * A list of the users who are here, with their status. The status is metadata of a node, which all others see.
 *
 *     npx -y pnpm@12 exec node examples/presence/presence.ts ann 24868
 *     npx -y pnpm@12 exec node examples/presence/presence.ts bob 0 127.0.0.1:24868
 *
 * Then type what you do. Ctrl-C leaves; `kill -9` shows what the others see of a crash.
 */
import { Cluster, ClusterEvent, type Peer } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, References, Stream } from "effect"
import * as Screens from "../support/Screen.ts"

const [name = "ann", port = "0", ...addresses] = process.argv.slice(2)

const describe = ({ metadata, name, status }: Peer.Peer): string =>
  `${name} (${metadata["status"] ?? "no status"}${status === "suspect" ? ", does not answer" : ""})`

const roster = (view: ClusterEvent.View): string =>
  `here: ${ClusterEvent.members(view).map(describe).sort().join(", ")}`

/** Returns why a user is not on the list any more, which the list itself cannot tell. */
const parting = (event: ClusterEvent.ClusterEvent): string | undefined => {
  switch (event._tag) {
    case "Left":
      return `* ${event.peer.name} left`
    case "Failed":
      return `* ${event.peer.name} is gone without a word`
    case "Replaced":
      return `* ${event.peer.name} was gone, and started again`
    default:
      return undefined
  }
}

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const screen = yield* Screens.make(`${name}> `)
  const self = yield* cluster.self
  yield* screen.print(`* ${name} is at ${self.addresses[0]}`)

  // A view holds much that is not shown here, so not each one is worth a line.
  const showing = cluster.views.pipe(Stream.map(roster), Stream.changes, Stream.runForEach(screen.print))
  const telling = Stream.runForEach(cluster.events, (event) => {
    const line = parting(event)
    return line === undefined ? Effect.void : screen.print(line)
  })
  // Everybody sees it at once, and who comes later sees it as well.
  const typing = Stream.runForEach(screen.typed, (status) => cluster.updateMetadata({ status }))

  const joining = addresses.length === 0 ? Effect.void : cluster.join(addresses)

  // The first to end ends all: the input, or what is heard, if this peer is put out.
  yield* Effect.raceAllFirst([showing, telling, typing, Effect.andThen(joining, Effect.never)])
})

const ClusterLive = Cluster.layer({ cluster: "presence", name, metadata: { status: "just came" } }).pipe(
  Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: Number(port) })),
  // The screen tells what happens; the log would tell it again.
  Layer.provide(Layer.succeed(References.MinimumLogLevel, "Error")),
)

program.pipe(Effect.scoped, Effect.provide(ClusterLive), NodeRuntime.runMain)
