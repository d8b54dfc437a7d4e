/** Metrics of nodes with a secret about connections that do not prove it (docs/metrics.md). */
import * as Address from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as NodeFs from "node:fs"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { MetricReader } from "../../core/test/cluster/MetricReader.ts"
import * as Sockets from "./internal/sockets.ts"
import { otherSecret, secret } from "./secretOutcomes.ts"

interface NodeOptions {
  readonly name: string
  readonly secret: Redacted.Redacted<string>
  readonly seeds?: ReadonlyArray<string>
  readonly handshakeTimeout?: number
}

const start = Effect.fnUntraced(function* ({ handshakeTimeout, name, secret, seeds = [] }: NodeOptions) {
  const layer = Cluster.layer({ cluster: "hello", name, seeds }).pipe(
    Layer.provide(NodeTransport.layerSecret({ port: 0, handshakeTimeout })),
    Layer.provide(Keyring.layer(secret)),
    Layer.provide(Logger.layer([])),
  )
  const scope = yield* Scope.fork(yield* Effect.scope)
  const cluster = Context.get(yield* Layer.buildWithScope(layer, scope), Cluster.Cluster)
  const [address] = (yield* cluster.self).addresses
  return { address: address ?? assert.fail("a node has an address"), stop: Scope.close(scope, Exit.void) }
})

/** Runs a test that reads the metrics in a registry of its own. */
const measured = (title: string, body: (metrics: MetricReader) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(title, () => {
    const registry: Metric.MetricRegistry = new Map()
    return Effect.provideService(body(new MetricReader(registry)), Metric.MetricRegistry, registry)
  })

const connections = (metrics: MetricReader, node: string, direction: "in" | "out", outcome: string) =>
  metrics.sum(node, "coterie_connections_total", { direction, outcome })

/** Opens a connection of a stranger, which is closed at the end. */
const stranger = (address: Address.Address, open: (options: Net.TcpNetConnectOpts) => Net.Socket) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = open({ host: Address.host(address), port: Address.port(address) })
      socket.on("error", () => {})
      return socket.resume()
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** Returns a section of the guide to the metrics. */
const guide = (section: string) => {
  const file = new URL("../../../docs/metrics.md", import.meta.url)
  const text = NodeFs.readFileSync(file, "utf8").split(/^#+ /m)
  return text.find((part) => part.startsWith(`${section}\n`)) ?? assert.fail(`the guide has no section ${section}`)
}

describe("a node with a secret", () => {
  measured("has the metrics of keys that the guide lists", (metrics) =>
    Effect.gen(function* () {
      yield* start({ name: "a", secret })
      const listed = [...guide("Keys").matchAll(/^\| `(coterie_\w+)` \| (\w+) \|/gm)].map(
        ([, id, type]) => `${id} ${type}`,
      )
      const shown = metrics.all().filter(({ attributes }) => attributes?.["key"] !== undefined)
      assert.sameMembers(
        listed,
        shown.map(({ id, type }) => `${id} ${type.toLowerCase()}`),
      )
    }),
  )

  measured("counts dialers with another secret, and such a dialer counts its dials as unauthenticated", (metrics) =>
    Effect.gen(function* () {
      const { address } = yield* start({ name: "a", secret })
      yield* start({ name: "b", secret: otherSecret, seeds: [address] })
      yield* Sockets.until(
        () => connections(metrics, "a", "in", "secret") > 0 && connections(metrics, "b", "out", "unauthenticated") > 0,
      )
      assert.strictEqual(connections(metrics, "a", "in", "up"), 0)
    }),
  )

  measured("counts dialers without a key, and connections that are silent", (metrics) =>
    Effect.gen(function* () {
      const a = yield* start({ name: "a", secret })
      const b = yield* start({ name: "b", secret, handshakeTimeout: 100 })
      yield* stranger(a.address, (options) => Tls.connect({ ...options, rejectUnauthorized: false }))
      yield* stranger(b.address, (options) => Net.connect(options))
      yield* Sockets.until(
        () => connections(metrics, "a", "in", "protocol") === 1 && connections(metrics, "b", "in", "slow") === 1,
      )
      yield* a.stop
      yield* b.stop
      assert.deepStrictEqual(metrics.all(), [])
    }),
  )
})
