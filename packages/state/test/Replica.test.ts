/** One map of a node, and a peer that reads and sends the messages of the map itself. */
import { Cluster } from "@coterie/core/Cluster"
import type { DeadLetter } from "@coterie/core/Lane"
import type { Described } from "@coterie/core/NodeComponents"
import * as OwnedMap from "@coterie/state/OwnedMap"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as World from "../../core/test/cluster/world.ts"
import { decode, encode, format, type Part, type Want } from "../src/internal/replication/messages.ts"
import { unpack } from "../src/internal/replication/packed.ts"

const openMap = (node: World.Node, limits: Partial<OwnedMap.Limits> = {}) =>
  Effect.provideService(
    OwnedMap.make("files", { key: Schema.String, value: Schema.String, limits }),
    Cluster,
    node.cluster,
  )

const want = (fields: Partial<Want> = {}): Want => ({ _tag: "Want", nonce: 1, epoch: 0, version: 0, ...fields })

/** A peer that speaks the protocol of the map by hand. */
class RawPeer {
  readonly parts: Array<Part> = []
  /** Closed while the peer takes no messages. */
  readonly reads = Latch.makeUnsafe(true)
  readonly send: (bytes: Uint8Array) => Effect.Effect<void, unknown>
  readonly open: Effect.Effect<void, unknown, Scope.Scope>

  constructor(lane: Effect.Success<ReturnType<World.Node["cluster"]["lane"]>>) {
    this.send = (bytes) => lane.send("a", bytes)
    this.open = Effect.flatMap(lane.open(), (items) =>
      Effect.asVoid(
        Effect.forkScoped(
          Stream.runForEach(items, (item) => {
            const message = item._tag === "Message" ? decode(item.payload) : undefined
            if (message !== undefined && Result.isSuccess(message) && message.success._tag === "Part")
              this.parts.push(message.success)
            return this.reads.await
          }),
        ),
      ),
    )
  }

  /** Waits up to 3 s for a part. The next retry or request of the map that could send it by chance comes later. */
  readonly until = (expected: (part: Part) => boolean): Effect.Effect<void> =>
    Effect.gen({ self: this }, function* () {
      for (let i = 0; !this.parts.some(expected); i++) {
        assert.isBelow(i, 600, "the part has not arrived")
        yield* Effect.sleep("5 millis")
      }
    })
}

/** Node `a` with a map, and node `b` with a peer that has not opened the lane. */
const start = Effect.fnUntraced(function* (world: World.World, limits?: Partial<OwnedMap.Limits>) {
  const { a, b } = yield* World.pair(world)
  const map = yield* openMap(a, limits)
  const lane = yield* b.cluster.lane("coterie.state/files", { format: `${format} ${b.cluster.serialization.format}` })
  // The peer knows that `a` reads the map.
  yield* Stream.runHead(Stream.filter(lane.readerChanges, (readers) => readers.some(({ name }) => name === "a")))
  return { a, b, map, peer: new RawPeer(lane) }
})

const keysOf = (parts: ReadonlyArray<Part>) => parts.flatMap(({ items }) => items.map(({ key }) => key))

/** Returns the number at the beginning of the value in a part. */
const roundOf = ({ items: [item] }: Part): number =>
  item?.value === undefined ? 0 : Number.parseInt(new TextDecoder().decode(unpack(item.value)).slice(1))

World.simulated("a map reports each malformed message as a dead letter, and goes on", (world) =>
  Effect.gen(function* () {
    const { map, peer } = yield* start(world)
    const letters: Array<DeadLetter> = []
    yield* Effect.forkScoped(
      Stream.runForEach(map.deadLetters, (letter) => Effect.sync(() => void letters.push(letter))),
    )
    yield* peer.open
    yield* map.set("x", "1")
    const malformed = ["", "09", "0105ac02", "020000010000" + "03", "020000010000" + "0201ff", "03" + "00"]
    for (const hex of malformed) yield* peer.send(Buffer.from(hex, "hex"))
    yield* peer.send(encode(want()))
    yield* peer.until(({ end }) => end !== undefined)
    assert.deepStrictEqual(
      letters.map(({ message }) => Buffer.from(message.payload).toString("hex")),
      malformed,
    )
    assert.deepStrictEqual(keysOf(peer.parts), ["x"])
    yield* map.set("y", "2")
    yield* peer.until(({ to }) => to === 2)
  }),
)

