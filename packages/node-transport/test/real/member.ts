/**
 * Member of a real cluster over TCP with the defaults of a LAN. Tests kill it, stop it and cut its links:
 *
 *     node member.ts --name NAME [--host HOST] [--port PORT] [--seed ADDRESS]... [--insecure]
 *         [--link-timeout MILLIS] [--lookup-timeout MILLIS]
 *
 * It writes reports to its standard output and reads commands from its standard input (Protocol.ts). It leaves at the
 * end of the input, on SIGTERM and on SIGINT.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as ClusterEvent from "@coterie/core/ClusterEvent"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as NodeDiscovery from "@coterie/node-transport/NodeDiscovery"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { parseArgs } from "node:util"
import * as Protocol from "./Protocol.ts"
import { runReporter } from "./runReporter.ts"

const { values: options } = parseArgs({
  options: {
    name: { type: "string", default: "" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    seed: { type: "string", multiple: true, default: [] },
    insecure: { type: "boolean", default: false },
    "link-timeout": { type: "string", default: "3000" },
    "lookup-timeout": { type: "string", default: "2000" },
  },
})

const report = (what: Protocol.Report) => Console.log(Protocol.encodeReport(what))

const peersOf = ({ peers }: ClusterEvent.View): Protocol.Peers =>
  [...peers.values()].map(({ addresses, generation, link, name, status }) => ({
    name,
    generation,
    status,
    link,
    address: addresses[0] ?? "",
  }))

/** Returns the details of an event, without its peer. */
const textOf = (event: ClusterEvent.ClusterEvent): string => {
  switch (event._tag) {
    case "SeedUnavailable":
      return `${event.address}: ${event.message}`
    case "Diagnostic":
      return event.message
    case "Lagged":
      return String(event.missed)
    default:
      return ""
  }
}

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const self = yield* cluster.self
  yield* report({ _tag: "Listening", address: self.addresses[0] ?? "", generation: self.generation })

  let view = yield* cluster.view
  yield* cluster.events.pipe(
    Stream.runForEach((event) => {
      const at = Number(process.hrtime.bigint()) / 1e6
      const before = view
      view = ClusterEvent.apply(view, event)
      const peer = "peer" in event ? event.peer : undefined
      const reported = report({
        _tag: "Event",
        at,
        event: event._tag,
        peer: peer?.name ?? "",
        generation: peer?.generation ?? 0,
        text: textOf(event),
      })
      return view === before ? reported : Effect.andThen(reported, report({ _tag: "View", peers: peersOf(view) }))
    }),
    Effect.forkScoped,
  )
  yield* cluster.inbox.pipe(
    Stream.runForEach(({ from, text }) => report({ _tag: "Message", from: from.name, text })),
    Effect.forkScoped,
  )

  const obey = (command: Protocol.Command) => {
    switch (command._tag) {
      case "View":
        return Effect.flatMap(cluster.view, (view) => report({ _tag: "Answer", peers: peersOf(view) }))
      case "Broadcast":
        return Effect.flatMap(cluster.broadcast(command.text), ({ failed, sent }) =>
          report({ _tag: "Sent", to: sent, failed: failed.map((error) => error.message) }),
        )
      case "Leave":
        return cluster.leave
    }
  }
  const stdio = yield* Stdio.Stdio
  yield* stdio.stdin.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect((line) => Protocol.decodeCommand(line)),
    Stream.takeUntil(({ _tag }) => _tag === "Leave"),
    Stream.runForEach(obey),
  )
})

const ClusterLive = Cluster.layer({ cluster: "real", name: options.name, seeds: options.seed }).pipe(
  Layer.provide(
    NodeTransport.layerTcp({
      host: options.host,
      port: Number(options.port),
      insecure: options.insecure,
      resolver: NodeDiscovery.resolver({ timeout: Number(options["lookup-timeout"]) }),
    }),
  ),
  Layer.provide(FailureDetector.layer({ linkTimeout: Number(options["link-timeout"]) })),
)

runReporter(program, ClusterLive)
