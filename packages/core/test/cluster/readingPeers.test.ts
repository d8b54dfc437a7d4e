/** The readers of a lane, their sessions, and the openings of the lane. */
import type { Lane, ReadingPeer } from "@coterie/core/Lane"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const scenario = World.simulated

/** Opens a lane. Returns the effect that closes it. */
const open = Effect.fnUntraced(function* (node: World.Node, name: string) {
  const lane = yield* node.cluster.lane(name)
  const scope = yield* Scope.fork(yield* Effect.scope)
  yield* Scope.provide(lane.open(), scope)
  return Scope.close(scope, Exit.void)
})

const namesOf = (readers: ReadonlyArray<ReadingPeer>) => readers.map(({ name }) => name)

/** Waits for readers with exactly these names. */
const untilReaders = (lane: Lane, ...names: ReadonlyArray<string>) =>
  Effect.map(
    Stream.runHead(Stream.filter(lane.readerChanges, (readers) => namesOf(readers).join() === names.join())),
    Option.getOrThrow,
  )

scenario("the readers of a lane are the peers that read it, and the node itself", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const c = yield* node("c", { seeds: [a.address] })
    yield* World.untilPeers(a, ["b", "c"])
    const orders = yield* a.cluster.lane("orders")
    assert.deepStrictEqual(yield* orders.readers, [])
    const closeB = yield* open(b, "orders")
    yield* open(c, "other")
    const [reader] = yield* untilReaders(orders, "b")
    const { generation } = yield* b.cluster.self
    const sent = yield* orders.send("b", "hello")
    assert.deepStrictEqual(reader, { name: "b", generation, session: sent.session, opening: reader?.opening ?? -1 })
    yield* open(a, "orders")
    assert.deepStrictEqual(namesOf(yield* orders.readers), ["a", "b"])
    yield* closeB
    yield* untilReaders(orders, "a")
    assert.strictEqual((yield* orders.publish("nobody")).sent.length, 0)
  }),
)

scenario("a node that has left reads no lane, even while the scope of its reader is open", ({ node }) =>
  Effect.gen(function* () {
    const { a } = yield* World.pair({ node })
    const orders = yield* a.cluster.lane("orders")
    yield* open(a, "orders")
    const lists = yield* Effect.forkScoped(Stream.runCollect(orders.readerChanges), { startImmediately: true })
    assert.deepStrictEqual(namesOf(yield* orders.readers), ["a"])
    yield* a.cluster.leave
    assert.deepStrictEqual(yield* orders.readers, [])
    // The scope of the node and of its readers is still open, and a new reader has no effect.
    yield* open(a, "orders")
    assert.deepStrictEqual(yield* orders.readers, [])
    assert.deepStrictEqual((yield* Fiber.join(lists)).map(namesOf), [["a"]])
  }),
)

scenario("a lane that the peer closes and opens again is another opening, in the same session", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const orders = yield* a.cluster.lane("orders")
    const close = yield* open(b, "orders")
    const [before] = yield* untilReaders(orders, "b")
    yield* close
    yield* untilReaders(orders)
    yield* open(b, "orders")
    const [after] = yield* untilReaders(orders, "b")
    assert.strictEqual(after?.session, before?.session)
    assert.notStrictEqual(after?.opening, before?.opening)
  }),
)

scenario("a reader is removed with its link, and returns in another session", ({ node }, network) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const orders = yield* a.cluster.lane("orders")
    yield* open(b, "orders")
    const [before] = yield* untilReaders(orders, "b")
    const lists: Array<string> = []
    yield* Effect.forkScoped(
      Stream.runForEach(orders.readerChanges, (readers) => Effect.sync(() => lists.push(namesOf(readers).join()))),
      { startImmediately: true },
    )
    yield* network.cut("a", "b")
    yield* World.until(a, ({ peers }) => peers.get("b")?.link !== "up")
    yield* World.untilPeers(a, ["b"])
    const [after] = yield* untilReaders(orders, "b")
    assert.notStrictEqual(after?.session, before?.session)
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(lists, ["b", "", "b"])
  }),
)

scenario("the stream of readers ends when the node has left", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const orders = yield* a.cluster.lane("orders")
    const fiber = yield* Effect.forkChild(Stream.runCollect(orders.readerChanges), { startImmediately: true })
    yield* a.cluster.leave
    assert.deepStrictEqual(yield* Fiber.join(fiber), [[]])
  }),
)
