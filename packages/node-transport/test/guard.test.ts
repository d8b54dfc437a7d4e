/** The options of the transports about the other end: networks, and bounds for strangers. */
import * as Address from "@coterie/core/Address"
import * as Cluster from "@coterie/core/Cluster"
import * as Transport from "@coterie/core/Transport"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeDiscovery from "@coterie/node-transport/NodeDiscovery"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { until } from "./rotation.ts"
import { otherSecret, secret } from "./secretOutcomes.ts"
import { serve } from "./rawServer.ts"

type Kind = "tcp" | "secret"

/** Makes a transport on a free port of the loopback. `lines` gets its log. */
const transport = (
  kind: Kind,
  options: NodeTransport.Options & NodeTransport.SecretOptions = {},
  lines: Array<string> = [],
): Effect.Effect<Transport.Transport["Service"], never, Scope.Scope> => {
  const place = { host: "127.0.0.1", port: 0, ...options }
  const layer =
    kind === "tcp"
      ? NodeTransport.layerTcp(place)
      : NodeTransport.layerSecret(place).pipe(Layer.provide(Layer.orDie(Keyring.layer(secret))))
  return Layer.build(layer).pipe(
    Effect.map(Context.get(Transport.Transport)),
    Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])),
  )
}

/** Provides a logger that collects the messages. */
const collect = (lines: Array<string>) => Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])

const kinds: ReadonlyArray<Kind> = ["tcp", "secret"]

/** A resolver that knows one name. */
const resolverOf = (hosts: ReadonlyArray<string>): NodeDiscovery.Resolver => ({
  a: () => Effect.succeed(hosts),
  aaaa: () => Effect.succeed([]),
  srv: () => Effect.succeed([]),
})

describe.each(kinds)("networks of the transport %s", (kind) => {
  it.live("exclude an address that dials, before anything is read", () =>
    Effect.gen(function* () {
      for (const networks of [{ deny: ["127.0.0.0/8"] }, { allow: ["192.0.2.0/24"] }]) {
        const lines: Array<string> = []
        const server = yield* transport(kind, { networks })
        const listener = yield* Effect.provide(server.listen, collect(lines))
        yield* Effect.forkScoped(listener.run(() => Effect.die("a connection was handed out")))
        const client = yield* transport(kind)
        const ended = yield* Effect.result(
          Effect.flatMap(client.connect(listener.addresses[0]), ({ pull }) => Effect.forever(pull)),
        )
        assert.strictEqual(ended._tag, "Failure")
        assert.strictEqual(lines.at(-1), "refused a connection from 127.0.0.1: blocked")
      }
    }),
  )

  it.live("exclude an address that is dialed, and nothing is sent to it", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const node = yield* transport(kind, {
        networks: { deny: ["127.0.0.1"] },
        resolver: resolverOf(["127.0.0.1"]),
      })
      const dialers: Array<number | undefined> = []
      const { address, port } = yield* serve(({ remotePort }) => void dialers.push(remotePort))
      const named = yield* Effect.orDie(Effect.fromResult(Address.make("evil.example", port)))
      for (const each of [address, named]) {
        for (let i = 0; i < 3; i++) {
          const error = yield* Effect.flip(node.connect(each)).pipe(Effect.provide(collect(lines)))
          assert.include(error, {
            reason: "forbidden",
            message: `${each} is not dialed: the option "networks.deny" excludes 127.0.0.1`,
          })
        }
      }
      // One line for each address.
      assert.deepStrictEqual(lines, [
        `${address} is not dialed: the option "networks.deny" excludes 127.0.0.1`,
        `${named} is not dialed: the option "networks.deny" excludes 127.0.0.1`,
      ])
      // A connection of the test arrives after all that came before.
      const last = yield* Effect.acquireRelease(
        Effect.sync(() => Net.connect(port, "127.0.0.1")),
        (socket) => Effect.sync(() => socket.destroy()),
      )
      yield* until(() => last.localPort !== undefined && dialers.includes(last.localPort))
      assert.deepStrictEqual(dialers, [last.localPort])
    }),
  )

  it.live("leave the addresses of a name that may be dialed", () =>
    Effect.gen(function* () {
      const server = yield* transport(kind)
      const listener = yield* server.listen
      const arrived = yield* Deferred.make<string>()
      yield* Effect.forkScoped(listener.run(({ remoteHost }) => Deferred.succeed(arrived, remoteHost)))
      const client = yield* transport(kind, {
        networks: { allow: ["127.0.0.1"] },
        resolver: resolverOf(["127.0.0.2", "127.0.0.1"]),
      })
      const port = Address.port(listener.addresses[0])
      yield* client.connect(yield* Effect.orDie(Effect.fromResult(Address.make("peer.example", port))))
      assert.strictEqual(yield* Deferred.await(arrived), "127.0.0.1")
    }),
  )

  it.live("that are none fail the listener with their text, and nothing is dialed", () =>
    Effect.gen(function* () {
      const node = yield* transport(kind, { networks: { deny: ["10.0.0.0/33"] } })
      const error = yield* Effect.flip(node.listen)
      assert.strictEqual(error.reason, "listen")
      assert.include(error.message, `"networks.deny" has "10.0.0.0/33", which is no network`)
      const { address } = yield* serve(() => assert.fail("a connection was made"))
      assert.include(yield* Effect.flip(node.connect(address)), {
        reason: "forbidden",
        message: `${address} is not dialed: ${error.message}`,
      })
    }),
  )

  it.live("and bounds of strangers that cannot be used fail the listener", () =>
    Effect.gen(function* () {
      for (const waiting of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const node = yield* transport(kind, { strangers: { waiting } })
        assert.include(yield* Effect.flip(node.listen), {
          reason: "listen",
          message: `"strangers.waiting" must be a whole number from 1 on, not ${waiting}`,
        })
      }
    }),
  )
})

