/** A node as a peer of itself: messages to its own name reach its own readers without a link. */
import type { LaneItem } from "@coterie/core/Lane"
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const scenario = World.simulated

/** Reads a lane in the background into a list. Each item waits until the gate is open. */
const reading = Effect.fnUntraced(function* (node: World.Node, name: string, gate?: Deferred.Deferred<void>) {
  const lane = yield* node.cluster.lane(name)
  const heard: Array<LaneItem> = []
  yield* Effect.forkScoped(
    Stream.runForEach(lane.read(), (item) =>
      Effect.andThen(
        Effect.sync(() => heard.push(item)),
        gate === undefined ? Effect.void : Deferred.await(gate),
      ),
    ),
    { startImmediately: true },
  )
  return { heard, lane }
})

scenario("a node sends to its own inbox and lanes without a peer, in order and with itself as the sender", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const self = yield* a.cluster.self
    const { heard, lane } = yield* reading(a, "orders")
    yield* a.cluster.send("a", "letter")
    yield* lane.send("a", "one")
    yield* lane.send(self, "two")
    const [letter] = yield* World.messages(a, 1)
    assert.strictEqual(letter?.text, "letter")
    yield* Effect.sleep("1 millis")
    const from = { name: "a", generation: self.generation }
    const session = letter?.session ?? -1
    assert.deepStrictEqual(
      heard.map((item) => (item._tag === "Message" ? [item.from, item.session, item.text] : item)),
      [{ _tag: "SessionStarted", from, session }, [from, session, "one"], [from, session, "two"]],
    )
  }),
)

scenario(
  "a message to many reaches the readers of this node only with self, and the report includes this node",
  ({ node }) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const { heard, lane } = yield* reading(a, "orders")
      yield* reading(b, "orders")
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual(yield* lane.publish("others"), { sent: ["b"], failed: [] })
      assert.deepStrictEqual(yield* lane.publish("all", { self: true }), { sent: ["a", "b"], failed: [] })
      assert.deepStrictEqual(yield* a.cluster.broadcast("hello", { self: true }), { sent: ["a", "b"], failed: [] })
      const [message] = yield* World.messages(a, 1)
      assert.strictEqual(message?.text, "hello")
      yield* Effect.sleep("1 millis")
      assert.deepStrictEqual(
        heard.flatMap((item) => (item._tag === "Message" ? [item.text] : [])),
        ["all"],
      )
      const news = yield* a.cluster.lane("news")
      assert.deepStrictEqual(yield* news.publish("nobody", { self: true }), { sent: [], failed: [] })
      assert.strictEqual((yield* Effect.flip(news.send("a", "nobody"))).reason._tag, "NotReading")
    }),
)

scenario("a slow reader of this node delays its own sends, and a confirmed send waits for the reader", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a", { limits: { laneWindowBytes: 4_096 } })
    const gate = Deferred.makeUnsafe<void>()
    const { heard, lane } = yield* reading(a, "orders", gate)
    let accepted = 0
    const sender = yield* Effect.forkChild(
      Effect.gen(function* () {
        for (let i = 0; i < 50; i++) {
          yield* lane.send("a", new Uint8Array(1_000))
          accepted++
        }
        return yield* lane.send("a", "last", { confirm: true })
      }),
    )
    yield* Effect.sleep("3 seconds")
    assert.strictEqual(accepted, 3)
    yield* Deferred.succeed(gate, undefined)
    yield* Fiber.join(sender)
    assert.strictEqual(heard.filter(({ _tag }) => _tag === "Message").length, 51)
  }),
)

scenario("a node that stops fails its own waiting sends as NodeStopped", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a", { limits: { laneWindowBytes: 1_024 } })
    const { lane } = yield* reading(a, "orders", Deferred.makeUnsafe<void>())
    const waiting = yield* Effect.forkChild(Effect.flip(Effect.forever(lane.send("a", new Uint8Array(1_000)))), {
      startImmediately: true,
    })
    const confirmed = yield* Effect.forkChild(Effect.flip(a.cluster.send("a", "letter", { confirm: true })), {
      startImmediately: true,
    })
    yield* a.cluster.leave
    assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "NodeStopped")
    const { reason } = yield* Fiber.join(confirmed)
    // The reader may still take the accepted messages.
    assert.deepStrictEqual([reason._tag, reason.maybeDelivered], ["LinkLost", true])
  }),
)
