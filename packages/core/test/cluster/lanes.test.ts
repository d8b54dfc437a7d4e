/** Lanes, which reach the peers that read them and have separate flow control, and acknowledged sends. */
import type { LaneItem } from "@coterie/core/Lane"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const scenario = World.simulated

/** Reads a lane in the background into a list. */
const reading = Effect.fnUntraced(function* (node: World.Node, name: string) {
  const lane = yield* node.cluster.lane(name)
  const heard: Array<LaneItem> = []
  const fiber = yield* Effect.forkScoped(Stream.runForEach(lane.read(), (item) => Effect.sync(() => heard.push(item))))
  return { heard, fiber }
})

const textsOf = (heard: ReadonlyArray<LaneItem>): ReadonlyArray<string> =>
  heard.flatMap((item) => (item._tag === "Message" ? [item.text] : item._tag === "SessionEnded" ? ["end"] : []))

/** Publishes until these peers read the lane. */
const untilRead = (node: World.Node, name: string, peers: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const lane = yield* node.cluster.lane(name)
    while (true) {
      const { sent } = yield* lane.publish("ping")
      if (peers.every((peer) => sent.includes(peer))) return
      yield* Effect.sleep("10 millis")
    }
  })

scenario("a message on a lane reaches only the peers that read the lane", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address] })
    const c = yield* node("c", { seeds: [a.address] })
    yield* World.untilPeers(a, ["b", "c"])
    const { heard } = yield* reading(b, "orders")
    yield* reading(c, "other")
    yield* untilRead(a, "orders", ["b"])
    const orders = yield* a.cluster.lane("orders")
    assert.deepStrictEqual(yield* orders.publish("one"), { sent: ["b"], failed: [] })
    yield* orders.send("b", "two")
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(textsOf(heard).slice(-2), ["one", "two"])
    const refused = yield* Effect.flip(orders.send("c", "three"))
    assert.strictEqual(refused.reason._tag, "NotReading")
  }),
)

scenario(
  "a message is not sent to a peer that reads the lane with another format, and the sender gets an error",
  ({ node }) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const ofA = (format: string) => a.cluster.lane("orders", { format })
      const read = (format: string) =>
        Effect.gen(function* () {
          const lane = yield* b.cluster.lane("orders", { format })
          assert.strictEqual(lane.format, format)
          const heard: Array<LaneItem> = []
          const fiber = yield* Effect.forkScoped(
            Stream.runForEach(lane.read(), (item) => Effect.sync(() => heard.push(item))),
          )
          return { heard, fiber }
        })
      const { fiber, heard } = yield* read("json")
      yield* untilRead(a, "orders", ["b"])
      const { failed, sent } = yield* (yield* ofA("binary")).publish("one")
      assert.deepStrictEqual(sent, [])
      assert.deepStrictEqual(
        failed.map(({ peer, reason }) => [peer, reason._tag]),
        [["b", "IncompatibleFormat"]],
      )
      const refused = yield* Effect.flip((yield* ofA("binary")).send("b", "two", { confirm: true }))
      assert.strictEqual(refused.reason._tag, "IncompatibleFormat")
      yield* (yield* ofA("json")).send("b", "three", { confirm: true })
      assert.deepStrictEqual(
        textsOf(heard).filter((text) => text !== "ping"),
        ["three"],
      )
      // The second reader of the lane has another format.
      const second = yield* Effect.flip(Effect.scoped((yield* b.cluster.lane("orders", { format: "binary" })).open()))
      assert.strictEqual(second.option, "format")
      // A lane that is closed and opened again has the format of the new reader, also on a new connection.
      yield* Fiber.interrupt(fiber)
      const again = yield* read("binary")
      yield* untilRead(a, "orders", ["b"])
      yield* a.sever
      yield* untilRead(a, "orders", ["b"])
      assert.deepStrictEqual((yield* (yield* ofA("binary")).publish("four")).sent, ["b"])
      yield* Effect.sleep("1 second")
      assert.strictEqual(textsOf(again.heard).at(-1), "four")
      for (const format of ["", "x".repeat(65), "line\nbreak"]) {
        assert.strictEqual((yield* Effect.flip(ofA(format))).option, "format")
      }
    }),
)

scenario("a message published right after a join reaches the peers that already read the lane", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const { heard } = yield* reading(a, "orders")
    const b = yield* node("b")
    yield* b.cluster.join(a.address)
    const orders = yield* b.cluster.lane("orders")
    assert.deepStrictEqual(yield* orders.publish("first"), { sent: ["a"], failed: [] })
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(textsOf(heard), ["first"])
  }),
)

