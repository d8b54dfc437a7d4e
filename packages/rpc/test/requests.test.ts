/** Requests between nodes: their outcomes, and their failures when a peer or its link is lost. */
import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import * as RequestLost from "../src/RequestLost.ts"
import * as Support from "./support.ts"

const scenario = World.simulated

const serializations = [
  ["JSON", undefined],
  ["JSON-RPC", RpcSerialization.layerJsonRpc()],
  ["JSON in lines", RpcSerialization.layerNdjson],
  ["SchemaBinary", RpcSerialization.layerSchemaBinary()],
] as const

scenario("a request is answered", (world) =>
  Effect.gen(function* () {
    const { toB } = yield* Support.pair(world)
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
    const all = yield* Effect.forEach([2, 4, 6], (number) => toB.Half({ number }), { concurrency: "unbounded" })
    assert.deepStrictEqual(all, [1, 2, 3])
  }),
)

scenario("a request fails with the typed error of its handler", (world) =>
  Effect.gen(function* () {
    const { toB } = yield* Support.pair(world)
    const error = yield* Effect.flip(toB.Half({ number: 7 }))
    assert.instanceOf(error, Support.Odd)
    assert.deepStrictEqual({ ...error }, { ...new Support.Odd({ number: 7 }) })
  }),
)

scenario("a defect of a handler ends only its own request", (world) =>
  Effect.gen(function* () {
    const { seen, toB } = yield* Support.pair(world)
    const waiting = yield* Support.background(toB.Wait({ id: "other" }))
    yield* World.eventually(() => seen.began.length === 1)
    const exit = yield* Effect.exit(toB.Fail())
    assert.include(String(exit), "a bug")
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
    assert.isFalse(waiting.isDone())
  }),
)

scenario("a defect of a schema ends the requests of the node, and the server keeps serving", (world) =>
  Effect.gen(function* () {
    const { toB } = yield* Support.pair(world)
    assert.include(String(yield* Effect.exit(toB.Trap({ text: "x" }))), "a bug of a schema")
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
  }),
)

scenario("a fatal defect of a handler ends all requests of the node", (world) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* Support.pair(world, { disableFatalDefects: false })
    const waiting = yield* Support.background(Effect.exit(toB.Wait({ id: "other" })))
    yield* World.eventually(() => seen.began.length === 1)
    assert.include(String(yield* Effect.exit(toB.Fail())), "a bug")
    assert.include(String(yield* waiting.result), "a bug")
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
    yield* World.untilPeers(a, ["b"])
    yield* World.untilPeers(b, ["a"])
  }),
)

scenario("a request to an unknown peer or to a peer that has left is not sent", (world) =>
  Effect.gen(function* () {
    const { a, b, client, toB } = yield* Support.pair(world)
    const nobody = yield* client.to("nobody")
    assert.strictEqual(yield* Support.failure(nobody.Half({ number: 2 })), "send UnknownPeer")
    yield* b.stop
    yield* World.untilPeers(a, [])
    assert.strictEqual(yield* Support.failure(toB.Half({ number: 2 })), "send PeerLeft")
    assert.strictEqual(yield* Support.failure(Stream.runDrain(toB.Count({ to: 3 }))), "send PeerLeft")
  }),
)

scenario("a request to a peer that does not serve fails with NotReading until the peer serves", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    const client = yield* Support.requests(a)
    const toB = yield* client.to("b")
    assert.strictEqual(yield* Support.failure(toB.Half({ number: 2 })), "send NotReading")
    yield* Support.serve(b)
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* toB.Half({ number: 2 }), 1)
  }),
)

