import * as Topic from "@coterie/core/Topic"
import * as PeerPubSub from "@coterie/reactivity/PeerPubSub"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Support from "./support.ts"

const { settle, test } = Support

const Numbers = Topic.make("numbers", Schema.Int)

class Service extends Context.Service<Service, PeerPubSub.PeerPubSub<number>>()("test/Service") {}

const start = Effect.fnUntraced(function* (network: SimNetwork.Shape, name: string, options?: PeerPubSub.Options) {
  const node = yield* Support.start(network, name, Layer.effect(Service)(PeerPubSub.make(Numbers, options)))
  return { ...node, pubsub: yield* node.run(Service) }
})

/** Reads a stream in the background. `before` runs before each item is noted. */
const read = Effect.fnUntraced(function* <A>(stream: Stream.Stream<A>, before: Effect.Effect<void> = Effect.void) {
  const items: Array<A> = []
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(Stream.rechunk(stream, 1), (item) =>
      Effect.andThen(
        before,
        Effect.sync(() => void items.push(item)),
      ),
    ),
    { startImmediately: true },
  )
  return { items, fiber }
})

const describeItem = (item: Topic.Published<number> | Topic.Gap): string =>
  item._tag === "Published" ? `${item.value} of ${item.from.name}` : `gap: ${item.from?.name ?? `${item.lost} lost`}`

