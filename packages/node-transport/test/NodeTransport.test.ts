import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as NodeDiscovery from "@coterie/node-transport/NodeDiscovery"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as TransportContract from "@coterie/testkit/TransportContract"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Os from "node:os"
import { Worker } from "node:worker_threads"
import * as DnsServer from "./dnsServer.ts"
import { serve } from "./rawServer.ts"

/** Starts a server of Node that reads nothing from the sockets that it accepts. */
const rawServer = serve(() => {})

/** Starts a thread that listens on a port and never accepts a connection. Returns the port. */
const deafPort = Effect.acquireRelease(
  Effect.callback<{ readonly worker: Worker; readonly port: number }>((resume) => {
    const worker = new Worker(
      `const server = require("node:net").createServer().listen(0, "127.0.0.1", 1, () => {
        require("node:worker_threads").parentPort.postMessage(server.address().port)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      })`,
      { eval: true },
    )
    worker.once("message", (port: number) => resume(Effect.succeed({ worker, port })))
  }),
  ({ worker }) => Effect.promise(() => worker.terminate()),
).pipe(Effect.map(({ port }) => port))

/** Returns the number of sockets and servers that this process has open. */
const openSockets = Effect.sync(
  () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap" || kind === "TCPServerWrap").length,
)

TransportContract.suite({
  name: "NodeTransport over loopback",
  live: true,
  harness: Effect.succeed({
    transport: (port) => NodeTransport.layerTcp({ host: "127.0.0.1", port }),
    silentPeer: rawServer,
    open: openSockets,
  }),
})

/** Resolver that finds no records. */
const noNames = {
  a: (): Effect.Effect<ReadonlyArray<string>> => Effect.succeed([]),
  aaaa: (): Effect.Effect<ReadonlyArray<string>> => Effect.succeed([]),
  srv: (): Effect.Effect<ReadonlyArray<NodeDiscovery.SrvRecord>> => Effect.succeed([]),
}

const nodeOf = (options: Partial<NodeTransport.Options> = {}) =>
  Effect.map(
    Layer.build(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0, ...options })),
    Context.get(Transport.Transport),
  )

/** Turns of the event loop in which the loopback carries some megabytes. */
const turnsForMegabytes = 300

/** Turns of the event loop in which the loopback carries a word. */
const turnsForWord = 20

const turns = (count: number) =>
  Effect.callback<void>((resume) => {
    const turn = (left: number): unknown => (left === 0 ? resume(Effect.void) : setImmediate(turn, left - 1))
    turn(count)
  })

/** Number of steps to test. It exceeds the number of steps of each tested effect. */
const steps = 40

/** Runs the effect in a fiber that the scheduler delays by a number of turns before one of its steps. */
const delayed = <A, E, R>(step: number, effect: Effect.Effect<A, E, R>, delay: number): Effect.Effect<A, E, R> => {
  let asked = 0
  const scheduler = new Scheduler.MixedScheduler("async", (task) => {
    let isCancelled = false
    const turn = (left: number): unknown =>
      isCancelled ? undefined : left === 0 ? task() : setImmediate(turn, left - 1)
    turn(asked > step ? delay : 1)
    return () => {
      isCancelled = true
    }
  })
  scheduler.shouldYield = () => asked++ === step
  return Effect.provideService(effect, Scheduler.Scheduler, scheduler)
}

/** Returns the next batch as text, or how the stream ended. */
const pullText = (connection: Transport.Connection) =>
  Effect.match(connection.pull, {
    onSuccess: (batch) => Buffer.concat(batch).toString(),
    onFailure: (error) => (Cause.isDone(error) ? "done" : error.reason),
  })

const start = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(effect, { startImmediately: true })

/** Waits for an event of a socket. */
const eventOf = (socket: Net.Socket, name: "close" | "end" | "error") =>
  Effect.callback<void>((resume) => {
    socket.once(name, () => resume(Effect.void))
  })

/** Waits until at most this number of sockets is open. */
const untilSockets = (count: number): Effect.Effect<void> =>
  Effect.flatMap(openSockets, (now) =>
    now <= count
      ? Effect.void
      : Effect.andThen(
          Effect.yieldNow,
          Effect.suspend(() => untilSockets(count)),
        ),
  )

