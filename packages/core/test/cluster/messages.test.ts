/** Results of failing sends, as documented in docs/messages.md, unless another file covers the case. */
import type { LaneItem } from "@coterie/core/Lane"
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const scenario = World.simulated

/** Reads a lane in the background into a list. The reader waits after each message until the gate opens. */
const reading = Effect.fnUntraced(function* (
  node: World.Node,
  name: string,
  gate?: Deferred.Deferred<void>,
  strategy?: "dropping",
) {
  const lane = yield* node.cluster.lane(name)
  const heard: Array<LaneItem> = []
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(lane.read({ strategy, capacity: 1 }), (item) =>
      Effect.andThen(
        Effect.sync(() => heard.push(item)),
        gate === undefined ? Effect.void : Deferred.await(gate),
      ),
    ),
  )
  // At this point the peers know that the lane is read.
  yield* Effect.sleep("100 millis")
  return { heard, fiber }
})

const textsOf = (heard: ReadonlyArray<LaneItem>): ReadonlyArray<string> =>
  heard.flatMap((item) => (item._tag === "Message" ? [item.text] : item._tag === "SessionEnded" ? ["end"] : []))

const reasonsOf = (failed: ReadonlyArray<{ readonly peer: string; readonly reason: { readonly _tag: string } }>) =>
  failed.map(({ peer, reason }) => `${peer} ${reason._tag}`)

/** Starts two nodes. `b` reads the lane `orders`. */
const pair = Effect.fnUntraced(function* (world: World.World, gate?: Deferred.Deferred<void>) {
  const { a, b } = yield* World.pair(world)
  const orders = yield* a.cluster.lane("orders")
  return { a, b, orders, ...(yield* reading(b, "orders", gate)) }
})

scenario(
  "every send to a peer without a link fails as NotConnected, and nothing is sent to a failed peer",
  (world, network) =>
    Effect.gen(function* () {
      const { a, orders } = yield* pair(world)
      yield* network.partition(["a"], ["b"])
      yield* World.until(a, ({ peers }) => peers.get("b")?.link !== "up")
      const reason = <A, E extends { readonly reason: { readonly _tag: string } }>(send: Effect.Effect<A, E>) =>
        Effect.map(Effect.flip(send), ({ reason }) => reason._tag)
      assert.strictEqual(yield* reason(a.cluster.send("b", "?")), "NotConnected")
      assert.strictEqual(yield* reason(a.cluster.send("b", "?", { confirm: true })), "NotConnected")
      assert.strictEqual(yield* reason(orders.send("b", "?")), "NotConnected")
      assert.deepStrictEqual(reasonsOf((yield* a.cluster.broadcast("?")).failed), ["b NotConnected"])
      assert.deepStrictEqual(reasonsOf((yield* orders.publish("?")).failed), ["b NotConnected"])
      // A failed peer is not in the reports.
      yield* World.untilPeers(a, [])
      assert.deepStrictEqual(yield* a.cluster.broadcast("?"), { sent: [], failed: [] })
      assert.deepStrictEqual(yield* orders.publish("?"), { sent: [], failed: [] })
      assert.strictEqual(yield* reason(a.cluster.send("b", "?")), "NotConnected")
      yield* network.heal
    }),
)

scenario("waiting acknowledged sends fail when the peer crashes, and when it leaves", (world) =>
  Effect.gen(function* () {
    const { a, b, orders } = yield* pair(world, yield* Deferred.make<void>())
    const c = yield* world.node("c", { seeds: [a.address] })
    yield* World.untilPeers(a, ["b", "c"])
    // The reader of b processes this message and reads no further.
    yield* orders.send("b", "first")
    const confirm = { confirm: true } as const
    const waiting = yield* Effect.forEach(
      [orders.send("b", "?", confirm), a.cluster.send("b", "?", confirm), a.cluster.send("c", "?", confirm)],
      (send) => Effect.forkChild(Effect.flip(send)),
    )
    yield* Effect.sleep("100 millis")
    yield* b.crash
    yield* c.stop
    const errors = yield* Effect.forEach(waiting, Fiber.join)
    assert.deepStrictEqual(reasonsOf(errors), ["b LinkLost", "b LinkLost", "c LinkLost"])
    assert.strictEqual((yield* Effect.flip(a.cluster.send("c", "?"))).reason._tag, "PeerLeft")
  }),
)

