/** A connection that is reset while its end is under way, over each transport. */
import * as Address from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as Transport from "@coterie/core/Transport"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as NodeFs from "node:fs"
import * as Net from "node:net"
import { openSockets } from "./rawServer.ts"
import { secret } from "./secretOutcomes.ts"

const transports = {
  TCP: NodeTransport.layerTcp({ port: 0 }),
  "a secret": NodeTransport.layerSecret({ port: 0 }).pipe(Layer.provide(Layer.orDie(Keyring.layer(secret)))),
}

/** Connects a transport to itself, and ends and resets the connection at both ends. */
const endAndReset = (transport: Layer.Layer<Transport.Transport>) =>
  Effect.gen(function* () {
    const { connect, listen } = Context.get(yield* Layer.build(transport), Transport.Transport)
    const listener = yield* listen
    const handled = yield* Deferred.make<void>()
    yield* Effect.forkScoped(
      listener.run(({ end, reset }) =>
        Effect.andThen(end, Effect.andThen(reset, Effect.asVoid(Deferred.succeed(handled, undefined)))),
      ),
    )
    const { end, reset } = yield* connect(listener.addresses[0])
    yield* Deferred.await(handled)
    yield* Effect.andThen(end, reset)
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))

describe("a connection that is reset right after its end", () => {
  for (const [name, transport] of Object.entries(transports)) {
    it.live(`frees its socket at both ends, over ${name}`, () =>
      Effect.gen(function* () {
        const before = yield* openSockets
        yield* endAndReset(transport)
        for (let turn = 0; turn < 100 && (yield* openSockets) > before; turn++) yield* Effect.sleep("20 millis")
        assert.strictEqual(yield* openSockets, before)
      }),
    )
  }
})

interface Vector {
  readonly description: string
  readonly hex: string
}

/** Opens a connection of another cluster that keeps its side open. */
const stranger = (address: Address.Address, hello: Buffer) =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket>((resume) => {
      const socket = Net.connect({ host: "127.0.0.1", port: Address.port(address), allowHalfOpen: true }, () =>
        socket.write(hello),
      )
      socket.on("error", () => {})
      socket.on("close", () => resume(Effect.succeed(socket)))
      socket.on("end", () => resume(Effect.succeed(socket)))
      socket.resume()
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

describe("a node that refuses more strangers than it can answer", () => {
  it.live("frees their sockets", () =>
    Effect.gen(function* () {
      const before = yield* openSockets
      const file = new URL("../../../docs/protocol-vectors/frames.json", import.meta.url)
      const vectors: ReadonlyArray<Vector> = JSON.parse(NodeFs.readFileSync(file, "utf8"))
      const hello = vectors.find(({ description }) => description === "Hello of a small peer that does not listen")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const layer = Cluster.layer({ cluster: "another", name: "a" }).pipe(
            Layer.provide(NodeTransport.layerTcp({ port: 0 })),
            Layer.provide(Logger.layer([])),
          )
          const { self } = Context.get(yield* Layer.build(layer), Cluster.Cluster)
          const [address] = (yield* self).addresses
          if (address === undefined) return yield* Effect.die("a node has an address")
          for (let i = 0; i < 200; i++) yield* stranger(address, Buffer.from(hello?.hex ?? "", "hex"))
        }),
      )
      for (let turn = 0; turn < 100 && (yield* openSockets) > before; turn++) yield* Effect.sleep("20 millis")
      assert.strictEqual(yield* openSockets, before)
    }),
  )
})