scenario("services of several names are independent, and a node serves each name once", (world) =>
  Effect.gen(function* () {
    const { a, b, toB } = yield* Support.pair(world)
    const again = yield* Effect.flip(Support.serve(b))
    assert.include(String(again), "already")
    const other = yield* Support.serve(b, { service: "other" })
    yield* Effect.sleep("1 second")
    const client = yield* Support.requests(a, { service: "other" })
    const toOther = yield* client.to("b")
    yield* Support.background(toOther.Wait({ id: "x" }))
    yield* World.eventually(() => other.seen.began.length === 1)
    yield* other.stop
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* Support.failure(toOther.Half({ number: 2 })), "send NotReading")
    assert.strictEqual(yield* toB.Half({ number: 2 }), 1)
    for (const service of ["", "x".repeat(116), "a\nb"]) {
      const error = yield* Effect.flip(Support.requests(a, { service }))
      assert.strictEqual(error.option, "service")
    }
    yield* Support.requests(a, { service: "x".repeat(115) })
    const limit = yield* Effect.flip(Support.serve(b, { service: "third", limit: 0 }))
    assert.strictEqual(limit.option, "limit")
  }),
)

scenario("the clients of several peers share one node, and each gets the answers of its own peer", (world) =>
  Effect.gen(function* () {
    const { b, client, seen, toB } = yield* Support.pair(world)
    const c = yield* world.node("c", { seeds: [b.address] })
    const { seen: seenByC } = yield* Support.serve(c)
    yield* World.untilPeers(c, ["a", "b"])
    yield* Effect.sleep("1 second")
    const toC = yield* client.to("c")
    const all = yield* Effect.all(
      [toB.Half({ number: 2 }), toC.Half({ number: 4 }), toB.Half({ number: 6 }), toC.Half({ number: 8 })],
      { concurrency: "unbounded" },
    )
    assert.deepStrictEqual(all, [1, 2, 3, 4])
    const atB = yield* Support.background(toB.Wait({ id: "b" }))
    const atC = yield* Support.background(toC.Wait({ id: "c" }))
    yield* World.eventually(() => seen.began.length === 1 && seenByC.began.length === 1)
    yield* c.crash
    assert.strictEqual(yield* Support.failure(atC.result), "lost SessionEnded")
    yield* Effect.sleep("1 minute")
    assert.isFalse(atB.isDone())
  }),
)

for (const [name, serialization] of serializations) {
  scenario(`requests work with ${name}`, (world) =>
    Effect.gen(function* () {
      const { client, seen, server, toB } = yield* Support.pair(world, { serialization })
      assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
      assert.instanceOf(yield* Effect.flip(toB.Half({ number: 7 })), Support.Odd)
      const numbers = yield* Stream.runCollect(toB.Count({ to: 100 }))
      assert.strictEqual(numbers.length, 100)
      const waiting = yield* Support.background(toB.Wait({ id: "x" }))
      yield* World.eventually(() => seen.began.length === 1)
      yield* server.stop
      assert.strictEqual(yield* Support.failure(waiting.result), "lost GivenUp")
      yield* client.stop
    }),
  )
}

scenario("two client layers on one node do not take each other's answers", (world) =>
  Effect.gen(function* () {
    const { a, seen, toB } = yield* Support.pair(world)
    const others = yield* Support.requests(a)
    const other = yield* others.to("b")
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    const halves = Effect.forEach([2, 4, 6], (number) => other.Half({ number }))
    assert.deepStrictEqual(yield* halves, [1, 2, 3])
    const streams = yield* Effect.all(
      [Stream.runCollect(toB.Count({ to: 50 })), Stream.runCollect(other.Count({ to: 50 }))],
      { concurrency: "unbounded" },
    )
    assert.deepStrictEqual(
      streams.map(({ length }) => length),
      [50, 50],
    )
    assert.isFalse(waiting.isDone())
    assert.deepStrictEqual(seen.interrupted, [])
  }),
)

