/**
 * Typed messages between publishers and subscribers.
 */
import * as Cluster from "@coterie/core/Cluster"
import type { DeadLetter } from "@coterie/core/Lane"
import * as Topic from "@coterie/core/Topic"
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const scenario = World.simulated

const Order = Schema.Struct({ id: Schema.String, total: Schema.Number, at: Schema.Date })
const Orders = Topic.make("orders", Order)

/** `Orders` in the next version of the application. */
const NewOrders = Topic.make("orders", Schema.Struct({ ...Order.fields, note: Schema.optional(Schema.String) }))

const order = (total: number): typeof Order.Type => ({ id: "o", total, at: new Date(1_790_000_000_000) })

const on = <A, E>(node: World.Node, effect: Effect.Effect<A, E, Cluster.Cluster>): Effect.Effect<A, E> =>
  Effect.provideService(effect, Cluster.Cluster, node.cluster)

const subscribed = <A>(node: World.Node, stream: Stream.Stream<A, unknown, Cluster.Cluster>) =>
  Effect.gen(function* () {
    const heard: Array<A> = []
    yield* Effect.forkScoped(
      on(
        node,
        Stream.runForEach(stream, (value) => Effect.sync(() => heard.push(value))),
      ),
    )
    return heard
  })

/** Publishes until all of these peers subscribe. */
const publishUntil = <A>(node: World.Node, topic: Topic.Topic<A>, value: A, peers: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    while (true) {
      const { sent } = yield* on(node, topic.publish(value))
      if (peers.every((peer) => sent.includes(peer))) return
      yield* Effect.sleep("10 millis")
    }
  })

/** Returns the counter with these labels. */
const counter = (id: string, labels: Readonly<Record<string, string>>) =>
  Effect.map(Effect.context<never>(), (context) => {
    const found = Metric.snapshotUnsafe(context).find(
      (metric) =>
        metric.id === id && Object.entries(labels).every(([label, value]) => metric.attributes?.[label] === value),
    )
    return found?.type === "Counter" ? found.state.count : undefined
  })

scenario("a value reaches every subscriber unchanged, and the report names the subscribers", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address] })
    yield* node("c", { seeds: [a.address] })
    yield* World.untilPeers(a, ["b", "c"])
    const heard = yield* subscribed(b, Orders.subscribe)
    yield* publishUntil(a, Orders, order(0), ["b"])
    assert.deepStrictEqual(yield* on(a, Orders.publish(order(12))), { sent: ["b"], failed: [] })
    yield* on(a, Orders.send("b", order(13), { confirm: true }))
    assert.deepStrictEqual(
      heard.slice(-2).map(({ from, value }) => [from.name, value]),
      [
        ["a", order(12)],
        ["a", order(13)],
      ],
    )
    const refused = yield* Effect.flip(on(a, Orders.send("c", order(1))))
    assert.deepInclude(refused, { _tag: "SendError", lane: "orders" })
  }),
)

scenario("a value that does not encode is sent to no peer", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const heard = yield* subscribed(b, Orders.subscribe)
    yield* publishUntil(a, Orders, order(0), ["b"])
    yield* Effect.sleep("1 second")
    const before = heard.length
    const error = yield* Effect.flip(on(a, Orders.publish({ ...order(1), at: new Date(Number.NaN) })))
    assert.strictEqual(error._tag, "EncodeError")
    yield* Effect.sleep("1 second")
    assert.strictEqual(heard.length, before)
  }),
)

scenario("an invalid topic name fails every operation as OptionsError", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    for (const name of ["", "x".repeat(129), "line\nbreak"]) {
      const topic = Topic.make(name, Schema.String)
      const failures = [
        yield* Effect.flip(on(a, topic.publish("hi"))),
        yield* Effect.flip(on(a, topic.send("b", "hi"))),
        yield* Effect.flip(on(a, Stream.runDrain(topic.subscribe))),
        yield* Effect.flip(on(a, Stream.runDrain(topic.deadLetters))),
      ]
      assert.deepStrictEqual(
        failures.map(({ _tag }) => _tag),
        Array.from({ length: 4 }, () => "OptionsError"),
      )
    }
    const none = yield* Effect.flip(on(a, Stream.runDrain(Orders.subscribeWith({ strategy: "sliding", capacity: 0 }))))
    assert.strictEqual(none.option, "capacity")
  }),
)

