/** Messages to the inbox. A reader that is slow or pauses only delays its senders. */
import * as Limits from "@coterie/core/Limits"
import * as FailureDetector from "@coterie/core/FailureDetector"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

const scenario = World.simulated

const lan = FailureDetector.layerLan

scenario("a node with a reader that pauses for 30 seconds stays alive in every view and loses nothing", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a", {}, lan)
    const b = yield* node("b", { seeds: [a.address] }, lan)
    const c = yield* node("c", { seeds: [a.address] }, lan)
    yield* World.untilPeers(a, ["b", "c"])
    yield* World.untilPeers(b, ["a", "c"])
    yield* World.untilPeers(c, ["a", "b"])
    const seen = [yield* World.collect(a), yield* World.collect(c)]
    const count = 400
    const size = 4_000
    let accepted = 0
    const sender = yield* Effect.forkChild(
      Effect.gen(function* () {
        for (let i = 0; i < count; i++) {
          const payload = new Uint8Array(size).fill(i % 256)
          new DataView(payload.buffer).setUint32(0, i)
          yield* a.cluster.send("b", payload)
          accepted++
        }
      }),
    )
    yield* Effect.sleep("30 seconds")
    // 1.6 MB exceed the window, so the sender waits.
    assert.isBelow(accepted * size, 2 * Limits.defaults.inboxWindowBytes)
    assert.isAbove(accepted, 0)
    for (const each of [a, c]) assert.strictEqual((yield* each.cluster.view).peers.get("b")?.status, "alive")
    assert.deepStrictEqual(
      seen.map((events) => events.map(({ _tag }) => _tag)),
      [["Snapshot", "SlowPeer"], ["Snapshot"]],
    )
    // Messages to other peers do not wait.
    yield* a.cluster.send("c", "meanwhile")
    assert.strictEqual((yield* World.messages(c, 1))[0]?.text, "meanwhile")

    const messages = yield* World.messages(b, count)
    yield* Fiber.join(sender)
    messages.forEach(({ payload }, i) => {
      assert.strictEqual(payload.length, size)
      assert.strictEqual(new DataView(payload.buffer, payload.byteOffset).getUint32(0), i)
    })
  }),
)

scenario("a message larger than the window arrives complete and in order", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address] })
    yield* World.untilPeers(a, ["b"])
    const large = new Uint8Array(3_000_000)
    for (let i = 0; i < large.length; i++) large[i] = (i * 7 + (i >> 8)) & 0xff
    const sender = yield* Effect.forkChild(
      Effect.gen(function* () {
        yield* a.cluster.send("b", "before")
        yield* a.cluster.send("b", large)
        yield* a.cluster.send("b", "after")
      }),
    )
    const [before, middle, after] = yield* World.messages(b, 3)
    yield* Fiber.join(sender)
    assert.strictEqual(before?.text, "before")
    assert.deepStrictEqual(middle?.payload, large)
    assert.strictEqual(after?.text, "after")
  }),
)

scenario("an interrupted send of a large message leaves no part of it behind", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address] })
    yield* World.untilPeers(a, ["b"])
    // The inbox is full, so the large message waits for credit after its first fragments.
    const filler = new Uint8Array(60_000)
    for (let i = 0; i < 3; i++) yield* a.cluster.send("b", filler)
    const sender = yield* Effect.forkChild(a.cluster.send("b", new Uint8Array(2_000_000)))
    yield* Effect.sleep("1 seconds")
    yield* Fiber.interrupt(sender)
    const next = yield* Effect.forkChild(a.cluster.send("b", "the next one"))
    const messages = yield* World.messages(b, 4)
    yield* Fiber.join(next)
    assert.deepStrictEqual(
      messages.map(({ payload, text }) => (payload.length < 100 ? text : payload.length)),
      [60_000, 60_000, 60_000, "the next one"],
    )
    yield* World.untilPeers(a, ["b"])
  }),
)