scenario("a message that waits for a slow link is not overwritten by messages encoded later", (world) =>
  Effect.gen(function* () {
    const limits = { laneWindowBytes: 1_024 }
    const serialization = RpcSerialization.layerSchemaBinary()
    const { toB } = yield* Support.pair(world, { serialization }, { a: { limits }, b: { limits } })
    const texts = Array.from({ length: 50 }, (_, i) => `${i} `.repeat(50))
    const all = yield* Effect.forEach(texts, (text) => toB.Repeat({ text, times: 1 }), { concurrency: "unbounded" })
    assert.deepStrictEqual(all, texts)
  }),
)

scenario("a request to a peer with another serialization is not sent, and fails with both formats", (world) =>
  Effect.gen(function* () {
    const b = yield* world.node("b")
    yield* Support.serve(b, { serialization: RpcSerialization.layerSchemaBinary() })
    const a = yield* world.node("a", { seeds: [b.address] })
    const client = yield* Support.requests(a)
    yield* World.untilPeers(a, ["b"])
    const toB = yield* client.to("b")
    const error = yield* Effect.flip(toB.Half({ number: 8 }))
    const cause = error._tag === "RpcClientError" ? RequestLost.causeOf(error) : undefined
    assert.strictEqual(cause?.reason._tag, "IncompatibleFormat")
    assert.isFalse(cause?.maybeDelivered)
    assert.include(String(error), `"application/json"`)
    assert.include(String(error), `"application/vnd.effect.rpc+schema-binary"`)
  }),
)

scenario("a stream is produced as fast as its reader takes it, and does not delay other requests", (world) =>
  Effect.gen(function* () {
    const { seen, toB } = yield* Support.pair(world)
    const go = Deferred.makeUnsafe<void>()
    const taken: Array<number> = []
    const slow = yield* Support.background(
      Stream.runForEach(toB.Count({ to: 1_000 }), (number) =>
        Effect.andThen(
          Deferred.await(go),
          Effect.sync(() => taken.push(number)),
        ),
      ),
    )
    yield* Effect.sleep("1 minute")
    // The buffer of the client, the values that its reader holds, and the values in transit.
    assert.isAtMost(seen.counted, 20)
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
    assert.strictEqual((yield* Stream.runCollect(toB.Count({ to: 10 }))).length, 10)
    yield* Deferred.succeed(go, undefined)
    yield* slow.result
    assert.deepStrictEqual(
      taken,
      Array.from({ length: 1_000 }, (_, i) => i + 1),
    )
  }),
)

scenario("a reader that takes only the first values of a stream ends it at the server", (world) =>
  Effect.gen(function* () {
    const { seen, toB } = yield* Support.pair(world)
    const first = yield* Stream.runCollect(Stream.take(toB.Count({ to: 1_000_000 }), 3))
    assert.deepStrictEqual(first, [1, 2, 3])
    yield* World.eventually(() => seen.ended === 1)
    assert.isBelow(seen.counted, 1_000)
  }),
)

scenario("an interrupted caller interrupts the handler", (world) =>
  Effect.gen(function* () {
    const { seen, toB } = yield* Support.pair(world)
    const { fiber } = yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.began.length === 1)
    yield* Fiber.interrupt(fiber)
    yield* World.eventually(() => seen.interrupted.length === 1)
    yield* Effect.ignore(Effect.timeout(toB.Wait({ id: "y" }), "5 seconds"))
    yield* World.eventually(() => seen.interrupted.length === 2)
    assert.deepStrictEqual(seen.interrupted, ["x", "y"])
  }),
)

scenario("a client that closes interrupts the handlers of its requests", (world) =>
  Effect.gen(function* () {
    const { client, seen, toB } = yield* Support.pair(world)
    yield* Support.background(toB.Wait({ id: "x" }))
    yield* Support.background(Stream.runForEach(toB.Count({ to: 1_000 }), () => Effect.never))
    yield* World.eventually(() => seen.began.length === 1 && seen.counted > 0)
    yield* client.stop
    yield* World.eventually(() => seen.interrupted.length === 1 && seen.ended === 1)
  }),
)