describe("PeerPubSub", () => {
  test("a value reaches all subscriptions of all nodes, those of its own node included, in order", (network) =>
    Effect.gen(function* () {
      const [a, b, c] = yield* Effect.all([start(network, "a"), start(network, "b"), start(network, "c")])
      for (const node of [a, b, c]) yield* node.linked(2)
      const readers = yield* Effect.forEach([a, a, b, c], ({ pubsub }) => read(pubsub.stream))
      const subscription = yield* b.pubsub.subscribe
      const report = yield* a.pubsub.publishAll([1, 2, 3])
      assert.deepStrictEqual([...report.sent].sort(), ["a", "b", "c"])
      assert.deepStrictEqual(report.failed, [])
      yield* settle
      yield* b.pubsub.publish(4)
      yield* settle
      for (const { items } of readers) assert.deepStrictEqual(items, [1, 2, 3, 4])
      assert.deepStrictEqual(yield* PubSub.takeAll(subscription), [1, 2, 3, 4])
    }))

  test("a value that does not match the schema fails, and reaches nobody", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([start(network, "a"), start(network, "b")])
      for (const node of [a, b]) yield* node.linked(1)
      const reader = yield* read(b.pubsub.stream)
      const error = yield* Effect.flip(a.pubsub.publishAll([1, 2.5, 3]))
      assert.strictEqual(error._tag, "EncodeError")
      yield* settle
      assert.deepStrictEqual(reader.items, [1])
    }))

  test("a lost session is a gap for subscriptions that want gaps, and the others go on", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([start(network, "a"), start(network, "b")])
      for (const node of [a, b]) yield* node.linked(1)
      const gaps = yield* read(Stream.map(b.pubsub.streamWithGaps, describeItem))
      const values = yield* read(b.pubsub.stream)
      yield* a.pubsub.publish(1)
      yield* settle
      yield* network.cut("a", "b")
      yield* settle
      for (const node of [a, b]) yield* node.linked(1)
      yield* a.pubsub.publish(2)
      yield* settle
      assert.deepStrictEqual(gaps.items, ["1 of a", "gap: a", "2 of a"])
      assert.deepStrictEqual(values.items, [1, 2])
    }))

  test("with sliding, a slow subscription loses the oldest values and is told how many, and nobody waits", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([start(network, "a"), start(network, "b", { strategy: "sliding", capacity: 4 })])
      for (const node of [a, b]) yield* node.linked(1)
      const latch = yield* Latch.make(true)
      const slow = yield* read(Stream.map(b.pubsub.streamWithGaps, describeItem), latch.await)
      const fast = yield* read(b.pubsub.stream)
      yield* settle
      yield* latch.close
      for (let i = 1; i <= 10; i++) {
        yield* a.pubsub.publish(i)
        yield* Effect.sleep("20 millis")
      }
      assert.deepStrictEqual(fast.items, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      yield* latch.open
      yield* settle
      // It had taken the first one.
      assert.deepStrictEqual(slow.items, ["1 of a", "gap: 5 lost", "7 of a", "8 of a", "9 of a", "10 of a"])
    }))

  test("with dropping, all subscriptions of the node lose the newest values and are told how many", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([
        start(network, "a"),
        start(network, "b", { strategy: "dropping", capacity: 4 }),
      ])
      for (const node of [a, b]) yield* node.linked(1)
      const latch = yield* Latch.make(true)
      const slow = yield* read(Stream.map(b.pubsub.streamWithGaps, describeItem), latch.await)
      const fast = yield* read(Stream.map(b.pubsub.streamWithGaps, describeItem))
      yield* settle
      yield* latch.close
      for (let i = 1; i <= 10; i++) {
        yield* a.pubsub.publish(i)
        yield* Effect.sleep("20 millis")
      }
      yield* latch.open
      yield* settle
      yield* a.pubsub.publish(11)
      yield* settle
      const expected = ["1 of a", "2 of a", "3 of a", "4 of a", "5 of a", "gap: 5 lost", "11 of a"]
      assert.deepStrictEqual([slow.items, fast.items], [expected, expected])
    }))

  test("with suspend, a subscription that stands still makes publishers wait once, and skip its node", (network) =>
    Effect.gen(function* () {
      const [a, b, c] = yield* Effect.all([
        start(network, "a"),
        start(network, "b", { capacity: 2 }),
        start(network, "c"),
      ])
      for (const node of [a, b, c]) yield* node.linked(2)
      const latch = yield* Latch.make(false)
      yield* read(b.pubsub.stream, latch.await)
      const fast = yield* read(c.pubsub.stream)
      const skipped: Array<number> = []
      // The window of a lane, 256 KiB, has room for some 4,000 of these.
      for (let i = 0; i < 6_000; i++) {
        const { failed } = yield* a.pubsub.publish(i)
        if (failed.length > 0) skipped.push(i)
      }
      yield* settle
      assert.isAbove(skipped.length, 1_000)
      assert.strictEqual(fast.items.length, 6_000)
      yield* latch.open
    }))

  test("shutdown ends the streams, interrupts those who take and publish, and other nodes continue", (network) =>
    Effect.gen(function* () {
      const [a, b, c] = yield* Effect.all([start(network, "a"), start(network, "b"), start(network, "c")])
      for (const node of [a, b, c]) yield* node.linked(2)
      const ofB = yield* read(b.pubsub.stream)
      const ofC = yield* read(c.pubsub.stream)
      const subscription = yield* b.pubsub.subscribe
      const taking = yield* Effect.forkScoped(PubSub.take(subscription), { startImmediately: true })
      assert.isFalse(yield* b.pubsub.isShutdown)
      yield* b.pubsub.shutdown
      yield* b.pubsub.awaitShutdown
      assert.isTrue(yield* b.pubsub.isShutdown)
      yield* Fiber.join(ofB.fiber)
      const taken = yield* Fiber.await(taking)
      assert.isTrue(Exit.isFailure(taken) && Cause.hasInterruptsOnly(taken.cause))
      const published = yield* Effect.exit(b.pubsub.publish(1))
      assert.isTrue(Exit.isFailure(published) && Cause.hasInterruptsOnly(published.cause))
      yield* settle
      const { sent } = yield* a.pubsub.publish(2)
      assert.deepStrictEqual([...sent].sort(), ["a", "c"])
      yield* settle
      assert.deepStrictEqual(ofC.items, [2])
    }))

  test("when the node has left, the streams end after the values that wait", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* Effect.all([start(network, "a"), start(network, "b")])
      for (const node of [a, b]) yield* node.linked(1)
      const reader = yield* read(b.pubsub.stream)
      yield* a.pubsub.publish(1)
      yield* settle
      yield* b.cluster.leave
      yield* b.pubsub.awaitShutdown
      yield* Fiber.join(reader.fiber)
      assert.deepStrictEqual(reader.items, [1])
      assert.strictEqual((yield* Effect.flip(b.pubsub.publish(2)))._tag, "SendError")
    }))

  test("a capacity that is no whole number fails", (network) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(start(network, "a", { capacity: 0 }))
      assert.strictEqual(error._tag === "OptionsError" ? error.option : error._tag, "capacity")
    }))
})
