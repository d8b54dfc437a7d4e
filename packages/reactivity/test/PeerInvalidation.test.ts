import * as Cluster from "@coterie/core/Cluster"
import type * as Limits from "@coterie/core/Limits"
import * as PeerInvalidation from "@coterie/reactivity/PeerInvalidation"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as Support from "./support.ts"

const { settle, test } = Support

class Channel extends Context.Service<Channel, PeerInvalidation.PeerInvalidation>()("test/Channel") {}

/** Starts a node with a channel. `stale` has what became stale. */
const start = Effect.fnUntraced(function* (
  network: SimNetwork.Shape,
  name: string,
  {
    handle = () => Effect.void,
    limits,
    lines = [],
    ...options
  }: PeerInvalidation.Options & {
    readonly limits?: Limits.Options
    readonly handle?: (stale: PeerInvalidation.Stale) => Effect.Effect<void>
    readonly lines?: Array<string>
  } = {},
) {
  const stale: Array<PeerInvalidation.Stale> = []
  const layer = Layer.effect(Channel)(
    PeerInvalidation.make(
      "test",
      (item) => {
        stale.push(item)
        return handle(item)
      },
      options,
    ),
  )
  const node = yield* Support.start(network, name, layer, { lines, limits })
  const channel = yield* node.run(Channel)
  const texts = () =>
    stale.splice(0).map((item) => (item._tag === "All" ? `all: ${item.cause}` : [...item.keys].join()))
  return { ...node, channel, stale, texts }
})

/** Starts a node that sends messages to the lane of the channel by itself. */
const startBabbler = Effect.fnUntraced(function* (network: SimNetwork.Shape, name: string) {
  const node = yield* Support.start(network, name, Layer.empty)
  const lane = yield* node.cluster.lane("invalidation/test", { format: "json" })
  return { ...node, say: (text: string) => Effect.orDie(lane.send("b", text)) }
})