scenario("requests to a peer that crashes fail when its crash is detected", (world) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* Support.pair(world)
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    const streaming = yield* Support.background(Stream.runForEach(toB.Count({ to: 1_000 }), () => Effect.never))
    const counting = yield* Support.background(
      Stream.runForEach(toB.Count({ to: 1e9 }), () => Effect.sleep("10 millis")),
    )
    yield* World.eventually(() => seen.began.length === 1 && seen.counted > 100)
    yield* b.crash
    assert.strictEqual(yield* Support.failure(waiting.result), "lost SessionEnded")
    assert.strictEqual(yield* Support.failure(counting.result), "lost SessionEnded")
    yield* World.untilPeers(a, [])
    assert.isFalse(streaming.isDone())
    assert.match(yield* Support.failure(toB.Half({ number: 2 })), /^send (UnknownPeer|NotConnected)$/)
  }),
)

scenario(
  "when a link is cut both sides give up the requests in flight, and the next request is answered",
  (world, network) =>
    Effect.gen(function* () {
      const { a, b, seen, toB } = yield* Support.pair(world)
      const waiting = yield* Support.background(toB.Wait({ id: "x" }))
      yield* World.eventually(() => seen.began.length === 1)
      yield* network.cut("a", "b")
      assert.strictEqual(yield* Support.failure(waiting.result), "lost SessionEnded")
      yield* World.eventually(() => seen.interrupted.length === 1)
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(b, ["a"])
      assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
      const numbers = yield* Stream.runCollect(toB.Count({ to: 100 }))
      assert.strictEqual(numbers.length, 100)
    }),
)

scenario("a partition fails the requests in flight, and after it requests are answered", (world, network) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* Support.pair(world)
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.began.length === 1)
    yield* network.partition(["a"], ["b"])
    assert.strictEqual(yield* Support.failure(waiting.result), "lost SessionEnded")
    yield* World.eventually(() => seen.interrupted.length === 1)
    yield* network.heal
    yield* World.untilPeers(a, ["b"])
    yield* World.untilPeers(b, ["a"])
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
  }),
)

scenario("a server that stops fails its requests with GivenUp instead of interrupting them", (world) =>
  Effect.gen(function* () {
    const { b, seen, server, toB } = yield* Support.pair(world)
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    const counting = yield* Support.background(
      Stream.runForEach(toB.Count({ to: 1e9 }), () => Effect.sleep("10 millis")),
    )
    yield* World.eventually(() => seen.began.length === 1 && seen.counted > 100)
    // A request that is in transit when the server stops.
    const late = yield* Support.background(toB.Wait({ id: "late" }))
    yield* server.stop
    assert.strictEqual(yield* Support.failure(waiting.result), "lost GivenUp")
    assert.strictEqual(yield* Support.failure(counting.result), "lost GivenUp")
    assert.strictEqual(yield* Support.failure(late.result), "lost GivenUp")
    assert.deepStrictEqual(seen.interrupted, ["x"])
    assert.strictEqual(yield* Support.failure(toB.Half({ number: 8 })), "send NotReading")
    yield* Support.serve(b)
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
  }),
)

scenario("a peer that restarts answers the same client", (world) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* Support.pair(world)
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.began.length === 1)
    yield* b.crash
    assert.strictEqual(yield* Support.failure(waiting.result), "lost SessionEnded")
    const again = yield* world.node("b", { seeds: [a.address] })
    yield* Support.serve(again)
    yield* World.untilPeers(again, ["a"])
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
  }),
)