describe("a restart of 70 nodes behind one address", () => {
  const dialers = 70

  /** Dials a listener from 70 nodes at once, before and after it runs. Returns the log of the listener. */
  const restart = (kind: Kind, dial: Effect.Effect<Transport.Transport["Service"], never, Scope.Scope>) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      // A test on a busy machine runs both sides of all handshakes.
      const server = yield* transport(kind, { handshakeTimeout: "1 minute" })
      const listener = yield* Effect.provide(server.listen, collect(lines))
      const clients = yield* Effect.forEach(Array.from({ length: dialers }), () => dial)
      const connectAll = Effect.forEach(clients, (client) => client.connect(listener.addresses[0]), {
        concurrency: "unbounded",
      })
      yield* connectAll
      let handed = 0
      const all = yield* Deferred.make<void>()
      yield* Effect.forkScoped(
        listener.run(({ pull }) => {
          handed++
          if (handed === 2 * dialers) Deferred.doneUnsafe(all, Effect.void)
          return Effect.ignore(Effect.forever(pull))
        }),
      )
      yield* connectAll
      yield* Deferred.await(all)
      return lines.filter((line) => !line.startsWith("transport: "))
    })

  it.live("is not refused over TCP", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* restart("tcp", transport("tcp")), [])
    }),
  )

  it.live(
    "is not refused with a secret, also if each node tries a key first that is not accepted",
    () =>
      Effect.gen(function* () {
        const ring = Layer.orDie(Keyring.layer([otherSecret, secret]))
        const dialer = Layer.build(
          NodeTransport.layerSecret({ port: 0, connectTimeout: "1 minute" }).pipe(Layer.provide(ring)),
        ).pipe(Effect.map(Context.get(Transport.Transport)))
        const lines = yield* restart("secret", Effect.provide(dialer, Logger.layer([])))
        assert.deepStrictEqual(lines, ["refused a connection from 127.0.0.1: secret"])
      }),
    60_000,
  )
})

describe("a node with networks", () => {
  it.live("does not dial an address in another one that a member announces", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      let connections = 0
      const { port } = yield* serve(() => void connections++, "127.0.0.3")
      const node = (name: string, options: NodeTransport.Options, seeds: ReadonlyArray<string>, log: Array<string>) =>
        Layer.build(
          Cluster.layer({ cluster: "hello", name, seeds }).pipe(
            Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0, ...options })),
            Layer.provide(collect(log)),
          ),
        ).pipe(Effect.map(Context.get(Cluster.Cluster)))
      const b = yield* node("b", {}, [], [])
      const seeds = [(yield* b.self).addresses[0] ?? ""]
      // The third node advertises an address at which somebody else listens.
      const advertised = `127.0.0.3:${port}`
      yield* node("c", { advertise: advertised }, seeds, [])
      yield* node("a", { networks: { deny: ["127.0.0.3"] } }, seeds, lines)
      const warned = `${advertised} is not dialed: the option "networks.deny" excludes 127.0.0.3`
      yield* Effect.callback<void>((resume) => {
        const check = (): unknown => (lines.includes(warned) ? resume(Effect.void) : setImmediate(check))
        check()
      })
      assert.strictEqual(connections, 0)
    }),
  )
})