scenario("sends that are interrupted at any moment block no later send", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address], limits: { inboxWindowBytes: 4_096 } })
    yield* World.untilPeers(a, ["b"])
    const received: Array<number> = []
    yield* Effect.forkScoped(
      Stream.runForEach(b.cluster.inbox, ({ payload }) => Effect.sync(() => received.push(payload.length))),
    )
    for (let i = 0; i < 300; i++) {
      const size = yield* Random.nextIntBetween(1_000, 20_000)
      const steps = yield* Random.nextIntBetween(0, 40)
      const senders = yield* Effect.forEach([size, 10], (bytes) =>
        Effect.forkChild(
          Effect.provideService(a.cluster.send("b", new Uint8Array(bytes)), Scheduler.MaxOpsBeforeYield, 3),
          { startImmediately: true },
        ),
      )
      for (let step = 0; step < steps; step++) yield* Effect.yieldNow
      yield* Effect.forEach(senders, Fiber.interrupt)
    }
    yield* a.cluster.send("b", new Uint8Array(30_000))
    yield* a.cluster.send("b", new Uint8Array(7))
    yield* Effect.sleep("1 seconds")
    assert.deepStrictEqual(received.slice(-2), [30_000, 7])
    yield* World.untilPeers(a, ["b"])
  }),
)

scenario("empty messages are delivered and cost credit", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address] })
    yield* World.untilPeers(a, ["b"])
    let accepted = 0
    yield* Effect.forkScoped(
      Effect.gen(function* () {
        while (true) {
          yield* a.cluster.send("b", "")
          accepted++
        }
      }),
    )
    yield* Effect.sleep("1 seconds")
    assert.strictEqual(accepted, Math.floor(Limits.defaults.inboxWindowBytes / 64))
    const messages = yield* World.messages(b, accepted)
    assert.isTrue(messages.every(({ payload }) => payload.length === 0))
  }),
)

scenario("sendAll delivers its messages in order and waits for credit", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address], limits: { inboxWindowBytes: 4_096 } })
    yield* World.untilPeers(a, ["b"])
    const sender = yield* Effect.forkChild(
      a.cluster.sendAll(
        "b",
        Array.from({ length: 500 }, (_, i) => (i === 250 ? `${i}`.padEnd(20_000) : `${i}`)),
      ),
    )
    yield* Effect.sleep("10 seconds")
    assert.isUndefined(sender.pollUnsafe())
    const messages = yield* World.messages(b, 500)
    assert.deepStrictEqual(
      messages.map(({ text }) => Number(text)),
      Array.from({ length: 500 }, (_, i) => i),
    )
    yield* Fiber.join(sender)
  }),
)

scenario(
  "sendAll sends the messages that it was called with, whatever happens to the list while it waits",
  ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const b = yield* node("b", { seeds: [a.address], limits: { inboxWindowBytes: 4_096 } })
      yield* World.untilPeers(a, ["b"])
      const list = Array.from({ length: 300 }, (_, i) => new Uint8Array(20).fill(i % 256))
      const sender = yield* Effect.forkChild(a.cluster.sendAll("b", list))
      yield* Effect.sleep("1 second")
      assert.isUndefined(sender.pollUnsafe())
      list.length = 0
      const messages = yield* World.messages(b, 300)
      assert.deepStrictEqual(
        messages.map(({ payload }) => payload[19]),
        Array.from({ length: 300 }, (_, i) => i % 256),
      )
      yield* Fiber.join(sender)
    }),
)

scenario("a sendAll that loses its link reports how many messages were accepted", ({ node }, network) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address], limits: { inboxWindowBytes: 4_096 } })
    yield* World.untilPeers(a, ["b"])
    const sender = yield* Effect.forkChild(
      Effect.flip(
        a.cluster.sendAll(
          "b",
          Array.from({ length: 500 }, () => new Uint8Array(448)),
        ),
      ),
    )
    yield* Effect.sleep("1 second")
    yield* network.cut("a", "b")
    const error = yield* Fiber.join(sender)
    assert.deepStrictEqual([error.reason._tag, error.maybeDelivered, error.accepted], ["LinkLost", false, 8])
    yield* World.untilPeers(a, ["b"])
    const huge = yield* Effect.flip(a.cluster.sendAll("b", ["hello", new Uint8Array(Limits.defaults.messageBytes + 1)]))
    assert.strictEqual(huge.reason._tag, "TooLarge")
    const messages = yield* World.messages(b, 8)
    assert.isTrue(messages.every(({ payload }) => payload.length === 448))
  }),
)