scenario("a caller that restarts is a new client of the server", (world) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* Support.pair(world)
    yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.began.length === 1)
    yield* a.crash
    yield* World.eventually(() => seen.interrupted.length === 1)
    const again = yield* world.node("a", { seeds: [b.address] })
    const client = yield* Support.requests(again)
    yield* World.untilPeers(again, ["b"])
    const toBAgain = yield* client.to("b")
    const waiting = yield* Support.background(toBAgain.Wait({ id: "y" }))
    yield* World.eventually(() => seen.began.length === 2)
    assert.strictEqual(yield* toBAgain.Half({ number: 8 }), 4)
    yield* Effect.sleep("1 minute")
    assert.isFalse(waiting.isDone())
    assert.deepStrictEqual(seen.interrupted, ["x"])
  }),
)

scenario("handlers are interrupted when the node that made the requests leaves", (world) =>
  Effect.gen(function* () {
    const { a, seen, toB } = yield* Support.pair(world)
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    yield* Support.background(Stream.runForEach(toB.Count({ to: 1_000 }), () => Effect.never))
    yield* World.eventually(() => seen.began.length === 1 && seen.counted > 0)
    yield* a.cluster.leave
    assert.match(yield* Support.failure(waiting.result), /^lost (SessionEnded|ClientClosed)$/)
    yield* World.eventually(() => seen.interrupted.length === 1 && seen.ended === 1)
    assert.strictEqual(yield* Support.failure(toB.Half({ number: 8 })), "send NodeStopped")
  }),
)

scenario("a request that is too large is not sent", (world) =>
  Effect.gen(function* () {
    const { toB } = yield* Support.pair(world, {}, { a: { limits: { messageBytes: 10_000 } } })
    const large = toB.Repeat({ text: "x".repeat(10_000), times: 0 })
    assert.strictEqual(yield* Support.failure(large), "send TooLarge")
    assert.strictEqual(yield* toB.Repeat({ text: "x".repeat(5_000), times: 0 }), "")
  }),
)

for (const [name, serialization] of serializations) {
  scenario(`a response beyond messageBytes fails its request once, with both sizes (${name})`, (world) =>
    Effect.gen(function* () {
      const limits = { messageBytes: 10_000 }
      const { seen, toB } = yield* Support.pair(world, { serialization }, { b: { limits } })
      const waiting = yield* Support.background(toB.Wait({ id: "x" }))
      yield* World.eventually(() => seen.began.length === 1)
      const error = yield* Effect.flip(toB.Repeat({ text: "x", times: 20_000 }))
      assert.strictEqual(Support.describeError(error), "lost ResponseTooLarge")
      assert.match(String(error), /response has 20\d{3} bytes.* 10000/)
      assert.strictEqual(seen.repeated, 1)
      assert.strictEqual(
        yield* Support.failure(Stream.runDrain(toB.Blocks({ bytes: 20_000 }))),
        "lost ResponseTooLarge",
      )
      yield* World.eventually(() => seen.ended === 1)
      assert.strictEqual((yield* toB.Repeat({ text: "x", times: 5_000 })).length, 5_000)
      assert.isFalse(waiting.isDone())
    }),
  )

  scenario(`a request beyond the limit of the server fails with Busy and is not carried out (${name})`, (world) =>
    Effect.gen(function* () {
      const { seen, toB } = yield* Support.pair(world, { limit: 2, serialization })
      for (const id of ["1", "2"]) yield* Support.background(toB.Wait({ id }))
      yield* World.eventually(() => seen.began.length === 2)
      for (const request of [toB.Wait({ id: "3" }), Stream.runDrain(toB.Count({ to: 3 }))]) {
        const error = yield* Effect.flip(request)
        const cause = error._tag === "RpcClientError" ? RequestLost.causeOf(error) : undefined
        assert.strictEqual(cause?.reason._tag, "Busy")
        assert.isFalse(cause?.maybeDelivered)
        assert.include(cause?.message, "was not carried out")
        assert.include(cause?.message, '"limit" of its server is 2')
      }
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual([seen.began, seen.counted], [["1", "2"], 0])
    }),
  )
}

