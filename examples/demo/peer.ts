/**
 * Peer of the demo: `node peer.ts NAME [SEED...]`. It writes reports to its standard output and reads commands from its
 * standard input (Protocol.ts). It leaves at the end of the input, on SIGTERM and on SIGINT. With a secret in
 * COTERIE_SECRET it speaks TLS, and TCP without one. With DEMO_DASHBOARD it serves a dashboard.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Protocol from "./Protocol.ts"

const [name, ...seeds] = process.argv.slice(2)

const report = (what: Protocol.Report) => Console.log(Protocol.encodeReport(what))

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const self = yield* cluster.self
  yield* report({ _tag: "Listening", address: self.addresses[0] ?? "", generation: self.generation })

  yield* cluster.views.pipe(
    Stream.runForEach(({ peers }) =>
      report({
        _tag: "View",
        peers: [...peers.values()].map(({ addresses, generation, link, name }) => ({
          name,
          generation,
          link,
          address: addresses[0] ?? "",
        })),
      }),
    ),
    Effect.forkScoped,
  )
  yield* cluster.events.pipe(
    Stream.runForEach((event) =>
      "peer" in event
        ? report({ _tag: "Event", event: event._tag, peer: event.peer.name, generation: event.peer.generation })
        : event._tag === "SeedUnavailable"
          ? report({ _tag: "Refusal", address: event.address, reason: event.reason })
          : Effect.void,
    ),
    Effect.forkScoped,
  )
  yield* cluster.inbox.pipe(
    Stream.runForEach(({ from, text }) => report({ _tag: "Message", from: from.name, text })),
    Effect.forkScoped,
  )

  const obey = (command: Protocol.Command) => {
    switch (command._tag) {
      case "Broadcast":
        return Effect.flatMap(cluster.broadcast(command.text), ({ failed, sent }) =>
          report({ _tag: "Sent", to: sent, failed: failed.map((error) => error.message) }),
        )
      case "Send":
        return Effect.matchEffect(cluster.send(command.to, command.text), {
          onFailure: (error) => report({ _tag: "Sent", to: [], failed: [error.message] }),
          onSuccess: () => report({ _tag: "Sent", to: [command.to], failed: [] }),
        })
      case "Join":
        return Effect.forkScoped(cluster.join(command.address))
    }
  }
  const stdio = yield* Stdio.Stdio
  yield* stdio.stdin.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect((line) => Protocol.decodeCommand(line)),
    Stream.runForEach(obey),
  )
})

const ClusterLive = Cluster.layer({ cluster: "demo", name, seeds }).pipe(
  Layer.provide(NodeTransport.layerFromEnv({ host: "127.0.0.1", port: 0 })),
)

/** Serves and reports the dashboard. */
const DashboardLive = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("./dashboard.ts")),
    ({ DashboardLive, dashboardUrl }) =>
      Layer.effectDiscard(Effect.flatMap(dashboardUrl, (url) => report({ _tag: "Dashboard", url }))).pipe(
        Layer.provide(DashboardLive),
      ),
  ),
)

const PeerLive =
  process.env["DEMO_DASHBOARD"] === undefined ? ClusterLive : Layer.provideMerge(DashboardLive, ClusterLive)

program.pipe(
  Effect.scoped,
  Effect.provide(
    Layer.mergeAll(PeerLive, NodeStdio.layer).pipe(
      // Standard output is for reports only.
      Layer.provideMerge(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
    ),
  ),
  NodeRuntime.runMain,
)