scenario("a publish reports a peer without a link, which may read the lane", ({ node }, network) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    yield* reading(b, "orders")
    yield* untilRead(a, "orders", ["b"])
    yield* network.partition(["a"], ["b"])
    yield* World.until(a, ({ peers }) => peers.get("b")?.link !== "up")
    const orders = yield* a.cluster.lane("orders")
    const { failed, sent } = yield* orders.publish("hello")
    assert.deepStrictEqual([sent, failed.map(({ peer, reason }) => [peer, reason._tag])], [[], [["b", "NotConnected"]]])
  }),
)

scenario("an open lane receives messages until its scope closes, even if its stream runs later", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const orders = yield* a.cluster.lane("orders")
    const lane = yield* b.cluster.lane("orders")
    yield* Effect.scoped(
      Effect.gen(function* () {
        const stream = yield* lane.open()
        yield* Effect.sleep("1 second")
        yield* orders.send("b", "one")
        yield* Effect.sleep("1 second")
        const items = yield* Stream.runCollect(
          Stream.take(
            Stream.filter(stream, ({ _tag }) => _tag === "Message"),
            1,
          ),
        )
        assert.deepStrictEqual(textsOf(items), ["one"])
      }),
    )
    yield* Effect.sleep("1 second")
    const refused = yield* Effect.flip(orders.send("b", "two"))
    assert.strictEqual(refused.reason._tag, "NotReading")
  }),
)

scenario("a lane whose reader ended gets no messages, and can be read again", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const orders = yield* a.cluster.lane("orders")
    for (let i = 0; i < 3; i++) {
      const { fiber, heard } = yield* reading(b, "orders")
      yield* untilRead(a, "orders", ["b"])
      yield* orders.publish(`round ${i}`)
      yield* Effect.sleep("100 millis")
      assert.strictEqual(textsOf(heard).at(-1), `round ${i}`)
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual(yield* orders.publish("nobody"), { sent: [], failed: [] })
    }
  }),
)

scenario("a node that opens and closes a lane repeatedly is slowed down, and keeps its links", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const events = yield* World.collect(a)
    const lane = yield* b.cluster.lane("orders")
    for (let i = 0; i < 3_000; i++) {
      const fiber = yield* Effect.forkChild(Stream.runDrain(lane.read()))
      yield* Effect.sleep("1 millis")
      yield* Fiber.interrupt(fiber)
    }
    const { heard } = yield* reading(b, "orders")
    while (heard.length === 0) yield* untilRead(a, "orders", ["b"])
    assert.deepStrictEqual(
      events.map(({ _tag }) => _tag),
      ["Snapshot"],
    )
  }),
)

scenario(
  "an acknowledged send succeeds once the reader has taken the message, even if the reader then ends",
  ({ node }) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const lane = yield* b.cluster.lane("orders")
      const one = yield* Effect.forkChild(
        Stream.runCollect(
          Stream.take(
            Stream.filter(lane.read(), (item) => item._tag === "Message"),
            1,
          ),
        ),
      )
      yield* Effect.sleep("1 second")
      const orders = yield* a.cluster.lane("orders")
      yield* orders.send("b", "only one", { confirm: true })
      const [message] = yield* Fiber.join(one)
      assert.strictEqual(message?._tag === "Message" ? message.text : undefined, "only one")
    }),
)

scenario("a slow reader of a lane blocks senders on that lane, and nothing else", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a", { limits: { slowPeerTimeout: 60_000 } })
    const b = yield* node("b", { seeds: [a.address], limits: { laneWindowBytes: 4_096 } })
    yield* World.untilPeers(a, ["b"])
    const go = Deferred.makeUnsafe<void>()
    const slow = yield* b.cluster.lane("slow")
    const taken: Array<number> = []
    yield* Effect.forkScoped(
      Stream.runForEach(slow.read(), (item) =>
        item._tag === "Message"
          ? Effect.andThen(
              Deferred.await(go),
              Effect.sync(() => taken.push(item.payload[0] ?? -1)),
            )
          : Effect.void,
      ),
    )
    const { heard } = yield* reading(b, "fast")
    yield* untilRead(a, "fast", ["b"])
    const out = yield* a.cluster.lane("slow")
    let accepted = 0
    const sender = yield* Effect.forkChild(
      Effect.gen(function* () {
        for (let i = 0; i < 50; i++) {
          yield* out.send("b", new Uint8Array(1_000).fill(i))
          accepted++
        }
      }),
    )
    yield* Effect.sleep("30 seconds")
    // The message that the reader processes, and a window of four messages.
    assert.isAtMost(accepted, 8)
    const fast = yield* a.cluster.lane("fast")
    yield* fast.publish("quick")
    yield* a.cluster.send("b", "hello")
    const [message] = yield* World.messages(b, 1)
    assert.strictEqual(message?.text, "hello")
    yield* Effect.sleep("1 second")
    assert.strictEqual(textsOf(heard).at(-1), "quick")
    assert.strictEqual((yield* a.cluster.view).peers.get("b")?.status, "alive")
    yield* Deferred.succeed(go, undefined)
    yield* Fiber.join(sender)
    yield* Effect.sleep("1 second")
    assert.deepStrictEqual(
      taken,
      Array.from({ length: 50 }, (_, i) => i),
    )
  }),
)

