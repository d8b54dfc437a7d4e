/** Sockets of strangers over loopback that never send a byte. A node keeps few of them and still answers a peer. */
import * as Address from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as Limits from "@coterie/core/Limits"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as NodeFs from "node:fs"
import * as Net from "node:net"
import * as Sockets from "./internal/sockets.ts"

const node = Effect.fnUntraced(function* (name: string, limits: Partial<Limits.Limits> = {}) {
  const layer = Cluster.layer({ cluster: "hello", name, limits }).pipe(
    Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0, linger: "1 hour" })),
    Layer.provide(Logger.layer([])),
  )
  const cluster = Context.get(yield* Layer.build(layer), Cluster.Cluster)
  const address = (yield* cluster.self).addresses[0]
  return address === undefined ? assert.fail("a node has an address") : { cluster, address }
})

interface Vector {
  readonly description: string
  readonly hex: string
}

/** Returns the Hello of a peer of the cluster "hello". */
const hello = Effect.sync(() => {
  const file = new URL("../../../docs/protocol-vectors/frames.json", import.meta.url)
  const vectors: ReadonlyArray<Vector> = JSON.parse(NodeFs.readFileSync(file, "utf8"))
  const vector = vectors.find(({ description }) => description === "Hello of a small peer that does not listen")
  return Buffer.from(vector?.hex ?? "", "hex")
})

/** Opens sockets to the address that keep their side open whatever the node does. Returns the set of open sockets. */
const openSockets = (address: Address.Address, count: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const open = new Set<Net.Socket>()
      for (let i = 0; i < count; i++) {
        const socket = Net.createConnection({
          host: Address.host(address),
          port: Address.port(address),
          allowHalfOpen: true,
        })
        open.add(socket)
        socket.on("error", () => {})
        socket.on("close", () => open.delete(socket))
        socket.resume()
      }
      return open
    }),
    (open) =>
      Effect.sync(() => {
        for (const socket of open) socket.destroy()
      }),
  )

/** Opens a socket that sends a complete Hello, and waits for the HelloAck. Returns the set of open sockets. */
const greet = Effect.fnUntraced(function* (address: Address.Address) {
  const bytes = yield* hello
  const open = yield* openSockets(address, 1)
  for (const socket of open) {
    const answer = new Promise((resolve) => socket.once("data", resolve))
    socket.write(bytes)
    yield* Effect.promise(() => answer)
  }
  return open
})

describe("a node with a thousand sockets that never send a byte", () => {
  it.live("keeps at most the sockets that may be in the handshake, and a peer can join meanwhile", () =>
    Effect.gen(function* () {
      // Long enough that no deadline closes a socket within the test.
      const a = yield* node("a", { helloTimeout: 3_600_000, handshakeTimeout: 3_600_000 })
      const b = yield* node("b")
      const open = yield* openSockets(a.address, 1_000)
      yield* Sockets.until(() => open.size <= Limits.defaults.handshakesPerHost)
      assert.strictEqual((yield* b.cluster.join(a.address)).name, "a")
    }),
  )

  it.live("resets at once the sockets beyond the limit of handshakes that it answers", () =>
    Effect.gen(function* () {
      const a = yield* node("a", {
        handshakesPerHost: 1,
        handshakes: 10,
        handshakeTimeout: 3_600_000,
        linger: 3_600_000,
      })
      // A complete Hello keeps its place, so all others are refused.
      const peer = yield* greet(a.address)
      const open = yield* openSockets(a.address, 1_000)
      yield* Sockets.until(() => open.size <= 10)
      assert.strictEqual(peer.size, 1)
    }),
  )

  it.live("resets the sockets that it answered after their timeout", () =>
    Effect.gen(function* () {
      const a = yield* node("a", { handshakesPerHost: 1, handshakeTimeout: 3_600_000, linger: 100 })
      yield* greet(a.address)
      const open = yield* openSockets(a.address, 10)
      // A socket that has read the end of its stream notices a reset at its next write.
      yield* Sockets.until(() => {
        for (const socket of open) socket.write("x")
        return open.size === 0
      })
    }),
  )
})