World.simulated("a map sends an answer again that its reader could not get yet", (world) =>
  Effect.gen(function* () {
    const { map, peer } = yield* start(world)
    yield* map.set("x", "1")
    // The node does not know yet that the peer reads the map.
    yield* peer.send(encode(want()))
    yield* Effect.sleep("100 millis")
    yield* peer.open
    yield* peer.until(({ end }) => end !== undefined)
    assert.deepStrictEqual(keysOf(peer.parts), ["x"])
  }),
)

World.simulated("a map sends its answer again after a session, also to a reader that does not ask again", (world) =>
  Effect.gen(function* () {
    const { a, b, map, peer } = yield* start(world)
    yield* peer.open
    yield* map.set("x", "1")
    yield* peer.send(encode(want()))
    yield* peer.until(({ end }) => end !== undefined)
    peer.parts.length = 0
    yield* a.sever
    yield* World.untilPeers(a, ["b"])
    yield* World.untilPeers(b, ["a"])
    yield* peer.until(({ end }) => end !== undefined)
    assert.deepStrictEqual([keysOf(peer.parts), peer.parts[0]?.nonce], [["x"], 1])
  }),
)

/** Twenty values that need several windows of the lane, with the number of the round at their beginning. */
const large = (round: number) =>
  Array.from({ length: 20 }, (_, i) => [`file-${i}`, `${round} `.padEnd(60_000, "x")] as const)

World.simulated(
  "a map drops the rest of a batch whose reader gives no credit for 30 s, and sends the newest values",
  (world) =>
    Effect.gen(function* () {
      const { map, peer } = yield* start(world)
      yield* peer.open
      yield* map.setAll(large(1))
      peer.reads.closeUnsafe()
      yield* peer.send(encode(want()))
      yield* Effect.sleep("10 seconds")
      yield* map.setAll(large(2))
      yield* Effect.sleep("10 seconds")
      // The part that waited for less than 30 s goes on with the batch.
      peer.reads.openUnsafe()
      yield* peer.until(({ to }) => to === 2)
      assert.deepStrictEqual(
        peer.parts.filter(({ to }) => to === 1).map((part) => [part.index, roundOf(part)]),
        Array.from({ length: 20 }, (_, i) => [i, 1]),
      )
      yield* peer.until(({ end, to }) => to === 2 && end !== undefined)

      peer.parts.length = 0
      peer.reads.closeUnsafe()
      yield* map.setAll(large(3))
      yield* Effect.sleep("31 seconds")
      yield* map.setAll(large(4))
      peer.reads.openUnsafe()
      yield* peer.until(({ end }) => end !== undefined)
      const [old, next] = [3, 4].map((to) => peer.parts.filter((part) => part.to === to))
      assert.isBelow(old?.length ?? 20, 20)
      assert.deepStrictEqual(
        next?.map((part) => [part.index, part.from, roundOf(part)]),
        Array.from({ length: 20 }, (_, i) => [i, 2, 4]),
      )
    }),
)

World.simulated("a node shows how many versions each reader of a map is behind", (world) =>
  Effect.gen(function* () {
    const { a, map, peer } = yield* start(world)
    const described = Effect.map(a.cluster.components.describe, (shown): ReadonlyArray<unknown> => {
      const { facts, rows }: Partial<Described> = shown.find(({ name }) => name === "files") ?? {}
      return [facts?.["behind"], [...(rows ?? [])].map((row) => row["behind"])]
    })
    yield* peer.open
    yield* peer.send(encode(want()))
    yield* peer.until(({ end }) => end !== undefined)
    assert.deepStrictEqual(yield* described, [0, [0]])
    peer.reads.closeUnsafe()
    for (let round = 1; round <= 10; round++) {
      yield* map.set("x", `${round} `.padEnd(60_000, "x"))
      yield* Effect.sleep("1 second")
    }
    const [behind, rows] = yield* described
    // The window of the lane holds some values.
    assert.isAbove(Number(behind), 3)
    assert.deepStrictEqual(rows, [behind])
    peer.reads.openUnsafe()
    yield* peer.until(({ to }) => to === 10)
    assert.deepStrictEqual(yield* described, [0, [0]])
  }),
)
