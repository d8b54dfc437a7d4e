/**
 * Typed messages between publishers and subscribers.
 */
import * as Cluster from "@coterie/core/Cluster"
import type { EncodeError, SendError } from "@coterie/core/ClusterError"
import type { DeadLetter } from "@coterie/core/Lane"
import * as Topic from "@coterie/core/Topic"
import * as TopicSerialization from "@coterie/core/TopicSerialization"
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { reversed } from "../reversedSerialization.ts"
import * as World from "./world.ts"

const scenario = World.simulated

const Order = Schema.Struct({ id: Schema.String, total: Schema.Number, at: Schema.Date })
const Orders = Topic.make("orders", Order)

/** `Orders` in the next version of the application. */
const NewOrders = Topic.make("orders", Schema.Struct({ ...Order.fields, note: Schema.optional(Schema.String) }))

/** Returns the tag of an error, or of its reason for an error of a send. */
const tagOf = (error: EncodeError | SendError): string => (error._tag === "SendError" ? error.reason._tag : error._tag)

const order = (total: number): typeof Order.Type => ({ id: "o", total, at: new Date(1_790_000_000_000) })

const on = <A, E, R>(
  node: World.Node,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, Exclude<R, Cluster.Cluster>> => Effect.provideService(effect, Cluster.Cluster, node.cluster)

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
    const heard = yield* subscribed(b, Orders.subscribe())
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

scenario("a publisher sends the current state to each new reader of its topic", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address] })
    yield* World.untilPeers(a, ["b"])
    const orders = yield* on(a, Topic.publisher(Orders))
    assert.deepStrictEqual(yield* orders.readers, [])
    yield* Effect.forkScoped(
      Stream.runForEach(orders.readerChanges, (readers) =>
        Effect.forEach(readers, (reader) => orders.send(reader, order(12)), { discard: true }),
      ),
    )
    const [received] = yield* on(b, Stream.runCollect(Stream.take(Orders.subscribe(), 1)))
    assert.deepStrictEqual(received?.value, order(12))
  }),
)

scenario(
  "the serialization of the layer is used, regardless of the contexts of the publisher and the subscriber",
  ({ node }) =>
    Effect.gen(function* () {
      const policies = Layer.merge(World.quick, TopicSerialization.layer(reversed))
      const a = yield* node("a", {}, policies)
      const b = yield* node("b", { seeds: [a.address] }, policies)
      yield* World.untilPeers(a, ["b"])
      // The subscriber runs in a context with the serialization of the layer, and the publisher in a context with the
      // default, JSON.
      const heard = yield* subscribed(b, Stream.provide(Orders.subscribe(), TopicSerialization.layer(reversed)))
      const letters = yield* subscribed<DeadLetter>(b, Orders.deadLetters)
      yield* publishUntil(a, Orders, order(0), ["b"])
      yield* on(a, Orders.send("b", order(1), { confirm: true }))
      assert.deepStrictEqual(heard.at(-1)?.value, order(1))
      assert.deepStrictEqual(letters, [])
    }),
)

scenario("a publish with another serialization fails, until the topic has its own serialization", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address] }, Layer.merge(World.quick, TopicSerialization.layer(reversed)))
    yield* World.untilPeers(a, ["b"])
    const heard = yield* subscribed(b, Orders.subscribe())
    const letters = yield* subscribed<DeadLetter>(b, Orders.deadLetters)
    yield* Effect.sleep("1 second")
    const { failed, sent } = yield* on(a, Orders.publish(order(1)))
    assert.deepStrictEqual(sent, [])
    assert.deepStrictEqual(
      failed.map(({ peer, reason }) => [peer, reason._tag]),
      [["b", "IncompatibleFormat"]],
    )
    const refused = yield* Effect.flip(on(a, Orders.send("b", order(2))))
    assert.strictEqual(tagOf(refused), "IncompatibleFormat")
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual([heard, letters], [[], []])
    // With its own serialization, the topic does not depend on the layers.
    const BinaryOrders = Topic.make("orders", Order, { serialization: reversed })
    yield* on(a, BinaryOrders.send("b", order(3), { confirm: true }))
    assert.deepStrictEqual(heard.at(-1)?.value, order(3))
  }),
)

for (const strategy of ["dropping", "sliding"] as const) {
  scenario(`an open topic with gaps and ${strategy} has a Gap where its buffer lost values`, ({ node }) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const { messages } = yield* on(b, Topic.open(Orders, { strategy, capacity: 3, gaps: true }))
      yield* Effect.sleep("1 second")
      for (let i = 1; i <= 5; i++) yield* on(a, Orders.publish(order(i)))
      yield* Effect.sleep("1 second")
      const items = yield* Stream.runCollect(Stream.take(messages, 4))
      assert.deepStrictEqual(
        items.map((item) => (item._tag === "Gap" ? [item.from, item.session, item.lost] : item.value.total)),
        strategy === "dropping" ? [1, 2, 3, [undefined, undefined, 2]] : [[undefined, undefined, 2], 3, 4, 5],
      )
    }),
  )
}