scenario(
  "during a rolling upgrade that adds an optional field, old and new nodes read each other's values",
  ({ node }) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const old = yield* subscribed(a, Orders.subscribe)
      const fresh = yield* subscribed(b, NewOrders.subscribe)
      yield* publishUntil(b, NewOrders, { ...order(1), note: "by the new one" }, ["a"])
      yield* publishUntil(a, Orders, order(2), ["b"])
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(old.at(-1)?.value, order(1))
      assert.deepStrictEqual(fresh.at(-1)?.value, order(2))
    }),
)

scenario(
  "a message that does not decode is a counted dead letter, and ends neither the subscription nor the link",
  ({ node }) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const heard = yield* subscribed(b, Orders.subscribe)
      const letters = yield* subscribed<DeadLetter>(b, Orders.deadLetters)
      yield* publishUntil(a, Orders, order(1), ["b"])
      const raw = yield* a.cluster.lane("orders")
      yield* raw.send("b", "{ this is no order")
      yield* raw.send("b", Uint8Array.of(0xff, 0xfe), { confirm: true })
      yield* on(a, Orders.send("b", order(2), { confirm: true }))
      assert.deepStrictEqual(heard.at(-1)?.value, order(2))
      assert.deepStrictEqual(
        letters.map(({ lane, message }) => [lane, message.from.name, message.payload.length]),
        [
          ["orders", "a", 18],
          ["orders", "a", 2],
        ],
      )
      assert.strictEqual(yield* counter("coterie_dead_letters_total", { node: "b", lane: "orders" }), 2)
      assert.strictEqual((yield* a.cluster.view).peers.get("b")?.link, "up")
    }),
)

for (const strategy of ["dropping", "sliding"] as const) {
  scenario(`a ${strategy} subscription never blocks its publishers, and counts the messages it lost`, ({ node }) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const go = Deferred.makeUnsafe<void>()
      const totals: Array<number> = []
      yield* Effect.forkScoped(
        on(
          b,
          Stream.runForEach(Orders.subscribeWith({ strategy, capacity: 10 }), ({ value }) =>
            Effect.andThen(
              Deferred.await(go),
              Effect.sync(() => totals.push(value.total)),
            ),
          ),
        ),
      )
      // The reader processes the first value.
      yield* publishUntil(a, Orders, order(-1), ["b"])
      yield* Effect.sleep("1 second")
      const sender = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 5_000 }, (_, i) => i),
          (i) => on(a, Orders.publish(order(i))),
        ),
      )
      yield* Fiber.join(sender)
      yield* Effect.sleep("1 second")
      yield* Deferred.succeed(go, undefined)
      yield* Effect.sleep("1 second")
      const kept = totals.filter((total) => total >= 0)
      assert.deepStrictEqual(
        kept,
        Array.from({ length: 10 }, (_, i) => (strategy === "dropping" ? i : 4_990 + i)),
      )
      const lost = yield* counter("coterie_dropped_messages_total", { node: "b", lane: "orders", strategy })
      assert.strictEqual(lost, 4_990)
    }),
  )
}

scenario(
  "with tracing a subscriber gets the span of the publish, and no span for a send outside of spans",
  ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a", { tracing: true })
      const b = yield* node("b", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b"])
      const heard = yield* subscribed(b, Orders.subscribe)
      yield* publishUntil(a, Orders, order(0), ["b"])
      const span = yield* Effect.withSpan(
        Effect.andThen(on(a, Orders.publish(order(1))), Effect.currentSpan),
        "placing an order",
      )
      yield* on(a, Orders.send("b", order(2), { confirm: true }))
      const [traced, plain] = heard.slice(-2)
      assert.strictEqual(traced?.span?.spanId, span.spanId)
      assert.strictEqual(traced?.span?.traceId, span.traceId)
      assert.isUndefined(plain?.span)
    }),
)