scenario("messages of other lanes pass between the fragments of a large message", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address], limits: { laneWindowBytes: 4_096, inboxWindowBytes: 4_096 } })
    yield* World.untilPeers(a, ["b"])
    const { heard } = yield* reading(b, "big")
    yield* untilRead(a, "big", ["b"])
    const big = yield* a.cluster.lane("big")
    const sender = yield* Effect.forkChild(big.send("b", new Uint8Array(1_000_000)))
    yield* a.cluster.send("b", "small")
    const [message] = yield* World.messages(b, 1)
    assert.strictEqual(message?.text, "small")
    assert.deepStrictEqual(
      textsOf(heard).filter((text) => text !== "ping"),
      [],
    )
    yield* Fiber.join(sender)
    yield* Effect.sleep("1 second")
    assert.strictEqual(textsOf(heard).at(-1)?.length, 1_000_000)
  }),
)

scenario("each of several readers of one lane gets all messages, at the pace of the slowest", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address], limits: { laneWindowBytes: 4_096 } })
    yield* World.untilPeers(a, ["b"])
    const { heard } = yield* reading(b, "orders")
    const go = Deferred.makeUnsafe<void>()
    const slow: Array<LaneItem> = []
    const lane = yield* b.cluster.lane("orders")
    yield* Effect.forkScoped(
      Stream.runForEach(lane.read(), (item) =>
        Effect.andThen(
          Deferred.await(go),
          Effect.sync(() => slow.push(item)),
        ),
      ),
    )
    const dropping: Array<LaneItem> = []
    yield* Effect.forkScoped(
      Stream.runForEach(lane.read({ strategy: "sliding", capacity: 2 }), (item) =>
        Effect.andThen(
          Deferred.await(go),
          Effect.sync(() => dropping.push(item)),
        ),
      ),
    )
    yield* untilRead(a, "orders", ["b"])
    const orders = yield* a.cluster.lane("orders")
    const sender = yield* Effect.forkChild(
      Effect.forEach(
        Array.from({ length: 50 }, (_, i) => i),
        (i) => orders.send("b", `${i} `.padEnd(1_000, ".")),
      ),
    )
    yield* Effect.sleep("10 seconds")
    assert.isAtMost(heard.length, 12)
    yield* Deferred.succeed(go, undefined)
    yield* Fiber.join(sender)
    yield* Effect.sleep("1 second")
    const numbers = (items: ReadonlyArray<LaneItem>) => textsOf(items).slice(-50).map(parseFloat)
    const all = Array.from({ length: 50 }, (_, i) => i)
    assert.deepStrictEqual(numbers(heard), all)
    assert.deepStrictEqual(numbers(slow), all)
    assert.strictEqual(numbers(dropping).at(-1), 49)
  }),
)

scenario("a reader that ends does not block the other readers of its lane", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address], limits: { laneWindowBytes: 4_096 } })
    yield* World.untilPeers(a, ["b"])
    const lane = yield* b.cluster.lane("orders")
    const stuck = yield* Effect.forkScoped(Stream.runForEach(lane.read(), () => Effect.never))
    const { heard } = yield* reading(b, "orders")
    yield* untilRead(a, "orders", ["b"])
    const orders = yield* a.cluster.lane("orders")
    const sender = yield* Effect.forkChild(
      Effect.forEach(
        Array.from({ length: 50 }, (_, i) => i),
        (i) => orders.send("b", `${i} `.padEnd(1_000, ".")),
      ),
    )
    yield* Effect.sleep("10 seconds")
    yield* Fiber.interrupt(stuck)
    yield* Fiber.join(sender)
    yield* Effect.sleep("1 second")
    assert.strictEqual(textsOf(heard).filter((text) => text !== "ping").length, 50)
  }),
)