describe("PeerInvalidation", () => {
  test("sends the keys of one moment in one message, and those of the next interval in the next message", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      const b = yield* start(network, "b")
      yield* b.linked(1)
      yield* settle
      assert.deepStrictEqual([...new Set(b.texts())], ["all: Told"])
      yield* a.channel.invalidate(["x"])
      yield* a.channel.invalidate(new Set(["y", "x"]))
      yield* Effect.sleep("10 millis")
      for (let i = 0; i < 10; i++) {
        a.channel.invalidateUnsafe([`z${i}`])
        yield* Effect.sleep("1 millis")
      }
      yield* settle
      assert.deepStrictEqual(b.texts(), ["x,y", "z0,z1,z2,z3,z4,z5,z6,z7,z8,z9"])
      assert.isFalse(a.texts().includes("x,y"), "a node does not hear itself")
      yield* a.channel.invalidateAll
      yield* settle
      assert.deepStrictEqual(b.texts(), ["all: Told"])
    }))

  test("a node that invalidates a million keys a second costs its peers 20 messages a second and one run of everything", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      const b = yield* start(network, "b")
      const c = yield* start(network, "c")
      yield* b.linked(2)
      yield* settle
      b.texts()
      const before = yield* network.bytes("a", "b")
      for (let turn = 0; turn < 100; turn++) {
        a.channel.invalidateUnsafe(Array.from({ length: 10_000 }, (_, i) => `key ${turn} ${i}`))
        if (turn === 50) c.channel.invalidateUnsafe(["c"])
        yield* Effect.sleep("10 millis")
      }
      yield* settle
      const texts = b.texts()
      assert.include(texts, "c")
      // One run at once, and one for what came within the second.
      assert.isAtMost(texts.filter((text) => text === "all: Told").length, 3)
      assert.isAtMost(texts.length, 4)
      assert.isAtMost((yield* network.bytes("a", "b")) - before, 20_000)
    }))

  test("a peer that handles nothing delays no other peer, and is told everything once when it goes on", (network) =>
    Effect.gen(function* () {
      const latch = yield* Latch.make(true)
      const a = yield* start(network, "a")
      const b = yield* start(network, "b", { handle: () => latch.await })
      const c = yield* start(network, "c")
      yield* b.linked(2)
      yield* settle
      b.texts()
      c.texts()
      yield* latch.close
      // More than the window of the lane, 256 KiB.
      for (let i = 0; i < 200; i++) {
        a.channel.invalidateUnsafe(Array.from({ length: 100 }, (_, j) => `${i} ${j}`.padEnd(100)))
        yield* Effect.sleep("60 millis")
      }
      assert.strictEqual(c.texts().length, 200)
      const waiting = b.texts().length
      assert.isAtMost(waiting, 2)
      yield* latch.open
      yield* settle
      const rest = b.texts()
      assert.isBelow(rest.length, 60)
      assert.strictEqual(rest.at(-1), "all: Told")
    }))

  test("a peer that babbles is not read beyond a bound, and delays no other peer", (network) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const b = yield* start(network, "b", { lines })
      const c = yield* start(network, "c")
      const babbler = yield* startBabbler(network, "a")
      yield* babbler.linked(2)
      yield* settle
      b.texts()
      const message = JSON.stringify({ keys: Array.from({ length: 1_000 }, (_, i) => `key ${i}`) })
      const babbling = yield* Effect.forkScoped(Effect.forever(babbler.say(message)))
      yield* Effect.sleep("1 second")
      c.channel.invalidateUnsafe(["c"])
      // The window of the babbler is in front of the key of c, and no more.
      yield* Effect.sleep("100 millis")
      const texts = b.texts()
      assert.isTrue(texts.some((text) => text.split(",").includes("c")))
      // Batches of up to 40 messages in each of the two seconds, and everything twice.
      assert.isAtMost(texts.filter((text) => text.includes("key 1")).length, 80)
      assert.isAtMost(texts.filter((text) => text === "all: Unread").length, 2)
      assert.include(texts, "all: Unread")
      assert.strictEqual(lines.filter((line) => line.includes(`"a" sent a message on "invalidation/test"`)).length, 1)
      assert.isDefined(babbling)
    }))

  test("a message that cannot be decoded is a dead letter, and invalidates everything", (network) =>
    Effect.gen(function* () {
      const b = yield* start(network, "b")
      const other = yield* startBabbler(network, "a")
      yield* other.linked(1)
      yield* settle
      b.texts()
      const lane = yield* b.cluster.lane("invalidation/test", { format: "json" })
      const letters: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(lane.deadLetters, ({ reason }) => Effect.sync(() => letters.push(reason))),
        {
          startImmediately: true,
        },
      )
      for (const text of ["{", `{"keys":[1]}`, `{"keys":["${"x".repeat(500_000)}"]}`]) {
        yield* other.say(text)
        yield* settle
        assert.deepStrictEqual(b.texts(), ["all: Unread"])
      }
      assert.strictEqual(letters.length, 3)
      assert.match(letters[2] ?? "", /a message of 500013 bytes, more than/)
      // Fields of later versions do not matter.
      yield* other.say(`{"keys":["x"],"later":1}`)
      yield* settle
      assert.deepStrictEqual(b.texts(), ["x"])
    }))

  test("a handler that fails is logged, and gets the next keys", (network) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const handle = (stale: PeerInvalidation.Stale) =>
        stale._tag === "Keys" && stale.keys.has("bad") ? Effect.die(new Error("a bug")) : Effect.void
      const a = yield* start(network, "a")
      const b = yield* start(network, "b", { handle, lines })
      yield* b.linked(1)
      yield* settle
      b.texts()
      for (const key of ["bad", "good"]) {
        a.channel.invalidateUnsafe([key])
        yield* settle
      }
      assert.deepStrictEqual(b.texts(), ["bad", "good"])
      assert.strictEqual(lines.filter((line) => line.includes(`the handler of the channel "test" failed`)).length, 1)
    }))

  test("has a budget of lines about a handler that fails for the keys of a peer", (network) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const handle = (stale: PeerInvalidation.Stale) => (stale._tag === "Keys" ? Effect.die("a bug") : Effect.void)
      const a = yield* start(network, "a")
      const b = yield* start(network, "b", { handle, lines })
      yield* b.linked(1)
      yield* settle
      b.texts()
      for (let i = 0; i < 15; i++) {
        a.channel.invalidateUnsafe([`${i}`])
        yield* settle
      }
      assert.strictEqual(b.texts().length, 15)
      assert.strictEqual(lines.filter((line) => line.includes(`the handler of the channel "test" failed`)).length, 10)
    }))

  test("calls its handler for one thing after the other", (network) =>
    Effect.gen(function* () {
      let running = 0
      let most = 0
      const handle = () =>
        Effect.suspend(() => {
          most = Math.max(most, ++running)
          return Effect.andThen(
            Effect.sleep("200 millis"),
            Effect.sync(() => void running--),
          )
        })
      const a = yield* start(network, "a")
      const b = yield* start(network, "b", { handle })
      yield* b.linked(1)
      yield* settle
      b.texts()
      a.channel.invalidateUnsafe(["x"])
      yield* Effect.sleep("100 millis")
      yield* a.channel.invalidateAll
      yield* Effect.sleep("100 millis")
      a.channel.invalidateUnsafe(["y"])
      yield* settle
      assert.deepStrictEqual(b.texts(), ["x", "all: Told", "y"])
      assert.strictEqual(most, 1)
    }))

  test("keys that do not fit into a message of the node become all keys", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a", { limits: { messageBytes: 1_024 } })
      const b = yield* start(network, "b")
      yield* b.linked(1)
      yield* settle
      b.texts()
      a.channel.invalidateUnsafe(Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(100)))
      yield* settle
      assert.deepStrictEqual(b.texts(), ["all: Told"])
    }))

  test("the invalidations that peers cause are counted", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a")
      const b = yield* start(network, "b")
      yield* b.linked(1)
      yield* settle
      const counts = () =>
        Object.fromEntries(
          Metric.snapshotUnsafe(b.context).flatMap(({ attributes, id, state }) =>
            id === "coterie_invalidations_total" && attributes?.["node"] === "b" && "count" in state
              ? [[`${attributes["channel"]} ${attributes["kind"]}`, Number(state.count)]]
              : [],
          ),
        )
      const before = counts()
      assert.deepStrictEqual(Object.keys(before).sort(), ["test Gone", "test Told", "test Unread", "test keys"])
      yield* a.channel.invalidate(["x", "y"])
      yield* settle
      yield* network.crash("a", { silent: true })
      yield* b.linked(0)
      yield* Effect.sleep("1 minute")
      const after = counts()
      assert.deepStrictEqual(after, { ...before, "test keys": 1, "test Gone": 1 })
    }))

  test("a member that takes no part and fails invalidates nothing", (network) =>
    Effect.gen(function* () {
      const b = yield* start(network, "b")
      const c = yield* start(network, "c")
      const other = yield* Support.start(network, "a", Layer.empty)
      yield* other.linked(2)
      yield* Effect.sleep("10 seconds")
      for (const { texts } of [b, c]) texts()
      yield* network.crash("a", { silent: true })
      yield* Effect.sleep("1 minute")
      assert.strictEqual((yield* b.cluster.view).peers.size, 1)
      assert.deepStrictEqual([b.texts(), c.texts()], [[], []])
    }))

  test("options that are out of bounds fail with their name", (network) =>
    Effect.gen(function* () {
      const node = yield* Support.start(network, "a", Layer.empty)
      const make = (name: string, options: PeerInvalidation.Options = {}) =>
        PeerInvalidation.make(name, () => Effect.void, options).pipe(
          Effect.scoped,
          Effect.provideService(Cluster.Cluster, node.cluster),
          Effect.flip,
          Effect.map(({ option }) => option),
        )
      assert.strictEqual(yield* make("x".repeat(200)), "name")
      yield* PeerInvalidation.make("once", () => Effect.void).pipe(Effect.provideService(Cluster.Cluster, node.cluster))
      assert.strictEqual(yield* make("once"), "name")
      assert.strictEqual(yield* make("x", { maxKeys: 0 }), "maxKeys")
      assert.strictEqual(yield* make("x", { maxCharacters: 1.5 }), "maxCharacters")
      assert.strictEqual(yield* make("x", { messageInterval: 0 }), "messageInterval")
      assert.strictEqual(yield* make("x", { allInterval: "Infinity" }), "allInterval")
    }))
})