scenario("waiting sends to a reader that ends fail as NotReading, and a publish does not report it", (world) =>
  Effect.gen(function* () {
    const { a, b, fiber, orders } = yield* pair(world, yield* Deferred.make<void>())
    yield* orders.send("b", "first")
    const confirmed = yield* Effect.forkChild(Effect.flip(orders.send("b", "?", { confirm: true })))
    // The first message fills the window, and the second one waits.
    const large = new Uint8Array(200_000)
    yield* orders.send("b", large)
    const sent = yield* Effect.forkChild(Effect.flip(orders.send("b", large)))
    const published = yield* Effect.forkChild(orders.publish(large))
    yield* Effect.sleep("100 millis")
    yield* Fiber.interrupt(fiber)
    assert.strictEqual((yield* Fiber.join(confirmed)).reason._tag, "NotReading")
    assert.strictEqual((yield* Fiber.join(sent)).reason._tag, "NotReading")
    assert.deepStrictEqual(yield* Fiber.join(published), { sent: [], failed: [] })
    assert.strictEqual((yield* a.cluster.view).peers.get("b")?.link, "up")
    assert.strictEqual((yield* b.cluster.view).peers.get("a")?.link, "up")
  }),
)

scenario("a subscriber that a publish skipped has a gap within its session", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a", { limits: { slowPeerTimeout: 500 } })
    const b = yield* node("b", { seeds: [a.address], limits: { laneWindowBytes: 4_096 } })
    yield* World.untilPeers(a, ["b"])
    const gate = yield* Deferred.make<void>()
    const { heard } = yield* reading(b, "orders", gate)
    const events = yield* World.collect(a)
    const orders = yield* a.cluster.lane("orders")
    const skipped: Array<number> = []
    for (let i = 0; i < 8; i++) {
      const { failed } = yield* orders.publish(`${i} `.padEnd(1_000, "."))
      if (failed.length > 0) skipped.push(i)
      assert.isTrue(failed.every(({ reason }) => reason._tag === "SlowPeer"))
    }
    assert.isAbove(skipped.length, 0)
    yield* Effect.sleep("100 millis")
    assert.isTrue(events.some((event) => event._tag === "SlowPeer" && event.peer.name === "b"))
    yield* Deferred.succeed(gate, undefined)
    yield* Effect.sleep("100 millis")
    yield* orders.publish("8")
    yield* Effect.sleep("100 millis")
    assert.deepStrictEqual(
      textsOf(heard).map(parseFloat),
      Array.from({ length: 9 }, (_, i) => i).filter((i) => !skipped.includes(i)),
    )
    const sessions = heard.flatMap((item) => (item._tag === "Message" ? [item.session] : []))
    assert.strictEqual(new Set(sessions).size, 1)
  }),
)

scenario(
  "a message that timed out after its link accepted it can be read later, a message that waited for credit cannot",
  (world) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const b = yield* world.node("b", { seeds: [a.address], limits: { inboxWindowBytes: 256 * 1024 } })
      yield* World.untilPeers(a, ["b"])
      const confirm = { confirm: true, timeout: "1 second" } as const
      assert.strictEqual((yield* Effect.flip(a.cluster.send("b", "accepted", confirm))).reason._tag, "ConfirmTimeout")
      yield* a.cluster.send("b", new Uint8Array(60_000))
      yield* a.cluster.send("b", new Uint8Array(60_000))
      yield* a.cluster.send("b", new Uint8Array(60_000))
      assert.strictEqual(
        (yield* Effect.flip(a.cluster.send("b", "x".repeat(200_000), confirm))).reason._tag,
        "ConfirmTimeout",
      )
      const sending = yield* Effect.forkChild(a.cluster.send("b", "last"))
      const heard = yield* World.messages(b, 5)
      yield* Fiber.join(sending)
      assert.deepStrictEqual([heard[0]?.text, heard[4]?.text], ["accepted", "last"])
    }),
)

scenario("a message is acknowledged with its batch when the reader pulls it, before it is processed", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    const sending = yield* Effect.forEach([1, 2, 3], () =>
      Effect.forkChild(a.cluster.send("b", "hello", { confirm: true })),
    )
    yield* Effect.sleep("100 millis")
    let handled = 0
    yield* Effect.forkScoped(
      Stream.runForEach(b.cluster.inbox, () =>
        Effect.andThen(
          Effect.sync(() => handled++),
          Effect.never,
        ),
      ),
    )
    yield* Effect.forEach(sending, Fiber.join)
    assert.strictEqual(handled, 1)
  }),
)