scenario("a broadcast skips a peer that does not read, and reports it as slow", ({ node }) =>
  Effect.gen(function* () {
    const a = yield* node("a", { limits: { slowPeerTimeout: 500 } })
    const b = yield* node("b", { seeds: [a.address], limits: { inboxWindowBytes: 10_000 } })
    const c = yield* node("c", { seeds: [a.address], limits: { inboxWindowBytes: 10_000 } })
    yield* World.untilPeers(a, ["b", "c"])
    const events = yield* World.collect(a)
    yield* Effect.forkScoped(Stream.runDrain(c.cluster.inbox))
    const payload = new Uint8Array(4_000)
    const reports = []
    for (let i = 0; i < 4; i++) reports.push(yield* a.cluster.broadcast(payload))
    assert.deepStrictEqual([...(reports[0]?.sent ?? [])].sort(), ["b", "c"])
    const last = reports[3]
    assert.deepStrictEqual(last?.sent, ["c"])
    assert.deepStrictEqual(
      last?.failed.map(({ peer, reason }) => ({ peer, reason: reason._tag })),
      [{ peer: "b", reason: "SlowPeer" }],
    )
    yield* Effect.sleep("100 millis")
    assert.isTrue(events.some((event) => event._tag === "SlowPeer" && event.peer.name === "b"))
    assert.strictEqual((yield* a.cluster.view).peers.get("b")?.status, "alive")
    assert.strictEqual((yield* b.cluster.view).peers.get("a")?.status, "alive")
  }),
)

scenario(
  "a peer that leaves while a broadcast waits for it is reported as slow only to the sender",
  ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a", { limits: { slowPeerTimeout: 2_000 } }, lan)
      const peer = yield* RawPeer.connect(network, a)
      yield* peer.completeHandshake({ window: 1_024 })
      yield* peer.keepAlive
      yield* Effect.forkScoped(peer.receiveAll)
      yield* World.untilPeers(a, ["m"])
      const events = yield* World.collect(a)
      // The peer returns no credit, so the last broadcast waits for it. It remains connected for a while after its
      // Leave.
      const waiting = yield* Effect.forkChild(
        Effect.repeat(
          Effect.suspend(() => a.cluster.broadcast("x".repeat(400))),
          { until: ({ failed }) => failed.length > 0 },
        ),
      )
      yield* Effect.sleep("500 millis")
      yield* peer.send({ _tag: "Leave", generation: RawPeer.generation })
      const { failed } = yield* Fiber.join(waiting)
      assert.deepStrictEqual(
        failed.map(({ reason }) => reason._tag),
        ["SlowPeer"],
      )
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Snapshot", "Left"],
      )
    }),
)

scenario("messages of one sender keep their order while connections are lost and replaced", ({ node }, network) =>
  Effect.gen(function* () {
    const a = yield* node("a")
    const b = yield* node("b", { seeds: [a.address] })
    yield* World.untilPeers(a, ["b"])
    yield* World.untilPeers(b, ["a"])
    const received: Array<number> = []
    yield* Effect.forkScoped(
      Stream.runForEach(b.cluster.inbox, ({ text }) => Effect.sync(() => received.push(Number(text)))),
    )
    let next = 0
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.gen(function* () {
          // A number counts only once it is accepted, so accepted numbers have no gap.
          const accepted = yield* Effect.isSuccess(a.cluster.send("b", String(next)))
          if (accepted) next++
          yield* Effect.sleep("1 millis")
        }),
      ),
    )
    for (let i = 0; i < 10; i++) {
      yield* Effect.sleep("300 millis")
      yield* network.cut("a", "b")
    }
    yield* Effect.sleep("2 seconds")
    assert.isAbove(received.length, 1_000)
    for (let i = 1; i < received.length; i++) {
      assert.isAbove(received[i] ?? 0, received[i - 1] ?? 0, "in order, and at most once")
    }
    assert.strictEqual(yield* network.connections("a", "b"), 1)
  }),
)

scenario("receive takes one message, loses none to a timeout, and fails as NodeStopped after the last", ({ node }) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair({ node })
    const sender = yield* Effect.forkChild(
      Effect.gen(function* () {
        for (let i = 0; i < 200; i++) {
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 4))
          yield* a.cluster.send("b", String(i))
        }
      }),
    )
    const received: Array<string> = []
    while (received.length < 198) {
      const message = yield* Effect.timeoutOption(b.cluster.receive, yield* Random.nextIntBetween(0, 5))
      if (message._tag === "Some") received.push(message.value.text)
    }
    yield* Fiber.join(sender)
    yield* Effect.sleep("1 second")
    received.push((yield* b.cluster.receive).text, (yield* b.cluster.receive).text)
    assert.deepStrictEqual(
      received,
      Array.from({ length: 200 }, (_, i) => String(i)),
    )
    const waiting = yield* Effect.forkChild(Effect.flip(b.cluster.receive), { startImmediately: true })
    yield* b.cluster.leave
    assert.strictEqual((yield* Fiber.join(waiting))._tag, "NodeStopped")
  }),
)