scenario("requests beyond the limit of the server are refused until a request ends", (world) =>
  Effect.gen(function* () {
    const { seen, toB } = yield* Support.pair(world, { limit: 3 })
    const waiting = yield* Effect.forEach(["1", "2", "3"], (id) => Support.background(toB.Wait({ id })))
    yield* World.eventually(() => seen.began.length === 3)
    assert.strictEqual(yield* Support.failure(toB.Half({ number: 8 })), "lost Busy")
    yield* Fiber.interrupt(waiting[0]?.fiber ?? (yield* Effect.die("none")))
    yield* World.eventually(() => seen.interrupted.length === 1)
    yield* Effect.sleep("1 second")
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
  }),
)

scenario("large requests and answers travel in many fragments", (world) =>
  Effect.gen(function* () {
    const { toB } = yield* Support.pair(
      world,
      {},
      { a: { limits: { laneWindowBytes: 4_096 } }, b: { limits: { laneWindowBytes: 4_096 } } },
    )
    const text = "x".repeat(100_000)
    const [long, short] = yield* Effect.all([toB.Repeat({ text, times: 3 }), toB.Half({ number: 8 })], {
      concurrency: "unbounded",
    })
    assert.strictEqual(long.length, 300_000)
    assert.strictEqual(short, 4)
  }),
)

scenario("the span of a handler is a child of the span of the request", (world) =>
  Effect.gen(function* () {
    const { toB } = yield* Support.pair(world)
    const [{ parent, trace }, traceId] = yield* Effect.withSpan(
      Effect.all([toB.Trace(), Effect.map(Effect.currentSpan, (span) => span.traceId)]),
      "the application",
    )
    assert.strictEqual(trace, traceId)
    assert.notStrictEqual(parent, "")
  }),
)

scenario("a handler knows the peer that made a request, whatever headers the request has", (world) =>
  Effect.gen(function* () {
    const { a, toB } = yield* Support.pair(world)
    const { generation, name } = yield* a.cluster.self
    assert.deepStrictEqual(yield* toB.Who(), { name, generation })
    const headers = { "coterie-peer": "somebody", "Coterie-Generation": "7" }
    assert.deepStrictEqual(yield* toB.Who(undefined, { headers }), { name, generation })
  }),
)

scenario("closed servers and clients leave no fibers", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    yield* Effect.sleep("1 minute")
    const fibers = World.countFibers()
    yield* fibers.within(
      Effect.scoped(
        Effect.gen(function* () {
          const { seen } = yield* Support.serve(b)
          const client = yield* Support.requests(a)
          const toB = yield* client.to("b")
          yield* Effect.sleep("1 second")
          yield* Support.background(toB.Wait({ id: "x" }))
          yield* Support.background(Stream.runForEach(toB.Count({ to: 1_000 }), () => Effect.never))
          yield* World.eventually(() => seen.began.length === 1 && seen.counted > 0)
          assert.isAbove(fibers.alive(), 5)
        }),
      ),
    )
    yield* Effect.sleep("1 minute")
    assert.strictEqual(fibers.alive(), 0)
  }),
)

it.live("requests are answered over real sockets, and fail when the peer crashes", () =>
  Effect.gen(function* () {
    const world = yield* World.tcp
    const { b, seen, toB } = yield* Support.pair(world)
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
    assert.strictEqual((yield* Stream.runCollect(toB.Count({ to: 1_000 }))).length, 1_000)
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.began.length === 1)
    yield* b.crash
    assert.strictEqual(yield* Support.failure(waiting.result), "lost SessionEnded")
  }).pipe(Effect.scoped),
)

