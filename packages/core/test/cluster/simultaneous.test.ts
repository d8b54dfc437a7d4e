/**
 * Two connections of one pair of peers. One of them stays as the link. Accepted messages arrive in order, without a
 * gap, in one session.
 */
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { Frame } from "../../src/protocol/Frame.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

const scenario = World.simulated

const rounds = 20

it.effect(
  `${rounds} random timings of two simultaneous dials lose no accepted message, end no session, and leave one link`,
  () =>
    VirtualTime.flow(
      Effect.gen(function* () {
        let doubled = 0
        for (let round = 0; round < rounds; round++) {
          const max = yield* Random.nextIntBetween(1, 60)
          yield* Effect.scoped(
            Effect.gen(function* () {
              const network = yield* SimNetwork.make({
                latency: { min: "1 millis", max: `${max} millis` },
                split: true,
              })
              const { node } = World.sim(network)
              const a = yield* node("a", { seeds: ["b"] })
              const b = yield* node("b", { seeds: ["a"] })

              let ended = 0
              for (const each of [a, b]) {
                const lane = yield* each.cluster.lane("any")
                yield* Effect.forkScoped(
                  Stream.runForEach(lane.read(), ({ _tag }) =>
                    Effect.sync(() => {
                      if (_tag === "SessionEnded") ended++
                    }),
                  ),
                )
              }

              /** Sends one number per millisecond, and returns how many sends were accepted. */
              const talk = Effect.fnUntraced(function* (from: World.Node, to: string) {
                let next = 0
                for (let i = 0; i < 200; i++) {
                  if (yield* Effect.isSuccess(from.cluster.send(to, String(next)))) next++
                  yield* Effect.sleep("1 millis")
                }
                return next
              })
              const count = (yield* Effect.all(
                [
                  World.until(a, ({ peers }) => peers.get("b")?.link === "up"),
                  World.until(b, ({ peers }) => peers.get("a")?.link === "up"),
                ].map((up, i) => Effect.andThen(up, i === 0 ? talk(a, "b") : talk(b, "a"))),
                { concurrency: "unbounded" },
              )) satisfies Array<number>
              if (a.dialed.length > 0 && b.dialed.length > 0) doubled++
              for (const [reader, sent] of [
                [b, count[0] ?? 0],
                [a, count[1] ?? 0],
              ] as const) {
                const fiber = yield* Effect.forkChild(Stream.runCollect(Stream.take(reader.cluster.inbox, sent)))
                const received = (yield* Fiber.join(fiber)).map(({ text }) => Number(text))
                assert.deepStrictEqual(
                  received,
                  Array.from({ length: sent }, (_, i) => i),
                )
                assert.isAbove(sent, 150)
              }
              yield* Effect.sleep("3 seconds")
              assert.strictEqual(yield* network.connections("a", "b"), 1)
              assert.strictEqual(ended, 0)
              for (const each of [a, b]) assert.isAtMost(each.dialed.length, 2)
            }),
          )
        }
        assert.isAbove(doubled, rounds / 2, "both dialed")
      }).pipe(Random.withSeed("simultaneous")),
    ),
)

scenario(
  "two simultaneous dials over a round-trip time of 1.5 seconds lose no accepted message",
  ({ node }) =>
    Effect.gen(function* () {
      const b = yield* node("b", { seeds: ["a"] }, FailureDetector.layerWan)
      // So the connection that `b` dials is in use when the connection that replaces it is established.
      yield* Effect.sleep("600 millis")
      const a = yield* node("a", { seeds: ["b"] }, FailureDetector.layerWan)
      const talk = Effect.fnUntraced(function* (from: World.Node, to: string) {
        yield* World.until(from, ({ peers }) => peers.get(to)?.link === "up")
        let next = 0
        for (let i = 0; i < 500; i++) {
          if (yield* Effect.isSuccess(from.cluster.send(to, String(next)))) next++
          yield* Effect.sleep("10 millis")
        }
        return next
      })
      const [toB, toA] = yield* Effect.all([talk(a, "b"), talk(b, "a")], { concurrency: "unbounded" })
      assert.isAbove(a.dialed.length * b.dialed.length, 0, "both dialed")
      for (const [reader, sent] of [
        [b, toB],
        [a, toA],
      ] as const) {
        const received: Array<number> = []
        yield* Effect.timeoutOption(
          Stream.runForEach(reader.cluster.inbox, ({ text }) => Effect.sync(() => received.push(Number(text)))),
          "10 seconds",
        )
        assert.deepStrictEqual(
          received,
          Array.from({ length: sent }, (_, i) => i),
        )
      }
    }),
  { latency: "750 millis" },
)