scenario("a dropping reader acknowledges the messages that it drops", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    const orders = yield* a.cluster.lane("orders")
    const { heard } = yield* reading(b, "orders", yield* Deferred.make<void>(), "dropping")
    for (let i = 0; i < 5; i++) yield* orders.send("b", `${i}`, { confirm: true })
    assert.deepStrictEqual(textsOf(heard), ["0"])
  }),
)

scenario("a message beyond the receiver's limits.messageBytes ends the link", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address], limits: { messageBytes: 100_000 } })
    yield* World.untilPeers(a, ["b"])
    const events = yield* World.collect(a)
    yield* Effect.forkScoped(Stream.runDrain(b.cluster.inbox))
    const { reason } = yield* Effect.flip(a.cluster.send("b", new Uint8Array(200_000), { confirm: true }))
    assert.strictEqual(reason._tag, "LinkLost")
    yield* World.eventually(() => events.some(({ _tag }) => _tag === "Reachable"))
    assert.deepStrictEqual(
      events.map(({ _tag }) => _tag),
      ["Snapshot", "Unreachable", "Reachable"],
    )
  }),
)

scenario(
  "a new generation of the reader gets no messages sent to the old generation, and all later messages to the name",
  (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const [old] = yield* a.cluster.peers
      assert.isDefined(old)
      if (old === undefined) return
      yield* a.cluster.send(old, "to the old one")
      yield* b.crash
      const c = yield* world.node("b", { seeds: [a.address] })
      yield* World.until(a, ({ peers }) => {
        const now = peers.get("b")
        return now !== undefined && now.generation > old.generation && now.link === "up"
      })
      const refused = yield* Effect.flip(a.cluster.send(old, "to the old one"))
      assert.strictEqual(refused.reason._tag, "Replaced")
      yield* a.cluster.send(old.name, "to the new one")
      const [message] = yield* World.messages(c, 1)
      assert.strictEqual(message?.text, "to the new one")
    }),
)

for (const size of [100, 1_000, 5_000]) {
  World.simulated(
    `a window carries between half of its bytes and all of them in each round trip (${size} bytes)`,
    ({ node }) =>
      Effect.gen(function* () {
        // Less than one write, because the simulated network accepts one write per latency.
        const inboxWindowBytes = 32_768
        const a = yield* node("a")
        const b = yield* node("b", { seeds: [a.address], limits: { inboxWindowBytes } })
        yield* World.untilPeers(a, ["b"])
        let cost = 0
        yield* Effect.forkScoped(
          Stream.runForEach(b.cluster.inbox, ({ payload }) => Effect.sync(() => (cost += payload.length + 64))),
        )
        yield* Effect.forkScoped(Effect.forever(a.cluster.send("b", new Uint8Array(size))))
        // The first window takes half a round trip. Twenty round trips follow.
        yield* Effect.sleep("2075 millis")
        const windows = cost / inboxWindowBytes
        assert.isAtMost(windows, 21)
        assert.isAtLeast(windows, 10)
      }),
    { latency: "50 millis" },
  )
}

scenario("a lane ends after its last message when the node leaves, and publishing then fails as NodeStopped", (world) =>
  Effect.gen(function* () {
    const { a, b, fiber, heard, orders } = yield* pair(world)
    yield* orders.publish("last words")
    yield* Effect.sleep("100 millis")
    yield* b.cluster.leave
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(textsOf(heard), ["last words", "end"])
    yield* a.cluster.leave
    assert.strictEqual((yield* Effect.flip(orders.publish("?"))).reason._tag, "NodeStopped")
    assert.strictEqual((yield* Effect.flip(orders.send("b", "?"))).reason._tag, "NodeStopped")
  }),
)

scenario("a node does not receive its own publishes", (world) =>
  Effect.gen(function* () {
    const { a, orders } = yield* pair(world)
    const { heard } = yield* reading(a, "orders")
    assert.deepStrictEqual(yield* orders.publish("hello"), { sent: ["b"], failed: [] })
    yield* Effect.sleep("100 millis")
    assert.deepStrictEqual(textsOf(heard), [])
  }),
)