scenario("a value reaches the subscriptions of this node only with self", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const orders = yield* on(a, Topic.open(Orders))
    const heard = yield* subscribed(b, Orders.subscribe())
    yield* publishUntil(b, Orders, order(0), ["a"])
    yield* publishUntil(a, Orders, order(0), ["b"])
    assert.deepStrictEqual(yield* orders.publish(order(1)), { sent: ["b"], failed: [] })
    assert.deepStrictEqual(yield* orders.publish(order(2), { self: true }), { sent: ["a", "b"], failed: [] })
    const own = orders.messages.pipe(
      Stream.filter(({ value }) => value.total > 0),
      Stream.take(1),
      Stream.runCollect,
    )
    assert.deepStrictEqual(
      (yield* own).map(({ from, value }) => [from.name, value]),
      [["a", order(2)]],
    )
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(
      heard.map(({ value }) => value.total).filter((total) => total > 0),
      [1, 2],
    )
    // A topic with another serialization does not match the readers of this node either.
    const other = Topic.make("orders", Order, { serialization: reversed })
    const { failed } = yield* on(a, other.publish(order(3), { self: true }))
    assert.deepStrictEqual(
      failed.map(({ peer, reason }) => [peer, reason._tag]),
      [
        ["a", "IncompatibleFormat"],
        ["b", "IncompatibleFormat"],
      ],
    )
  }),
)

scenario("an open topic misses nothing after it was opened, and reads until its scope closes", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const scope = yield* Scope.make()
    const reader = yield* Scope.provide(on(b, Topic.open(Orders)), scope)
    const publisher = yield* on(a, Topic.publisher(Orders))
    assert.strictEqual(publisher.name, "orders")
    yield* Effect.sleep("1 second")
    // The stream does not run yet.
    assert.deepStrictEqual(yield* publisher.publish(order(1)), { sent: ["b"], failed: [] })
    yield* publisher.send("b", order(2))
    yield* Effect.sleep("1 second")
    const values = yield* Stream.runCollect(Stream.take(reader.messages, 2))
    assert.deepStrictEqual(
      values.map(({ _tag, from, value }) => [_tag, from.name, value.total]),
      [
        ["Published", "a", 1],
        ["Published", "a", 2],
      ],
    )
    // A publisher is not a reader.
    const refused = yield* Effect.flip(reader.send("a", order(3)))
    assert.strictEqual(tagOf(refused), "NotReading")
    yield* Scope.close(scope, Exit.void)
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(yield* publisher.publish(order(4)), { sent: [], failed: [] })
  }),
)

scenario(
  "an open topic with gaps has a Gap after the last value of a session, before the values of the next",
  ({ node }, network) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const { messages } = yield* on(b, Topic.open(Orders, { gaps: true }))
      const heard: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(messages, (item) =>
          Effect.sync(() => {
            if (item._tag === "Gap") heard.push(`gap ${item.from?.name} ${item.session}`)
            else if (item.value.total > 0) heard.push(`${item.value.total} in ${item.session}`)
          }),
        ),
      )
      yield* publishUntil(a, Orders, order(0), ["b"])
      yield* on(a, Orders.send("b", order(1), { confirm: true }))
      yield* network.partition(["a"], ["b"])
      yield* World.until(a, ({ peers }) => peers.get("b")?.link !== "up")
      yield* network.heal
      yield* World.until(a, ({ peers }) => peers.get("b")?.link === "up")
      yield* publishUntil(a, Orders, order(0), ["b"])
      yield* on(a, Orders.send("b", order(2), { confirm: true }))
      const [first = "", gap = "", last = ""] = heard
      assert.match(first, /^1 in \d+$/)
      assert.strictEqual(gap, `gap a ${first.slice(5)}`)
      assert.match(last, /^2 in \d+$/)
      assert.notStrictEqual(first.slice(5), last.slice(5))
      assert.strictEqual(heard.length, 3)
    }),
)

scenario("a value that cannot be encoded is sent to no peer", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const heard = yield* subscribed(b, Orders.subscribe())
    yield* publishUntil(a, Orders, order(0), ["b"])
    yield* Effect.sleep("1 second")
    const before = heard.length
    const error = yield* Effect.flip(on(a, Orders.publish({ ...order(1), at: new Date(Number.NaN) })))
    assert.strictEqual(error._tag, "EncodeError")
    yield* Effect.sleep("1 second")
    assert.strictEqual(heard.length, before)
  }),
)

scenario("a subscription with invalid options fails as OptionsError", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const none = yield* Effect.flip(on(a, Stream.runDrain(Orders.subscribe({ strategy: "sliding", capacity: 0 }))))
    assert.strictEqual(none.option, "capacity")
    yield* Effect.forkScoped(on(a, Stream.runDrain(Orders.subscribe())), { startImmediately: true })
    const BinaryOrders = Topic.make("orders", Order, { serialization: reversed })
    const second = yield* Effect.flip(Effect.scoped(on(a, Topic.open(BinaryOrders))))
    assert.deepStrictEqual([second._tag, second.option], ["OptionsError", "format"])
  }),
)

scenario(
  "during a rolling upgrade that adds an optional field, old and new nodes read each other's values",
  ({ node }) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const old = yield* subscribed(a, Orders.subscribe())
      const fresh = yield* subscribed(b, NewOrders.subscribe())
      yield* publishUntil(b, NewOrders, { ...order(1), note: "by the new one" }, ["a"])
      yield* publishUntil(a, Orders, order(2), ["b"])
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(old.at(-1)?.value, order(1))
      assert.deepStrictEqual(fresh.at(-1)?.value, order(2))
    }),
)

scenario(
  "a message that cannot be decoded is a counted dead letter, and ends neither the subscription nor the link",
  ({ node }) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const heard = yield* subscribed(b, Orders.subscribe())
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
          Stream.runForEach(Orders.subscribe({ strategy, capacity: 10 }), ({ value }) =>
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
      const heard = yield* subscribed(b, Orders.subscribe())
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