describe("of two connections", () => {
  scenario("that one peer dialed the connection with the greater epoch stays", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const open = Effect.fnUntraced(function* (linkEpoch: number) {
        const peer = yield* RawPeer.connect(network, a)
        yield* peer.completeHandshake({ linkEpoch })
        yield* peer.keepAlive
        return peer
      })
      const first = yield* open(5)
      const second = yield* open(6)
      assert.deepStrictEqual(RawPeer.byeCodesOf(yield* first.receiveAll), ["duplicate"])
      const third = yield* open(3)
      assert.deepStrictEqual(RawPeer.byeCodesOf(yield* third.receiveAll), ["duplicate"])
      yield* a.cluster.send("m", "to the second")
      assert.strictEqual((yield* second.receiveFrame("Data"))._tag, "Data")
    }),
  )

  scenario("the connection that was dialed later stays, whichever peer dialed it", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const address = yield* RawPeer.listen(network, "m", (peer) =>
        Effect.gen(function* () {
          yield* peer.answerHandshake()
          while (true) yield* Effect.andThen(peer.send(RawPeer.heartbeat), Effect.sleep("100 millis"))
        }),
      )
      const first = yield* RawPeer.connect(network, a)
      yield* first.completeHandshake()
      yield* first.keepAlive
      yield* World.untilPeers(a, ["m"])
      yield* a.cluster.join(address)
      assert.deepStrictEqual(RawPeer.byeCodesOf(yield* first.receiveAll), ["duplicate"])
      const late = yield* RawPeer.connect(network, a)
      yield* late.completeHandshake({ linkEpoch: 0 })
      assert.deepStrictEqual(RawPeer.byeCodesOf(yield* late.receiveAll), ["duplicate"])
    }),
  )
})

