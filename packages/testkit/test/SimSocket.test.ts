import { NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import type * as FaultPlan from "../src/FaultPlan.ts"
import * as SimHost from "../src/SimHost.ts"
import * as SimNetwork from "../src/SimNetwork.ts"
import * as SimSocket from "../src/SimSocket.ts"
import * as SimSocketServer from "../src/SimSocketServer.ts"
import type * as Simulation from "../src/Simulation.ts"
import * as VirtualTime from "../src/VirtualTime.ts"
import { failure, run } from "./run/world.ts"
import { contract, type Sockets } from "./socket/contract.ts"

const node: Sockets = { server: NodeSocketServer.make, socket: NodeSocket.makeNet }

/** Keeps the expected errors of handlers out of the output. */
const quiet = Effect.provideService(Logger.CurrentLoggers, new Set<never>())

describe("the contract of sockets, on Node", () => {
  for (const [name, test] of Object.entries(contract)) it.live(name, () => quiet(Effect.scoped(test(node))))
})

/** Layer that gives a node its own host. */
const layerHost = Layer.effect(SimHost.SimHost)(SimHost.SimHost)

/** Runs a test as the program of one node. */
const simulated = (test: (typeof contract)[string], options: Simulation.Options) =>
  run(
    (sim) =>
      Effect.gen(function* () {
        const { a } = yield* sim.nodes(["a"], () => layerHost)
        const program = Effect.gen(function* () {
          const host = yield* SimHost.SimHost
          yield* test({
            server: (given) => Effect.provideService(SimSocketServer.make(given), SimHost.SimHost, host),
            socket: (given) => Effect.provideService(SimSocket.makeNet(given), SimHost.SimHost, host),
          })
        })
        yield* a.run(program)
      }),
    options,
  )

/** Network that delays, loses and splits segments. */
const faulty: (typeof FaultPlan.Network)["Encoded"] = {
  delay: { exponential: { min: "1 millis", mean: "5 millis" } },
  loss: 0.02,
  split: 0.3,
  sendBuffer: 20_000,
}

describe("the contract of sockets, simulated", () => {
  describe.each(["fifo", "random", "preempt"] as const)("in the order %s", (explore) => {
    for (const [name, test] of Object.entries(contract)) it.live(name, () => simulated(test, { explore }))
  })

  describe("on a faulty network", () => {
    for (const [name, test] of Object.entries(contract)) {
      it.live(name, () => simulated(test, { explore: "random", faults: { network: faulty } }))
    }
  })
})

/** Server that sends everything back, on each node. */
class Echo extends Context.Service<Echo, SocketServer.SocketServer["Service"]["address"]>()("test/Echo") {}

const layerEcho = (options: SimSocketServer.ListenOptions) =>
  Layer.effect(Echo)(
    Effect.gen(function* () {
      const server = yield* SocketServer.SocketServer
      yield* Effect.forkScoped(
        server.run((socket) =>
          Effect.gen(function* () {
            const { pull } = yield* socket.reader
            const { writeAll } = yield* socket.writer
            yield* Effect.forever(Effect.flatMap(pull, writeAll))
          }).pipe(Effect.scoped),
        ),
      )
      return server.address
    }),
  ).pipe(Layer.provide(SimSocketServer.layer(options)), Layer.provideMerge(layerHost))

const names = ["a", "b"] as const

const echoes = (sim: Simulation.Sim, options: SimSocketServer.ListenOptions = { port: 80 }) =>
  sim.nodes(names, () => layerEcho(options))

/** Opens a connection to the echo server, and exchanges a text. */
const greet = (options: SimSocket.NetOptions) =>
  Effect.gen(function* () {
    const socket = yield* SimSocket.makeNet(options)
    const { pull } = yield* socket.reader
    const { write } = yield* socket.writer
    yield* write("hello")
    yield* pull
    return { pull, write }
  })

const codeOf = ({ reason }: { readonly reason: { readonly _tag: string; readonly cause?: unknown } }) =>
  `${reason._tag} ${String((reason.cause as { readonly code?: string }).code)}`

describe("a simulated node", () => {
  it.live("is reached by its name and its address, which its server reports", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a, b } = yield* sim.nodes(names, (name) => layerEcho({ host: name, port: 0 }))
        const address = b.service(Echo)
        assert(address?._tag === "InetAddressV4")
        yield* a.run(Effect.scoped(greet({ host: "b", port: address.port })))
        yield* a.run(Effect.scoped(greet({ host: "10.0.0.2", port: address.port })))
        assert.strictEqual(sim.network.connections("a", "b"), 0)
      }),
    ),
  )

  it.live("does not reach a server on the loopback of another node", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a, b } = yield* echoes(sim, { host: "localhost", port: 80 })
        yield* b.run(greet({ port: 80 }))
        const error = yield* Effect.flip(a.run(greet({ host: "b", port: 80 })))
        assert(error._tag === "SocketError")
        assert.strictEqual(codeOf(error), "SocketOpenError ECONNREFUSED")
      }),
    ),
  )

  it.live("knows the names of nodes that have not started, and of no others", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* echoes(sim)
        const fails = (host: string) =>
          Effect.map(Effect.flip(a.run(greet({ host, port: 1 }))), (error) =>
            error._tag === "SocketError" ? codeOf(error) : assert.fail(error._tag),
          )
        assert.strictEqual(yield* fails("b"), "SocketOpenError ECONNREFUSED")
        assert.strictEqual(yield* fails("c"), "SocketOpenError ENOTFOUND")
        assert.strictEqual(yield* fails("10.0.0.99"), "SocketOpenError EHOSTUNREACH")
      }),
    ),
  )

  it.live("that is killed resets its connections, and refuses new ones until it is started again", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a, b } = yield* echoes(sim)
        const errors = yield* a.run(
          Effect.gen(function* () {
            const { pull } = yield* greet({ host: "b", port: 80 })
            yield* b.crash
            return [yield* Effect.flip(pull), yield* Effect.flip(greet({ host: "b", port: 80 }))]
          }),
        )
        assert.deepStrictEqual(
          errors.map((error) => codeOf(error)),
          ["SocketReadError ECONNRESET", "SocketOpenError ECONNREFUSED"],
        )
        yield* b.restart
        yield* a.run(greet({ host: "b", port: 80 }))
      }),
    ),
  )

  it.live("that is cut off times out connections, and connections that are being opened", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* echoes(sim)
        const failed = yield* a.run(
          Effect.gen(function* () {
            const { pull, write } = yield* greet({ host: "b", port: 80 })
            yield* sim.network.partition(["a"], ["b"])
            yield* write("lost")
            const open = (openTimeout?: number) =>
              Effect.flip(greet({ host: "b", port: 80, ...(openTimeout === undefined ? {} : { openTimeout }) }))
            const first = yield* open(2_000)
            assert.isBelow(sim.now(), 3_000_000)
            assert(first.reason._tag === "SocketOpenError")
            assert.strictEqual(first.reason.kind, "Timeout")
            return [yield* Effect.flip(pull), yield* open()]
          }),
        )
        assert.deepStrictEqual(
          failed.map((error) => codeOf(error)),
          ["SocketReadError ETIMEDOUT", "SocketOpenError ETIMEDOUT"],
        )
      }),
    ),
  )

  it.live("that is slow opens its connections, also if the answer comes before it waits for it", () =>
    run(
      (sim) =>
        Effect.gen(function* () {
          const { a } = yield* echoes(sim)
          // Each task takes longer than the answer of the network, and a fiber may be interrupted at any operation.
          yield* a.slow("5 millis")
          yield* a.run(
            Effect.forEach(
              Array.from({ length: 60 }),
              () => Effect.timeout(Effect.scoped(greet({ host: "b", port: 80 })), "20 seconds"),
              { concurrency: 4 },
            ),
          )
        }),
      { explore: "preempt" },
    ),
  )

  it.live("that stops with an open connection leaves something behind", () =>
    Effect.gen(function* () {
      const error = yield* failure("InvariantViolated", (sim) =>
        Effect.gen(function* () {
          const { a } = yield* echoes(sim)
          const host = a.service(SimHost.SimHost)
          assert(host !== undefined)
          yield* a.run(
            Effect.provideService(
              Scope.provide(Effect.asVoid(greet({ host: "b", port: 80 })), Scope.makeUnsafe()),
              SimHost.SimHost,
              host,
            ),
          )
          yield* a.stop
          yield* Effect.sleep("2 minutes")
        }),
      )
      assert.include(error.message, "a was stopped 60.000 s ago and still has 1 connection or listener")
    }),
  )

  it.live("closes a connection whose handler ends without a reader", () =>
    run((sim) =>
      Effect.gen(function* () {
        const layerRude = Layer.effectDiscard(
          Effect.gen(function* () {
            const server = yield* SimSocketServer.make({ port: 80 })
            yield* Effect.forkScoped(server.run(() => Effect.void))
          }),
        )
        const { a } = yield* sim.nodes(["a"], () => Layer.merge(layerHost, layerRude))
        const error = yield* a.run(
          Effect.gen(function* () {
            const { pull } = yield* (yield* SimSocket.makeNet({ port: 80 })).reader
            return yield* Effect.flip(pull)
          }),
        )
        assert(error.reason._tag === "SocketCloseError")
        assert.strictEqual(error.reason.code, 1000)
      }),
    ),
  )

  it.live("cannot upgrade a connection to TLS", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { a } = yield* echoes(sim)
        const error = yield* a.run(
          Effect.gen(function* () {
            const socket = yield* SimSocket.makeNet({ host: "b", port: 80 })
            const { upgrade } = yield* socket.reader
            return yield* Effect.flip(upgrade())
          }),
        )
        assert.strictEqual(error.reason._tag, "SocketUpgradeError")
      }),
    ),
  )
})

it.effect("sockets also run on a network of a test, in the time of TestClock", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make({ latency: "10 millis" })
    const server = yield* Layer.build(Layer.provide(layerEcho({ port: 80 }), network.host("b")))
    assert.strictEqual(Context.get(server, Echo)._tag, "InetAddressV6")
    const socket = Layer.provide(SimSocket.layerNet({ host: "b", port: 80 }), network.host("a"))
    yield* Effect.gen(function* () {
      const { reader, writer } = yield* Socket.Socket
      const { pull } = yield* reader
      yield* (yield* writer).write("hello")
      assert.strictEqual((yield* pull).length, 1)
    }).pipe(Effect.scoped, Effect.provide(socket))
  }).pipe(Effect.scoped, VirtualTime.flow),
)