scenario(
  "SessionStarted comes before the first message of its session, and SessionEnded after the last",
  ({ node }, network) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair({ node })
      const { heard } = yield* reading(b, "orders")
      yield* untilRead(a, "orders", ["b"])
      const orders = yield* a.cluster.lane("orders")
      yield* orders.publish("before")
      yield* Effect.sleep("100 millis")
      yield* network.cut("a", "b")
      yield* World.until(b, ({ peers }) => peers.get("a")?.link !== "up")
      yield* World.untilPeers(b, ["a"])
      yield* untilRead(a, "orders", ["b"])
      yield* orders.publish("after")
      yield* Effect.sleep("100 millis")
      const markers = heard.flatMap((item) =>
        item._tag !== "Message"
          ? item.from.name === "a"
            ? [`${item._tag} ${item.session}`]
            : []
          : item.text === "ping"
            ? []
            : [`${item.text} ${item.session}`],
      )
      const first = heard.find((item) => item._tag === "Message")?.session
      const second = heard.findLast((item) => item._tag === "Message")?.session
      assert.notStrictEqual(first, second)
      assert.deepStrictEqual(markers, [
        `SessionStarted ${first}`,
        `before ${first}`,
        `SessionEnded ${first}`,
        `SessionStarted ${second}`,
        `after ${second}`,
      ])
    }),
)

scenario("an acknowledged send succeeds when the reader takes the message", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const fiber = yield* Effect.forkChild(a.cluster.send("b", "are you there", { confirm: true }))
    yield* Effect.sleep("5 seconds")
    assert.isUndefined(fiber.pollUnsafe())
    const [message] = yield* World.messages(b, 1)
    const sent = yield* Fiber.join(fiber)
    assert.isNumber(sent.session)
    assert.strictEqual(message?.text, "are you there")
  }),
)

scenario("an acknowledged send to a slow reader fails at its timeout", ({ node }) =>
  Effect.gen(function* () {
    const { a } = yield* World.pair({ node })
    const error = yield* Effect.flip(a.cluster.send("b", "hello", { confirm: true, timeout: "3 seconds" }))
    assert.strictEqual(error.reason._tag, "ConfirmTimeout")
  }),
)

scenario(
  "an acknowledged send fails when its link is lost before the reader has taken the message",
  ({ node }, network) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair({ node })
      const fiber = yield* Effect.forkChild(Effect.flip(a.cluster.send("b", "hello", { confirm: true })))
      yield* Effect.sleep("1 second")
      yield* network.cut("a", "b")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.reason._tag, "LinkLost")
    }),
)

scenario("acknowledged sends succeed for messages of any size", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    yield* Effect.forkScoped(Stream.runDrain(b.cluster.inbox))
    yield* Effect.forEach([10, 1_000_000, 0, 100_000], (size) =>
      a.cluster.send("b", new Uint8Array(size), { confirm: true }),
    )
  }),
)

scenario("opening and closing three thousand lanes at once violates no rate limit", (world) => {
  const registry: Metric.MetricRegistry = new Map()
  return Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    const events = yield* World.collect(b)
    const readers = yield* Effect.forEach(
      Array.from({ length: 3_000 }, (_, i) => `lane ${i}`),
      (name) => Effect.map(reading(b, name), ({ fiber }) => fiber),
    )
    yield* untilRead(a, "lane 2999", ["b"])
    yield* Fiber.interruptAll(readers)
    yield* Effect.sleep("20 seconds")
    const last = yield* a.cluster.lane("lane 2999")
    assert.deepStrictEqual(yield* last.publish("x"), { sent: [], failed: [] })
    assert.deepStrictEqual(
      events.filter(({ _tag }) => _tag !== "Snapshot"),
      [],
    )
    for (const metric of Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry))) {
      if (metric.id !== "coterie_violations_total" || metric.type !== "Counter") continue
      assert.strictEqual(Number(metric.state.count), 0, metric.attributes?.["code"])
    }
  }).pipe(Effect.provideService(Metric.MetricRegistry, registry))
})

scenario(
  "a lane that is read with its view has changes, sessions and messages in the order of this node",
  ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const orders = yield* a.cluster.lane("orders")
      const seen: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(orders.read({ view: true }), (item) =>
          Effect.sync(() => seen.push(item._tag === "Message" ? item.text : item._tag)),
        ),
        { startImmediately: true },
      )
      const b = yield* node("b", { seeds: [a.address] })
      yield* World.untilPeers(b, ["a"])
      const out = yield* b.cluster.lane("orders")
      yield* out.publish("hello")
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual(seen, ["Snapshot", "SessionStarted", "Joined", "SessionStarted", "hello"])
      yield* network.cut("a", "b")
      yield* World.until(a, ({ peers }) => peers.get("b")?.link !== "up")
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(b, ["a"])
      yield* out.publish("again")
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual(
        seen.slice(5).filter((tag) => tag !== "Suspected" && tag !== "Isolated" && tag !== "Reconnected"),
        ["SessionEnded", "Unreachable", "Reachable", "SessionStarted", "again"],
      )
      yield* b.cluster.leave
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual(seen.slice(-2).toSorted(), ["Left", "SessionEnded"])
    }),
)