describe("while a connection replaces another", () => {
  const duplicate = { _tag: "Bye", code: "duplicate", message: "" } as const

  /**
   * Gives the node a link to `m` and makes it dial `m` again. The handshake of the second connection waits before its
   * Ready until `finish` is done; then the peer runs `onLink`.
   */
  const replace = Effect.fnUntraced(function* (
    network: Parameters<typeof RawPeer.connect>[0],
    a: World.Node,
    options: {
      readonly finish: Effect.Effect<void>
      readonly onLink?: (peer: RawPeer.RawPeer) => ReturnType<RawPeer.RawPeer["send"]>
      readonly firstFrames?: ReadonlyArray<Frame>
    },
  ) {
    const { finish, firstFrames = [], onLink = () => Effect.void } = options
    const reached = Deferred.makeUnsafe<void>()
    const beforeReady = Effect.andThen(Deferred.succeed(reached, undefined), finish)
    const address = yield* RawPeer.listen(network, "m", (peer) =>
      Effect.andThen(peer.answerHandshake({ beforeReady }), () => onLink(peer)),
    )
    const first = yield* RawPeer.connect(network, a)
    yield* first.completeHandshake()
    yield* first.send(...firstFrames)
    yield* first.keepAlive
    yield* World.untilPeers(a, ["m"])
    yield* Effect.forkScoped(a.cluster.join(address))
    yield* Deferred.await(reached)
    return first
  })

  scenario("the member has no link if the new connection never comes up", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const go = Deferred.makeUnsafe<void>()
      const first = yield* replace(network, a, { finish: Effect.andThen(Deferred.await(go), Effect.interrupt) })
      yield* first.send(duplicate)
      yield* Effect.sleep("10 millis")
      yield* Deferred.succeed(go, undefined)
      yield* World.until(a, ({ peers }) => peers.get("m")?.link !== "up")
    }),
  )

  scenario("a send waits for the new connection", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const go = Deferred.makeUnsafe<void>()
      const heard = Deferred.makeUnsafe<string>()
      const first = yield* replace(network, a, {
        finish: Deferred.await(go),
        onLink: (peer) => Effect.flatMap(peer.receiveText, (text) => Deferred.succeed(heard, text)),
      })
      yield* first.send(duplicate)
      yield* Effect.sleep("10 millis")
      const sending = yield* Effect.forkChild(a.cluster.send("m", "hello"))
      yield* Effect.sleep("10 millis")
      assert.isUndefined(sending.pollUnsafe())
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(sending)
      assert.strictEqual(yield* Deferred.await(heard), "hello")
    }),
  )

  scenario("a publish waits for the new connection", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const go = Deferred.makeUnsafe<void>()
      const heard = Deferred.makeUnsafe<string>()
      const reads = { _tag: "LaneOpen", lanes: [{ lane: 1, name: "orders", window: 10_000 }], last: true } as const
      const first = yield* replace(network, a, {
        finish: Deferred.await(go),
        onLink: (peer) =>
          Effect.gen(function* () {
            yield* peer.send(reads)
            yield* Deferred.succeed(heard, yield* peer.receiveText)
          }),
        firstFrames: [reads],
      })
      yield* first.send(duplicate)
      yield* Effect.sleep("10 millis")
      const orders = yield* a.cluster.lane("orders")
      const publishing = yield* Effect.forkChild(orders.publish("hello"))
      yield* Effect.sleep("10 millis")
      yield* Deferred.succeed(go, undefined)
      assert.deepStrictEqual(yield* Fiber.join(publishing), { sent: ["m"], failed: [] })
      assert.strictEqual(yield* Deferred.await(heard), "hello")
    }),
  )

  scenario("a send that waits for credit goes over the new connection once it is up", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const open = Effect.fnUntraced(function* (linkEpoch: number) {
        const peer = yield* RawPeer.connect(network, a)
        yield* peer.completeHandshake({ linkEpoch, window: 1_024 })
        yield* peer.keepAlive
        return peer
      })
      const first = yield* open(1)
      yield* World.untilPeers(a, ["m"])
      for (let i = 0; i < 3; i++) yield* a.cluster.send("m", "x".repeat(250))
      const waiting = yield* Effect.forkChild(a.cluster.send("m", "later".repeat(50)))
      yield* Effect.sleep("50 millis")
      assert.isUndefined(waiting.pollUnsafe())
      const second = yield* open(2)
      yield* Effect.forkScoped(first.receiveAll)
      yield* Fiber.join(waiting)
      assert.strictEqual(yield* second.receiveText, "later".repeat(50))
    }),
  )

  scenario("an acknowledged send that the old connection carried fails as LinkLost", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const open = Effect.fnUntraced(function* (linkEpoch: number) {
        const peer = yield* RawPeer.connect(network, a)
        yield* peer.completeHandshake({ linkEpoch })
        yield* peer.keepAlive
        return peer
      })
      const first = yield* open(1)
      yield* World.untilPeers(a, ["m"])
      const waiting = yield* Effect.forkChild(Effect.flip(a.cluster.send("m", "hello", { confirm: true })))
      assert.strictEqual(yield* first.receiveText, "hello")
      const second = yield* open(2)
      yield* first.receiveAll
      yield* first.send(duplicate)
      assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "LinkLost")
      yield* a.cluster.send("m", "later")
      assert.strictEqual(yield* second.receiveText, "later")
    }),
  )

  scenario("a disconnect ends the new connection too", ({ node }, network) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const go = Deferred.makeUnsafe<void>()
      const heard: Array<Frame> = []
      yield* replace(network, a, {
        finish: Deferred.await(go),
        onLink: (peer) => Effect.map(peer.receiveAll, (frames) => void heard.push(...frames)),
      })
      yield* a.cluster.disconnect("m")
      yield* Deferred.succeed(go, undefined)
      yield* Effect.sleep("200 millis")
      assert.deepStrictEqual(yield* a.cluster.peers, [])
      assert.deepStrictEqual(heard.map(RawPeer.byeCodeOf), ["parted"])
    }),
  )
})