scenario("a request with the id of a request in flight does not stop the server", (world) =>
  Effect.gen(function* () {
    const { a, seen, toB } = yield* Support.pair(world)
    const lane = yield* a.cluster.lane("rpc/default/requests")
    const send = (message: object) =>
      lane.send("b", JSON.stringify({ tag: "Wait", payload: { id: "x" }, headers: [], ...message }))
    yield* send({ _tag: "Request", id: "x" })
    yield* World.eventually(() => seen.began.length === 1)
    yield* send({ _tag: "Request", id: "x" })
    // Effect's server ends an acknowledged request for its caller, and its handler goes on.
    yield* send({ _tag: "Request", id: "y", discard: true })
    yield* World.eventually(() => seen.began.length === 2)
    yield* send({ _tag: "Request", id: "y" })
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
    assert.deepStrictEqual(seen.began, ["x", "x"])
  }),
)

scenario("each of many requests beyond the limit ends", (world) =>
  Effect.gen(function* () {
    const { toB } = yield* Support.pair(world, { limit: 1 })
    const ends = Effect.forEach(Array.from({ length: 200 }), () => Effect.exit(toB.Half({ number: 8 })), {
      concurrency: "unbounded",
    })
    assert.strictEqual(yield* Effect.map(ends, ({ length }) => length), 200)
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
  }),
)

scenario("notifications count towards the limit, run to their end, and have no answer", (world) =>
  Effect.gen(function* () {
    const { a, seen, toB } = yield* Support.pair(world, { limit: 2 })
    const lane = yield* a.cluster.lane("rpc/default/requests")
    const notify = (tag: string, payload: object) =>
      lane.send("b", JSON.stringify({ _tag: "Request", id: "", tag, payload, headers: [], isNotification: true }))
    yield* notify("Count", { to: 1_000 })
    yield* World.eventually(() => seen.ended === 1)
    assert.strictEqual(seen.counted, 1_000)
    for (const id of ["x", "y", "z"]) yield* notify("Wait", { id })
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(seen.began, ["x", "y"])
    assert.strictEqual(yield* Support.failure(toB.Half({ number: 8 })), "lost Busy")
    yield* a.crash
    yield* World.eventually(() => seen.interrupted.length === 2)
  }),
)

scenario("requests without a waiting caller count towards the limit until their handlers end", (world) =>
  Effect.gen(function* () {
    const { a, seen, toB } = yield* Support.pair(world, { limit: 2 })
    yield* toB.Half({ number: 8 }, { discard: true })
    yield* toB.Fail(undefined, { discard: true })
    for (const id of ["x", "y"]) yield* toB.Wait({ id }, { discard: true })
    assert.deepStrictEqual(seen.began, ["x", "y"])
    assert.strictEqual(yield* Support.failure(toB.Wait({ id: "z" }, { discard: true })), "lost Busy")
    assert.strictEqual(yield* Support.failure(toB.Half({ number: 8 })), "lost Busy")
    yield* a.crash
    yield* World.eventually(() => seen.interrupted.length === 2)
  }),
)

/** JSON with this content type, and the number of the arrays of large messages that have bytes after their decoding. */
const observedJson = (contentType: string) => {
  const large: Array<Uint8Array> = []
  const { json } = RpcSerialization
  const layer = Layer.succeed(RpcSerialization.RpcSerialization, {
    ...json,
    contentType,
    makeUnsafe: () => {
      const parser = json.makeUnsafe()
      return {
        encode: parser.encode,
        decode: (data) => {
          if (typeof data !== "string" && data.length > 100_000) large.push(data)
          return parser.decode(data)
        },
      }
    },
  })
  return { layer, large }
}

for (const [contentType, kept] of [
  ["application/json", 0],
  ["application/octets", 2],
] as const) {
  scenario(`the bytes of ${kept} of two large messages are kept after their decoding from ${contentType}`, (world) =>
    Effect.gen(function* () {
      const { large, layer } = observedJson(contentType)
      const { toB } = yield* Support.pair(world, { serialization: layer })
      const text = "x".repeat(200_000)
      assert.strictEqual(yield* toB.Repeat({ text, times: 1 }), text)
      assert.strictEqual(large.length, 2)
      assert.strictEqual(large.filter(({ length }) => length > 0).length, kept)
    }),
  )
}