const hasV6 = Object.values(Os.networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"))

/** Reports whether other machines may reach this one, so that it has an address to advertise. */
const hasNetwork = Object.values(Os.networkInterfaces()).some((all) =>
  all?.some(({ family, internal }) => !internal && family === "IPv4"),
)

/** Runs the body for each step with a connection and the socket at its other end. */
const atEachStep = <E>(
  body: (step: number, connection: Transport.Connection, socket: Net.Socket) => Effect.Effect<void, E, Scope.Scope>,
) =>
  Effect.gen(function* () {
    for (let step = 0; step < steps; step++) {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* rawServer
          const node = yield* nodeOf()
          const connection = yield* node.connect(server.address)
          yield* body(step, connection, yield* server.accepted)
        }),
      )
    }
  })

describe("NodeTransport", () => {
  it.live("fails with an error that says what to do when it cannot listen", () =>
    Effect.gen(function* () {
      const failure = (options: Partial<NodeTransport.Options>) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip((yield* nodeOf(options)).listen)
          assert.strictEqual(error.reason, "listen")
          return error.message
        })
      assert.strictEqual(
        yield* failure({ host: "192.0.2.1" }),
        "192.0.2.1 is not an address of this machine: listen on one that is, or on 0.0.0.0 for all interfaces",
      )
      assert.strictEqual(yield* failure({ port: 70_000 }), "the port must be an integer from 0 to 65535, not 70000")
      const port = Address.port((yield* (yield* nodeOf()).listen).addresses[0])
      assert.strictEqual(
        yield* failure({ port }),
        `port ${port} on 127.0.0.1 is in use: pick another, or 0 for any free one`,
      )
      assert.include(yield* failure({ host: "nowhere.invalid" }), "nowhere.invalid")
      assert.include(yield* failure({ host: "0.0.0.0" }), `set "insecure: true"`)
      for (const advertise of ["not a host", "0.0.0.0", "0.0.0.0:24868", "[::]", "a:0"]) {
        assert.include(yield* failure({ advertise }), "the option `advertise` must be")
      }
    }),
  )

  it.live("releases its port if it cannot parse an address to advertise", () =>
    Effect.gen(function* () {
      const port = Address.port((yield* Effect.scoped(Effect.flatMap(nodeOf(), (node) => node.listen))).addresses[0])
      yield* Effect.scoped(
        Effect.gen(function* () {
          const node = yield* nodeOf({ port, advertise: "not a host" })
          yield* Effect.flip(node.listen)
        }),
      )
      yield* (yield* nodeOf({ port })).listen
    }),
  )

  it.live("advertises an address that other machines can dial", () =>
    Effect.gen(function* () {
      const advertised = (options: Partial<NodeTransport.Options>) =>
        Effect.gen(function* () {
          const {
            addresses: [address],
          } = yield* (yield* nodeOf(options)).listen
          return [Address.host(address), Address.port(address)] as const
        })
      assert.strictEqual((yield* advertised({ host: "localhost" }))[0], "localhost")
      assert.deepStrictEqual(yield* advertised({ advertise: "Node1.example.org:80" }), ["node1.example.org", 80])
      assert.deepStrictEqual(yield* advertised({ advertise: "[fd00::1]:80" }), ["fd00::1", 80])
      const [host, port] = yield* advertised({ advertise: "fd00::1" })
      assert.strictEqual(host, "fd00::1")
      assert.isAbove(port, 0)
      assert.strictEqual(
        (yield* advertised({ host: "0.0.0.0", insecure: true, advertise: "example.org" }))[0],
        "example.org",
      )
    }),
  )

  it.live.runIf(hasNetwork)("listens on all interfaces and can be dialed at the one that it advertises", () =>
    Effect.gen(function* () {
      const node = yield* nodeOf({ host: "0.0.0.0", insecure: true })
      const listener = yield* node.listen
      const own = Object.values(Os.networkInterfaces()).flatMap((some) => some ?? [])
      assert.isTrue(own.some(({ address }) => address === Address.host(listener.addresses[0])))
      yield* start(listener.run((connection) => Effect.ignore(connection.write([Buffer.from("here")]))))
      assert.strictEqual(yield* pullText(yield* node.connect(listener.addresses[0])), "here")
    }),
  )

  it.live.runIf(hasV6)("listens on IPv6, and reports IPv4 hosts without their IPv6 prefix", () =>
    Effect.gen(function* () {
      const node = yield* nodeOf({ host: "::", insecure: true, advertise: "::1" })
      const listener = yield* node.listen
      yield* start(listener.run((connection) => Effect.ignore(connection.write([Buffer.from(connection.remoteHost)]))))
      assert.strictEqual(yield* pullText(yield* node.connect(listener.addresses[0])), "::1")
      const v4 = yield* Effect.fromResult(Address.make("127.0.0.1", Address.port(listener.addresses[0])))
      assert.strictEqual(yield* pullText(yield* node.connect(v4)), "127.0.0.1")
    }),
  )

  it.live("distinguishes an unknown host from one that refuses the connection", () =>
    Effect.gen(function* () {
      const node = yield* nodeOf()
      const nowhere = yield* Effect.fromResult(Address.parse("nowhere.invalid:80"))
      const unknown = yield* Effect.flip(node.connect(nowhere))
      assert.strictEqual(unknown.reason, "unreachable")
      assert.include(unknown.message, "nowhere.invalid:80 cannot be reached")
      const {
        addresses: [address],
      } = yield* Effect.scoped(node.listen)
      const refused = yield* Effect.flip(node.connect(address))
      assert.strictEqual(refused.reason, "refused")
      assert.strictEqual(refused.message, `${address} refused the connection: nobody listens there`)
    }),
  )

  it.live("does not report a connection that was cut at once as refused", () =>
    Effect.gen(function* () {
      const node = yield* nodeOf()
      const port = yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server = Net.createServer((socket) => void socket.resetAndDestroy())
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => void server.close()),
      ).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))
      const address = yield* Effect.fromResult(Address.make("127.0.0.1", port))
      const outcome = yield* Effect.result(node.connect(address))
      // The connection may also have been open for a moment.
      if (Result.isFailure(outcome)) assert.strictEqual(outcome.failure.reason, "unreachable")
    }),
  )

  it.live("fails a dial without an answer", () =>
    Effect.gen(function* () {
      const before = yield* openSockets
      yield* Effect.scoped(
        Effect.gen(function* () {
          const node = yield* nodeOf({ connectTimeout: "200 millis" })
          const port = yield* deafPort
          const deaf = yield* Effect.fromResult(Address.make("127.0.0.1", port))
          // The system accepts connections for it until its queue is full.
          const error = yield* Effect.flip(Effect.forever(node.connect(deaf)))
          assert.strictEqual(error.reason, "unreachable")
          assert.strictEqual(error.message, `${deaf} did not answer within 200ms`)
        }),
      )
      yield* untilSockets(before)
    }),
  )

  it.live("destroys a closed connection after the linger time if the other end never ends", () =>
    Effect.gen(function* () {
      const before = yield* openSockets
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* rawServer
          const node = yield* nodeOf({ linger: "20 millis" })
          const scope = yield* Scope.make()
          const connection = yield* Scope.provide(node.connect(server.address), scope)
          const socket = yield* server.accepted
          yield* connection.write([Buffer.from("bye")])
          const open = yield* openSockets
          yield* Scope.close(scope, Exit.void)
          yield* untilSockets(open - 1)
          // The other end receives all bytes and the end.
          let received = ""
          socket.on("data", (bytes) => {
            received += bytes.toString()
          })
          const ended = yield* start(eventOf(socket, "end"))
          socket.resume()
          yield* Fiber.join(ended)
          assert.strictEqual(received, "bye")
        }),
      )
      yield* untilSockets(before)
    }),
  )

  it.live("lets the process end during the linger time, although the other end of a closed connection never ends", () =>
    Effect.gen(function* () {
      const server = yield* rawServer
      // Longer than the test may take, because the process must not wait for it.
      const node = yield* nodeOf({ linger: "1 hour" })
      const scope = yield* Scope.make()
      yield* Scope.provide(node.connect(server.address), scope)
      const socket = yield* server.accepted
      // Only sockets that keep the process alive count as open.
      const open = yield* openSockets
      yield* Scope.close(scope, Exit.void)
      yield* untilSockets(open - 1)
      assert.isFalse(socket.destroyed)
    }),
  )

  it.live("ends a write even if its fiber is delayed between any two steps until the bytes are sent", () =>
    atEachStep((step, connection, socket) => {
      socket.resume()
      return delayed(step, connection.write([new Uint8Array(8 * 1024 * 1024)]), turnsForMegabytes)
    }),
  )

  it.live("fails a waiting write when the connection is reset", () =>
    Effect.gen(function* () {
      const server = yield* rawServer
      const node = yield* nodeOf()
      const connection = yield* node.connect(server.address)
      yield* server.accepted
      const writing = yield* start(Effect.flip(connection.write([new Uint8Array(64 * 1024 * 1024)])))
      yield* server.reset
      assert.include(yield* Fiber.join(writing), { _tag: "TransportError", reason: "closed" })
    }),
  )

  it.live("survives a reset of a connection that it has accepted", () =>
    Effect.gen(function* () {
      const node = yield* nodeOf()
      const listener = yield* node.listen
      const accepted = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<string>()
      yield* start(
        listener.run((connection) =>
          Effect.andThen(
            Deferred.succeed(accepted, undefined),
            Effect.flatMap(pullText(connection), (end) => Deferred.succeed(ended, end)),
          ),
        ),
      )
      const socket = Net.connect(Address.port(listener.addresses[0]), "127.0.0.1")
      yield* Deferred.await(accepted)
      socket.resetAndDestroy()
      assert.strictEqual(yield* Deferred.await(ended), "closed")
    }),
  )

  it.live("keeps received bytes for the next pull if a pull is interrupted between any two steps", () =>
    atEachStep((step, connection, socket) =>
      Effect.gen(function* () {
        socket.write("hello")
        let pulled: string | undefined
        const pulling = yield* start(
          delayed(step, pullText(connection), turnsForWord).pipe(
            Effect.tap((text) =>
              Effect.sync(() => {
                pulled = text
              }),
            ),
          ),
        )
        // By then the fiber is delayed or has ended.
        yield* turns(10)
        yield* Fiber.interrupt(pulling)
        assert.strictEqual(pulled ?? (yield* pullText(connection)), "hello")
      }),
    ),
  )

  it.live("fails a refused dial even if its fiber is delayed between any two steps", () =>
    Effect.gen(function* () {
      const node = yield* nodeOf()
      const {
        addresses: [address],
      } = yield* Effect.scoped(node.listen)
      for (let step = 0; step < steps; step++) {
        const error = yield* Effect.flip(Effect.scoped(delayed(step, node.connect(address), turnsForMegabytes)))
        assert.strictEqual(error.reason, "refused")
      }
    }),
  )

  it.live("opens no listener if it is interrupted while it looks up its host", () =>
    Effect.gen(function* () {
      const before = yield* openSockets
      const node = yield* nodeOf()
      const {
        addresses: [address],
      } = yield* Effect.scoped(node.listen)
      const answer = yield* Deferred.make<ReadonlyArray<string>>()
      const named = yield* nodeOf({
        host: "me.example",
        port: Address.port(address),
        resolver: { ...noNames, a: () => Deferred.await(answer) },
      })
      const listening = yield* start(Effect.scoped(named.listen))
      yield* Fiber.interrupt(listening)
      yield* Deferred.succeed(answer, ["127.0.0.1"])
      yield* turns(turnsForWord)
      const exit = yield* Effect.flip(Effect.scoped(node.connect(address)))
      assert.strictEqual(exit.reason, "refused")
      yield* untilSockets(before)
    }),
  )

  it.live("listens on the first address of its host, and advertises the host", () =>
    Effect.gen(function* () {
      const resolver = { ...noNames, a: () => Effect.succeed(["127.0.0.1"]), aaaa: () => Effect.succeed(["::1"]) }
      const listener = yield* (yield* nodeOf({ host: "Me.example", resolver })).listen
      assert.strictEqual(Address.host(listener.addresses[0]), "me.example")
      yield* start(listener.run((connection) => Effect.ignore(connection.write([Buffer.from("here")]))))
      const v4 = yield* Effect.fromResult(Address.make("127.0.0.1", Address.port(listener.addresses[0])))
      assert.strictEqual(yield* pullText(yield* (yield* nodeOf()).connect(v4)), "here")
    }),
  )

  it.live("dials the addresses of a name until one answers, and fails for a name without addresses", () =>
    Effect.gen(function* () {
      const server = yield* rawServer
      const resolver: NodeDiscovery.Resolver = {
        ...noNames,
        a: (name) => (name === "peers.example." ? Effect.succeed(["127.0.0.1"]) : noNames.a()),
        aaaa: (name) => (name === "peers.example." ? Effect.succeed(["::1"]) : noNames.aaaa()),
      }
      const node = yield* nodeOf({ resolver })
      const port = Address.port(server.address)
      yield* node.connect(yield* Effect.fromResult(Address.make("peers.example.", port)))
      yield* server.accepted
      const relative = yield* Effect.fromResult(Address.make("peers.example", port))
      const error = yield* Effect.flip(node.connect(relative))
      assert.strictEqual(error.reason, "unreachable")
      assert.strictEqual(error.message, `${relative} cannot be reached: peers.example has no addresses`)
    }),
  )

  it.live("looks up a name once for all dials that time out meanwhile, and stops when it is closed", () =>
    Effect.gen(function* () {
      const server = yield* DnsServer.make
      for (const type of ["A", "AAAA"] as const) server.answer(type, "silent.example", "is silent")
      const scope = yield* Scope.make()
      const resolver = NodeDiscovery.resolver({ servers: [server.address], timeout: "1 hours" })
      const node = yield* Scope.provide(nodeOf({ resolver, connectTimeout: "20 millis" }), scope)
      const silent = yield* Effect.fromResult(Address.parse("silent.example.:80"))
      for (let dials = 0; dials < 3; dials++) {
        const error = yield* Effect.flip(Effect.scoped(node.connect(silent)))
        assert.strictEqual(error.reason, "unreachable")
        assert.strictEqual(error.message, `${silent} did not answer within 20ms`)
      }
      const asker = yield* server.nextAsker
      yield* server.nextAsker
      assert.strictEqual(server.questions(), 2, "one query for each family")
      yield* Scope.close(scope, Exit.void)
      yield* server.untilGone(asker)
    }),
  )

  it.live("drops received bytes after it is closed, so that the other end can send all its bytes", () =>
    Effect.gen(function* () {
      const server = yield* rawServer
      // Longer than the test may take, because the other end must not wait for it.
      const node = yield* nodeOf({ linger: "1 hour" })
      const scope = yield* Scope.make()
      yield* Scope.provide(node.connect(server.address), scope)
      const socket = yield* server.accepted
      // Without a pull the reader has paused by then.
      const sent = yield* start(
        Effect.callback<void>((resume) => {
          socket.end(new Uint8Array(64 * 1024 * 1024), () => resume(Effect.void))
        }),
      )
      yield* turns(turnsForMegabytes)
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(sent)
    }),
  )

  it.live("resets a closed connection whose last bytes cannot be sent, so that the other end sees the loss", () =>
    Effect.gen(function* () {
      const server = yield* rawServer
      const node = yield* nodeOf({ linger: "20 millis" })
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(node.connect(server.address), scope)
      const socket = yield* server.accepted
      let ended = false
      socket.once("end", () => {
        ended = true
      })
      const writing = yield* start(connection.write([new Uint8Array(64 * 1024 * 1024)]))
      yield* Fiber.interrupt(writing)
      const open = yield* openSockets
      yield* Scope.close(scope, Exit.void)
      yield* untilSockets(open - 1)
      const lost = yield* start(eventOf(socket, "error"))
      socket.resume()
      yield* Fiber.join(lost)
      assert.isFalse(ended)
    }),
  )

  it.live("survives a reset of a connection that it has closed", () =>
    Effect.gen(function* () {
      const before = yield* openSockets
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* rawServer
          const node = yield* nodeOf()
          yield* Effect.scoped(
            Effect.flatMap(node.connect(server.address), (connection) => connection.write([new Uint8Array(100_000)])),
          )
          yield* server.reset
        }),
      )
      yield* untilSockets(before)
    }),
  )

  it.live("survives a reset of a connection that waits for an acceptor", () =>
    Effect.gen(function* () {
      const node = yield* nodeOf()
      const listener = yield* node.listen
      const before = yield* openSockets
      const socket = yield* Effect.callback<Net.Socket>((resume) => {
        const dialing = Net.connect(Address.port(listener.addresses[0]), "127.0.0.1", () =>
          resume(Effect.succeed(dialing)),
        )
      })
      socket.resetAndDestroy()
      yield* untilSockets(before)
      yield* start(listener.run((connection) => Effect.ignore(connection.write([Buffer.from("here")]))))
      assert.strictEqual(yield* pullText(yield* node.connect(listener.addresses[0])), "here")
    }),
  )

  it.live("closes its listener at once, even if a connection is open", () =>
    Effect.gen(function* () {
      const node = yield* nodeOf()
      const arrived = yield* Deferred.make<Transport.Connection>()
      const scope = yield* Scope.make()
      const listener = yield* Scope.provide(node.listen, scope)
      yield* start(listener.run((connection) => Effect.andThen(Deferred.succeed(arrived, connection), Effect.never)))
      const dialer = yield* node.connect(listener.addresses[0])
      const acceptor = yield* Deferred.await(arrived)
      yield* Scope.close(scope, Exit.void)
      yield* acceptor.write([Buffer.from("still here")])
      assert.strictEqual(yield* pullText(dialer), "still here")
    }),
  )
})
