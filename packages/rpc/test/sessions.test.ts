/** Sessions that end at a bad moment or for one side only. Every request ends, and no answered request fails. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import * as Pipe from "./pipe.ts"
import * as Support from "./support.ts"

const scenario = World.simulated

const setUp = Effect.fnUntraced(function* (world: World.World) {
  const { a, b } = yield* Pipe.pair(world)
  const server = yield* Support.serve(b.node)
  const client = yield* Support.requests(a.node)
  const toB = yield* client.to("b")
  return { a, b, client, seen: server.seen, server, toB }
})

/** Waits long enough for all pending work to finish. */
const settle = Effect.sleep("1 minute")

scenario("a request whose session ends before its send completes fails when the send completes", (world) =>
  Effect.gen(function* () {
    const { a, toB } = yield* setUp(world)
    a.beforeSent(Effect.andThen(a.endSession, Effect.sleep("1 second")))
    assert.strictEqual(yield* Support.failure(toB.Wait({ id: "x" })), "lost SessionEnded")
  }),
)

scenario("a request sent on the next session does not fail when the previous session ends", (world) =>
  Effect.gen(function* () {
    const { a, toB } = yield* setUp(world)
    yield* a.endSession
    a.beforeSent(Effect.sleep("1 second"))
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    yield* settle
    yield* a.endOlderSession
    yield* settle
    assert.isFalse(waiting.isDone())
    yield* a.endSession
    assert.strictEqual(yield* Support.failure(waiting.result), "lost SessionEnded")
  }),
)

scenario("when a session ends for the server only, its requests in flight and lost requests fail", (world) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* setUp(world)
    const had = yield* Support.background(toB.Wait({ id: "had" }))
    const streaming = yield* Support.background(
      Stream.runForEach(toB.Count({ to: 1e9 }), () => Effect.sleep("1 second")),
    )
    yield* World.eventually(() => seen.began.length === 1 && seen.counted > 10)
    a.lose(true)
    const lost = yield* Support.background(toB.Wait({ id: "lost" }))
    yield* settle
    yield* b.endSession
    a.lose(false)
    const last = yield* Support.background(toB.Wait({ id: "last" }))
    assert.strictEqual(yield* Support.failure(had.result), "lost GivenUp")
    assert.strictEqual(yield* Support.failure(lost.result), "lost GivenUp")
    assert.strictEqual(yield* Support.failure(streaming.result), "lost GivenUp")
    yield* settle
    assert.isFalse(last.isDone())
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
    assert.deepStrictEqual(seen.interrupted, ["had"])
    assert.strictEqual(seen.ended, 1)
  }),
)

scenario("a running stream continues when the client asks whether it is in flight", (world) =>
  Effect.gen(function* () {
    const { b, seen, toB } = yield* setUp(world)
    const numbers: Array<number> = []
    const streaming = yield* Support.background(
      Stream.runForEach(toB.Count({ to: 100 }), (number) =>
        Effect.andThen(
          Effect.sync(() => numbers.push(number)),
          Effect.sleep("100 millis"),
        ),
      ),
    )
    yield* World.eventually(() => seen.counted > 10)
    for (let i = 0; i < 20; i++) {
      yield* b.endOlderSession
      yield* Effect.sleep("150 millis")
    }
    yield* streaming.result
    assert.deepStrictEqual(
      numbers,
      Array.from({ length: 100 }, (_, i) => i + 1),
    )
  }),
)

scenario("when a session ends for the caller only, its requests fail and their handlers are interrupted", (world) =>
  Effect.gen(function* () {
    const { a, seen, toB } = yield* setUp(world)
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    const streaming = yield* Support.background(
      Stream.runForEach(toB.Count({ to: 1e9 }), () => Effect.sleep("1 second")),
    )
    yield* World.eventually(() => seen.began.length === 1 && seen.counted > 10)
    yield* a.endSession
    assert.strictEqual(yield* Support.failure(waiting.result), "lost SessionEnded")
    assert.strictEqual(yield* Support.failure(streaming.result), "lost SessionEnded")
    yield* World.eventually(() => seen.interrupted.length === 1 && seen.ended === 1)
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
  }),
)

scenario("a stream whose caller was interrupted during the send ends at the server", (world) =>
  Effect.gen(function* () {
    const { a, seen, toB } = yield* setUp(world)
    a.beforeSent(Effect.never)
    const { fiber } = yield* Support.background(Stream.runDrain(toB.Count({ to: 1e9 })))
    yield* World.eventually(() => a.sent.length === 1)
    yield* Fiber.interrupt(fiber)
    a.beforeSent(Effect.void)
    yield* World.eventually(() => seen.ended === 1)
  }),
)

scenario("only the peer that a request was sent to can answer it", (world) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* setUp(world)
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.began.length === 1)
    const { id } = JSON.parse(a.sent[0] ?? "")
    const answer = JSON.stringify({ _tag: "Exit", requestId: id, exit: { _tag: "Success", value: null } })
    yield* b.sayAs("c", answer)
    yield* settle
    assert.isFalse(waiting.isDone())
    yield* b.sayAs("b", answer)
    yield* waiting.result
  }),
)

