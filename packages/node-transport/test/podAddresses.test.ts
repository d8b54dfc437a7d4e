/**
 * Nodes whose addresses change while DNS still has the former ones, as the pods behind a headless service of Kubernetes: on
 * addresses of the loopback, with a server of DNS that the test changes.
 */
import * as Cluster from "@coterie/core/Cluster"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Net from "node:net"
import * as World from "../../core/test/cluster/world.ts"
import * as NodeDiscovery from "../src/NodeDiscovery.ts"
import * as NodeTransport from "../src/NodeTransport.ts"
import * as DnsServer from "./dnsServer.ts"

const name = "shop-peers.default.svc.cluster.local"

/** Other systems have no addresses of the loopback beside 127.0.0.1. */
const isLinux = process.platform === "linux"

/** Returns a port that no process uses at the host. */
const freePort = (host: string) =>
  Effect.callback<number>((resume) => {
    const server = Net.createServer().listen(0, host, () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      server.close(() => resume(Effect.succeed(port)))
    })
  })

/** Makes the start of pods, which all look up the same name. */
const pods = Effect.gen(function* () {
  const server = yield* DnsServer.make
  const port = yield* freePort("127.0.0.2")
  const resolver = NodeDiscovery.resolver({ servers: [server.address] })
  const start = Effect.fnUntraced(function* (pod: string, host: string) {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const discovery = NodeDiscovery.layerDns({ name: `${name}.`, port, resolver, intervalAlone: "500 millis" })
    const layer = Cluster.layer({ cluster: "shop", name: pod }).pipe(
      Layer.provide([discovery, World.quick]),
      Layer.provide(NodeTransport.layerTcp({ host, port, insecure: true })),
      Layer.provide(Logger.layer([])),
    )
    const cluster = Context.get(yield* Layer.buildWithScope(layer, scope), Cluster.Cluster)
    return { pod, host, cluster, stop: Scope.close(scope, Exit.void) }
  })
  const publish = (...hosts: ReadonlyArray<string>) => server.answer("A", name, hosts)
  return { start, publish }
})

type Pod = Effect.Success<ReturnType<Effect.Success<typeof pods>["start"]>>

/** Waits until each pod has links to the others at their present addresses. */
const untilLinked = (all: ReadonlyArray<Pod>) =>
  Effect.forEach(all, (each) => {
    const others = all.filter((other) => other !== each)
    return each.cluster.views.pipe(
      Stream.filter(
        ({ peers }) =>
          peers.size === others.length &&
          others.every(({ host, pod }) => {
            const peer = peers.get(pod)
            return peer?.link === "up" && peer.addresses.some((address) => address.startsWith(`${host}:`))
          }),
      ),
      Stream.runHead,
    )
  })

/** Waits until no address that the pod knows has let it in. */
const untilAlone = ({ cluster }: Pod) =>
  cluster.statuses.pipe(
    Stream.filter((status) => status._tag === "Alone" && status.reason === "unavailable"),
    Stream.runHead,
  )

describe.skipIf(!isLinux)("nodes whose addresses change before DNS has the new ones", () => {
  it.live("find each other: one that is replaced at once, and all together when DNS has caught up", () =>
    Effect.gen(function* () {
      const { publish, start } = yield* pods
      publish("127.0.0.2", "127.0.0.3", "127.0.0.4")
      const [a, b, c] = yield* Effect.all(
        [start("shop-0", "127.0.0.2"), start("shop-1", "127.0.0.3"), start("shop-2", "127.0.0.4")],
        { concurrency: "unbounded" },
      )
      yield* untilLinked([a, b, c])

      // The others are where DNS says that they are.
      yield* c.stop
      const moved = yield* start("shop-2", "127.0.0.5")
      yield* untilLinked([a, b, moved])

      yield* Effect.forEach([a, b, moved], ({ stop }) => stop, { concurrency: "unbounded" })
      const others = yield* Effect.all(
        [start("shop-0", "127.0.0.6"), start("shop-1", "127.0.0.7"), start("shop-2", "127.0.0.8")],
        { concurrency: "unbounded" },
      )
      yield* Effect.forEach(others, untilAlone)
      publish("127.0.0.6", "127.0.0.7", "127.0.0.8")
      yield* untilLinked(others)
      const { addresses } = yield* others[0].cluster.inspect()
      assert.isTrue(addresses.some(({ source }) => source === "discovery"))
    }).pipe(Effect.scoped),
  )
})
