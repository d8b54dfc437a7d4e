/** The start of a node (option `start`), and the view of its peers until then. */
import * as Cluster from "@coterie/core/Cluster"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Reconnect from "@coterie/core/Reconnect"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { startWarning } from "../../src/cluster/Starter.ts"

const scene = (title: string, body: (network: SimNetwork.Shape) => Effect.Effect<void, unknown, Scope.Scope>): void =>
  it.effect(title, () =>
    Effect.flatMap(SimNetwork.make({ latency: "1 millis" }), body).pipe(Effect.scoped, VirtualTime.flow),
  )

const layerOf = (network: SimNetwork.Shape, name: string, options?: Partial<Cluster.Options>) =>
  Cluster.layer({
    cluster: "test",
    name,
    ...options,
    policies: [FailureDetector.layerLocal, Reconnect.layer(Schedule.spaced("100 millis"))],
  }).pipe(Layer.provide(network.transport(name)))

const start = (network: SimNetwork.Shape, name: string, options?: Partial<Cluster.Options>) =>
  Effect.map(Layer.build(layerOf(network, name, options)), Context.get(Cluster.Cluster))

/** Greets each peer that joins, and returns the outcome. */
const greet = (node: Cluster.Cluster["Service"]) =>
  node.events.pipe(
    Stream.filter((event) => event._tag === "Joined"),
    Stream.runHead,
    Effect.map(Option.getOrThrow),
    Effect.flatMap(({ peer }) => Effect.flatMap(node.lane("greetings"), (lane) => lane.send(peer, "hello"))),
  )

/** Runs an application that starts reading greetings after half a second, and returns the first one. */
const slowReader = (node: Cluster.Cluster["Service"]) =>
  Effect.gen(function* () {
    yield* Effect.sleep("500 millis")
    const lane = yield* node.lane("greetings")
    const messages = yield* lane.open()
    yield* node.start
    return yield* Stream.runHead(messages)
  })

describe("a node of an application that starts slowly", () => {
  scene("loses a greeting if it starts automatically", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      const greeting = yield* Effect.forkScoped(Effect.flip(greet(a)))
      const b = yield* start(network, "b", { seeds: ["a"] })
      yield* Effect.forkScoped(slowReader(b))
      const error = yield* Fiber.join(greeting)
      assert.strictEqual(error._tag === "SendError" ? error.reason._tag : error._tag, "NotReading")
    }),
  )

  scene("gets the greeting if the application starts it", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      const greeting = yield* Effect.forkScoped(greet(a))
      const b = yield* start(network, "b", { seeds: ["a"], start: "manual" })
      const message = yield* slowReader(b)
      assert.isTrue(Option.isSome(message))
      yield* Fiber.join(greeting)
    }),
  )

  scene(
    "gets the greeting of a peer that dials it, even if the peer waits for longer than the handshake timeout",
    (network) =>
      Effect.gen(function* () {
        for (const pause of ["500 millis", "12 seconds"] as const) {
          const [dialer, slow] = [`dialer-${pause}`, `slow-${pause}`].map((name) => name.replace(" ", ""))
          const a = yield* start(network, dialer ?? "", { seeds: [slow ?? ""] })
          const greeting = yield* Effect.forkScoped(greet(a))
          const b = yield* start(network, slow ?? "", { start: "manual" })
          yield* Effect.sleep(pause)
          assert.strictEqual((yield* a.view).peers.size, 0)
          const message = yield* slowReader(b)
          assert.isTrue(Option.isSome(message))
          yield* Fiber.join(greeting)
        }
      }),
  )
})

describe("a node with a manual start", () => {
  scene("is starting until its start, and settled afterwards; a second start changes nothing", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a")
      const b = yield* start(network, "b", { seeds: ["a"], start: "manual" })
      yield* Effect.sleep("10 seconds")
      assert.deepStrictEqual(yield* b.status, { _tag: "Starting", reason: "notStarted" })
      yield* b.start
      assert.deepStrictEqual(yield* b.status, { _tag: "Member", peers: 1 })
      yield* b.start
      assert.strictEqual((yield* b.view).peers.size, 1)
    }),
  )

  scene("is started by a join", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a")
      const b = yield* start(network, "b", { start: "manual" })
      yield* b.join("a")
      assert.strictEqual((yield* b.settled)._tag, "Member")
    }),
  )

  scene("is started by layerStart, which completes when the node has settled", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a")
      const layer = Layer.provideMerge(Cluster.layerStart, layerOf(network, "b", { seeds: ["a"], start: "manual" }))
      const b = Context.get(yield* Layer.build(layer), Cluster.Cluster)
      assert.strictEqual((yield* b.status)._tag, "Member")
    }),
  )

  scene("can leave without a start", (network) =>
    Effect.gen(function* () {
      const b = yield* start(network, "b", { start: "manual" })
      yield* b.leave
      yield* b.stopped
    }),
  )

  scene("cannot be started once it has left", (network) =>
    Effect.gen(function* () {
      const context = yield* Layer.build(layerOf(network, "b", { seeds: ["a"], start: "manual" }))
      const b = Context.get(context, Cluster.Cluster)
      yield* b.leave
      assert.strictEqual((yield* Effect.flip(b.start))._tag, "NodeStopped")
      const starting = Effect.provide(Layer.build(Cluster.layerStart), context)
      assert.strictEqual((yield* Effect.flip(starting))._tag, "NodeStopped")
      assert.strictEqual((yield* Effect.flip(b.join("a"))).reason._tag, "NodeStopped")
      assert.deepStrictEqual(yield* b.status, { _tag: "Stopped" })
    }),
  )

  scene("fails to start if it leaves before it has settled, even if it was started before", (network) =>
    Effect.gen(function* () {
      const b = yield* start(network, "b", { seeds: ["nobody"], start: "manual" })
      const starting = yield* Effect.forkScoped(Effect.flip(b.start), { startImmediately: true })
      assert.deepStrictEqual(yield* b.status, { _tag: "Starting", reason: "joining" })
      yield* b.leave
      assert.strictEqual((yield* Fiber.join(starting))._tag, "NodeStopped")
      assert.strictEqual((yield* Effect.flip(b.start))._tag, "NodeStopped")
    }),
  )

  scene("fails to start with the reason if it has stopped because of an error", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a")
      const b = yield* start(network, "b", { cluster: "other", seeds: ["a"], start: "manual" })
      const first = yield* Effect.flip(b.start)
      yield* Effect.flip(b.stopped)
      assert.strictEqual(yield* Effect.flip(b.start), first)
      assert.strictEqual(first._tag === "StoppedError" && first.reason._tag, "OtherCluster")
    }),
  )

  scene("logs a warning if it is not started for a while", (network) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
        if (logLevel === "Warn") lines.push(String(Array.isArray(message) ? message[0] : message))
      })
      const build = (name: string) => Effect.provide(start(network, name, { start: "manual" }), Logger.layer([logger]))
      const started = yield* build("started")
      yield* started.start
      yield* build("forgotten")
      yield* Effect.sleep(startWarning)
      yield* Effect.sleep("1 second")
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "cluster.start")
    }),
  )
})