scenario("unknown messages end no requests, and bytes that cannot be decoded end those of their session", (world) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* setUp(world)
    for (const text of [
      "",
      "{",
      "null",
      "[null]",
      "{}",
      '{"_tag":"Request"}',
      '{"_tag":"Ack","requestId":{}}',
      '"Eof"',
    ]) {
      yield* a.sayAs("a", text)
    }
    // Effect's server does not check the headers, so it throws for these.
    yield* a.sayAs("a", JSON.stringify({ _tag: "Request", id: "x", tag: "Half", payload: 1, headers: [[1, 2]] }))
    yield* a.sayAs("a", JSON.stringify({ _tag: "Request", id: "x", tag: "None", payload: 1, headers: [] }))
    yield* settle
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
    for (const text of ["null", "[null]", "{}", '{"_tag":"Chunk"}', '{"_tag":"Exit","requestId":1}', '"Eof"']) {
      const waiting = yield* Support.background(toB.Wait({ id: text }))
      yield* World.eventually(() => seen.began.at(-1) === text)
      yield* b.sayAs("b", text)
      yield* settle
      assert.isFalse(waiting.isDone())
    }
    yield* b.sayAs("b", "{")
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.began.at(-1) === "x")
    yield* b.sayAs("b", "{")
    const error = yield* Effect.flip(waiting.result)
    assert.include(String(error), "cannot be used")
    yield* World.eventually(() => seen.interrupted.includes("x"))
    assert.strictEqual(yield* toB.Half({ number: 8 }), 4)
  }),
)

scenario("a client interrupts a server that sends a stream without waiting for acknowledgements", (world) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* setUp(world)
    const streaming = yield* Support.background(Stream.runForEach(toB.Count({ to: 1e9 }), () => Effect.never))
    yield* World.eventually(() => seen.counted > 0)
    const { id } = JSON.parse(a.sent[0] ?? "")
    const chunk = JSON.stringify({ _tag: "Chunk", requestId: id, values: Array.from({ length: 100 }, (_, i) => i) })
    for (let i = 0; i < 20; i++) yield* b.sayAs("b", chunk)
    yield* World.eventually(() => seen.ended === 1)
    assert.isFalse(streaming.isDone())
  }),
)

scenario("a client that closes ends its requests and the fibers that wait for them", (world) =>
  Effect.gen(function* () {
    const { client, seen } = yield* setUp(world)
    const scope = yield* Scope.make()
    const toB = yield* Scope.provide(client.scoped("b"), scope)
    const streaming = yield* Support.background(
      Stream.runForEach(toB.Count({ to: 1e9 }), () => Effect.sleep("1 second")),
    )
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.counted > 0 && seen.began.length === 1)
    yield* Scope.close(scope, Exit.void)
    yield* World.eventually(() => seen.ended === 1 && seen.interrupted.length === 1)
    yield* World.eventually(() => streaming.isDone() && waiting.isDone())
  }),
)

scenario("a fatal defect ends all requests, and the client does not ask about them any more", (world) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* setUp(world)
    const waiting = yield* Support.background(Effect.exit(toB.Wait({ id: "x" })))
    yield* World.eventually(() => seen.began.length === 1)
    yield* b.sayAs("b", JSON.stringify({ _tag: "Defect", defect: "a bug" }))
    assert.include(String(yield* waiting.result), "a bug")
    yield* b.endOlderSession
    yield* settle
    assert.deepStrictEqual(
      a.sent.filter((text) => text.includes("Ack")),
      [],
    )
  }),
)

scenario("a client layer that closes waits until its interrupts are sent, up to a limit", (world) =>
  Effect.gen(function* () {
    const { a, client, seen, toB } = yield* setUp(world)
    yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.began.length === 1)
    a.beforeSending(Effect.sleep("500 millis"))
    yield* client.stop
    yield* World.eventually(() => seen.interrupted.length === 1)

    const again = yield* Support.requests(a.node)
    const toBAgain = yield* again.to("b")
    a.beforeSending(Effect.never)
    yield* Support.background(toBAgain.Wait({ id: "y" }))
    yield* again.stop
  }),
)

scenario("a server that stops waits until callers take their answers, up to a limit", (world) =>
  Effect.gen(function* () {
    const { b, server, toB } = yield* setUp(world)
    b.beforeSending(Effect.sleep("3 seconds"))
    const slow = yield* Support.background(toB.Half({ number: 8 }))
    yield* Effect.sleep("1 second")
    yield* server.stop
    assert.strictEqual(yield* slow.result, 4)

    const fibers = World.countFibers()
    const again = yield* fibers.within(Support.serve(b.node))
    b.beforeSending(Effect.never)
    yield* Support.background(toB.Half({ number: 8 }))
    yield* settle
    yield* again.stop
    assert.strictEqual(fibers.alive(), 0)
  }),
)

scenario("when a node has left its requests and handlers end, even without the end of a session", (world) =>
  Effect.gen(function* () {
    const { a, b, seen, toB } = yield* setUp(world)
    const waiting = yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.began.length === 1)
    yield* b.end
    yield* World.eventually(() => seen.interrupted.length === 1)
    yield* settle
    assert.isFalse(waiting.isDone())
    yield* a.end
    assert.strictEqual(yield* Support.failure(waiting.result), "lost ClientClosed")
  }),
)

scenario("a server interrupts the handlers of a caller that does not read responses", (world) =>
  Effect.gen(function* () {
    const { a, client, seen, toB } = yield* setUp(world)
    yield* Support.background(toB.Wait({ id: "x" }))
    yield* World.eventually(() => seen.began.length === 1)
    a.lose(true)
    yield* client.stop
    yield* settle
    assert.deepStrictEqual(seen.interrupted, [])
    yield* a.sayAs("a", JSON.stringify({ _tag: "Request", id: "y", tag: "Who", payload: null, headers: [] }))
    yield* World.eventually(() => seen.interrupted.length === 1)
  }),
)
