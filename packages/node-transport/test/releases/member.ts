/**
 * Member of a cluster of several releases over TCP:
 *
 *     node member.ts NAME [SEED]
 *
 * It writes reports to its standard output and reads commands from its standard input (Protocol.ts). It leaves when the
 * input ends. `pnpm release:fixture` copies this module into the fixture of a release, where it imports the packages of
 * that release. So it imports only published modules, and Protocol.ts.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as Topic from "@coterie/core/Topic"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import * as PeerRpcServer from "@coterie/rpc/PeerRpcServer"
import * as SchemaBinary from "@coterie/schema-binary/SchemaBinary"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Protocol from "./Protocol.ts"

const [name = "", ...seeds] = process.argv.slice(2)

const report = (what: Protocol.Report) => Console.log(Protocol.encodeReport(what))

const topics: Readonly<Record<Protocol.TopicName, Topic.Topic<Protocol.Order>>> = {
  json: Topic.make("json", Protocol.Order),
  binary: Topic.make("binary", Protocol.Order, { serialization: SchemaBinary.schemaBinary }),
}

const Echo = RpcGroup.make(
  Rpc.make("Repeat", { payload: { text: Schema.String }, success: Schema.String }),
  Rpc.make("Stream", { payload: { text: Schema.String, times: Schema.Int }, success: Schema.String, stream: true }),
)

const EchoHandlers = Echo.toLayer({
  Repeat: ({ text }) => Effect.succeed(text),
  Stream: ({ text, times }) => Stream.take(Stream.forever(Stream.succeed(text)), times),
})

/** Reports the orders and the readers of a topic. */
const follow = Effect.fnUntraced(function* (topic: Protocol.TopicName) {
  const open = yield* Topic.open(topics[topic])
  yield* open.messages.pipe(
    Stream.runForEach(({ from, value }) => report({ _tag: "Published", topic, from: from.name, order: value })),
    Effect.forkScoped,
  )
  yield* open.readerChanges.pipe(
    Stream.runForEach((readers) => report({ _tag: "Readers", topic, names: readers.map(({ name }) => name).sort() })),
    Effect.forkScoped,
  )
})

/** Makes a request with one answer and one with many, and reports the answers in one text. */
const request = Effect.fnUntraced(function* (to: string, text: string, times: number) {
  const peer = yield* PeerRpcClient.make(Echo, to)
  const one = yield* peer.Repeat({ text })
  const many = yield* Stream.runCollect(peer.Stream({ text, times }))
  yield* report({ _tag: "Answer", from: to, text: [one, ...many].join(" ") })
}, Effect.scoped)

const obey = (command: Protocol.Command) =>
  Effect.gen(function* () {
    const cluster = yield* Cluster.Cluster
    switch (command._tag) {
      case "Send":
        return yield* cluster.send(command.to, command.text, { confirm: true })
      case "Publish":
        return yield* topics[command.topic].publish(command.order)
      case "Request":
        return yield* request(command.to, command.text, command.times)
      case "Note":
        return yield* cluster.updateMetadata({ note: command.note })
    }
  }).pipe(
    Effect.andThen(report({ _tag: "Done", command: command._tag })),
    Effect.catch((error) => report({ _tag: "Failure", command: command._tag, message: String(error) })),
  )

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  yield* cluster.events.pipe(
    Stream.runForEach((event) =>
      report({ _tag: "Event", event: event._tag, peer: "peer" in event ? (event.peer?.name ?? "") : "" }),
    ),
    Effect.forkScoped,
  )
  yield* cluster.views.pipe(
    Stream.map(({ peers }) => [...peers.values()].filter(({ link }) => link === "up")),
    Stream.map((peers) => peers.map(({ metadata, name }) => ({ name, note: metadata["note"] ?? "" }))),
    Stream.runForEach((peers) =>
      report({ _tag: "View", peers: peers.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name))) }),
    ),
    Effect.forkScoped,
  )
  yield* cluster.inbox.pipe(
    Stream.runForEach(({ from, text }) => report({ _tag: "Message", from: from.name, text })),
    Effect.forkScoped,
  )
  yield* follow("json")
  yield* follow("binary")
  const self = yield* cluster.self
  yield* report({ _tag: "Listening", address: self.addresses[0] ?? "" })

  const stdio = yield* Stdio.Stdio
  yield* stdio.stdin.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect((line) => Protocol.decodeCommand(line)),
    Stream.runForEach(obey),
  )
})

const MemberLive = Layer.mergeAll(
  PeerRpcServer.layer(Echo).pipe(Layer.provide(EchoHandlers)),
  PeerRpcClient.layer(),
).pipe(
  Layer.provideMerge(Cluster.layer({ cluster: "releases", name, seeds, metadata: { note: "" } })),
  Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
)

program.pipe(
  Effect.scoped,
  Effect.provide(
    Layer.mergeAll(MemberLive, NodeStdio.layer).pipe(
      // Standard output is for reports only.
      Layer.provideMerge(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
    ),
  ),
  NodeRuntime.runMain,
)
