/** Metrics of nodes with a secret about connections that do not prove it (docs/metrics.md). */
import * as Address from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Sockets from "./internal/sockets.ts"
import { connections, listed, measured, shown } from "./measured.ts"
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

describe("a node with a secret", () => {
  measured("has the metrics of keys that the guide lists", (metrics) =>
    Effect.gen(function* () {
      yield* start({ name: "a", secret })
      assert.sameMembers(listed("Keys"), shown(metrics, "key"))
    }),
  )

  measured("counts the changes of its secrets that could not be used", (metrics) =>
    Effect.gen(function* () {
      const keyring = yield* Keyring.make(secret)
      const layer = Cluster.layer({ cluster: "hello", name: "a" }).pipe(
        Layer.provide(NodeTransport.layerSecret({ port: 0 })),
        Layer.provide(Layer.succeed(Keyring.Keyring)(keyring)),
        Layer.provide(Logger.layer([])),
      )
      yield* Layer.build(layer)
      const rejected = () => metrics.value("a", "coterie_rejected_changes_total", { kind: "secrets" })
      assert.strictEqual(rejected(), 0)
      assert.deepStrictEqual(listed("Rejected changes"), ["coterie_rejected_changes_total counter"])
      yield* keyring.set([otherSecret])
      const short = Redacted.make("short")
      const changes = [keyring.set([short]), keyring.add(short), keyring.use("none"), keyring.remove("none")]
      for (const change of changes) yield* Effect.flip(change)
      yield* Sockets.until(() => rejected() === 4)
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

  measured("counts dialers without a key or without TLS, and connections that are silent", (metrics) =>
    Effect.gen(function* () {
      const a = yield* start({ name: "a", secret })
      const b = yield* start({ name: "b", secret, handshakeTimeout: 100 })
      yield* stranger(a.address, (options) => Tls.connect({ ...options, rejectUnauthorized: false }))
      const plain = yield* stranger(a.address, (options) => Net.connect(options))
      plain.write("GET / HTTP/1.1\r\n\r\n")
      yield* stranger(b.address, (options) => Net.connect(options))
      yield* Sockets.until(
        () =>
          connections(metrics, "a", "in", "protocol") === 1 &&
          connections(metrics, "a", "in", "plaintext") === 1 &&
          connections(metrics, "b", "in", "slow") === 1,
      )
      yield* a.stop
      yield* b.stop
      assert.deepStrictEqual(metrics.all(), [])
    }),
  )
})
