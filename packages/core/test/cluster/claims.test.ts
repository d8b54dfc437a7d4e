/**
 * Unproven claims about a node's own name by a member or an unknown peer. They neither stop the node nor cost it a link
 * (docs/protocol.md R7, R8).
 */
import { assert, describe } from "@effect/vitest"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Frame } from "../../src/protocol/Frame.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

/** Returns the frames with which a member makes a claim about the node with this record. */
type Claim = (seen: PeerRecord) => ReadonlyArray<Frame>

/** Links node `a` to node `b` and to the raw peer `m`. `seen` returns the events of `b` about `a` since then. */
const withFaultyMember = Effect.fnUntraced(function* (world: World.World, network: SimNetwork.Shape) {
  const { a, b } = yield* World.pair(world)
  const peer = yield* RawPeer.connect(network, a)
  const { record } = yield* peer.completeHandshake()
  yield* peer.keepAlive
  yield* World.untilPeers(a, ["b", "m"])
  const events = yield* World.collect(b)
  const seen = () => events.flatMap((event) => ("peer" in event && event.peer.name === "a" ? [event._tag] : []))
  return { a, peer, record, seen }
})

const left: ReadonlyArray<readonly [string, Claim]> = [
  ["YouAre", ({ generation, incarnation }) => [{ _tag: "YouAre", generation, incarnation, status: "left" }]],
  ["Update", (seen) => [{ _tag: "Update", records: [{ ...seen, status: "left" }] }]],
  ["SyncDelta", (seen) => [{ _tag: "SyncDelta", records: [{ ...seen, status: "left" }], want: [] }]],
  ["SyncDigest", (seen) => [{ _tag: "SyncDigest", entries: [{ ...seen, status: "left" }], last: true }]],
]

describe("a member that claims that the node has left", () => {
  for (const [how, claim] of left) {
    World.simulated(`in ${how} is refuted, and the node keeps its links`, ({ node }, network) =>
      Effect.gen(function* () {
        const { a, peer, record, seen } = yield* withFaultyMember({ node }, network)
        yield* peer.send(...claim(record))
        const isRefuted = (frame: Frame): boolean =>
          frame._tag === "Update" && frame.records.some(({ incarnation, name }) => name === "a" && incarnation > 0)
        yield* Effect.repeat(peer.receiveFrame("Update"), { until: isRefuted })
        yield* Effect.sleep("2 seconds")
        yield* World.untilPeers(a, ["b", "m"])
        assert.deepStrictEqual(seen(), [])
      }),
    )
  }
})

/** Returns a record of the node's name in a generation that is ahead by less than a day. */
const ahead = (seen: PeerRecord, addresses = seen.body.addresses): PeerRecord => ({
  ...seen,
  generation: seen.generation + 23 * 3_600_000,
  body: { ...seen.body, addresses },
})

const newer: ReadonlyArray<readonly [string, Claim]> = [
  ["YouAre", (seen) => [{ _tag: "YouAre", generation: ahead(seen).generation, incarnation: 0, status: "alive" }]],
  ["Update", (seen) => [{ _tag: "Update", records: [ahead(seen, [RawPeer.addressOf("nowhere:1")])] }]],
  ["SyncDelta", (seen) => [{ _tag: "SyncDelta", records: [ahead(seen)], want: [] }]],
  ["SyncDigest", (seen) => [{ _tag: "SyncDigest", entries: [ahead(seen)], last: true }]],
  ["a left record", (seen) => [{ _tag: "Update", records: [{ ...ahead(seen), status: "left" }] }]],
  ["Bye replaced", () => [{ _tag: "Bye", code: "replaced", message: "" }]],
]

describe("a member that claims that a newer generation of the node exists", () => {
  for (const [how, claim] of newer) {
    World.simulated(`in ${how} does not stop the node, which keeps its other links`, ({ node }, network) =>
      Effect.gen(function* () {
        const { a, peer, record, seen } = yield* withFaultyMember({ node }, network)
        yield* peer.send(...claim(record))
        yield* Effect.forkScoped(peer.receiveAll)
        // Longer than the node follows up the claim.
        yield* Effect.sleep("35 seconds")
        assert.strictEqual((yield* a.cluster.view).peers.get("b")?.link, "up")
        assert.strictEqual((yield* a.cluster.self).generation, record.generation)
        assert.deepStrictEqual(seen(), [])
      }),
    )
  }
})

describe("an unknown peer", () => {
  for (const code of ["stale", "duplicate"] as const) {
    World.simulated(`whose listener answers ${code} does not stop a node that has a link`, ({ node }, network) =>
      Effect.gen(function* () {
        const more = code === "stale" ? { atLeastGeneration: 10_000_000 } : {}
        const address = yield* RawPeer.listen(network, "faulty", (peer) =>
          Effect.gen(function* () {
            yield* peer.receive
            yield* peer.send({ _tag: "HelloReject", code, message: "", ...more })
            yield* peer.receiveAll
          }),
        )
        const { a, b } = yield* World.pair({ node })
        yield* Effect.forkScoped(Effect.ignore(a.cluster.join(address)))
        // A member may also announce the faulty peer.
        const peer = yield* RawPeer.connect(network, a)
        yield* peer.completeHandshake()
        const ghost = RawPeer.record({ name: "ghost", addresses: [address] })
        yield* peer.send({ _tag: "Update", records: [ghost] })
        yield* peer.keepAlive
        yield* Effect.forkScoped(peer.receiveAll)
        yield* Effect.sleep("5 seconds")
        assert.isAtLeast(a.dialed.filter((each) => each === address).length, 2)
        assert.strictEqual((yield* b.cluster.view).peers.get("a")?.link, "up")
        assert.strictEqual((yield* a.cluster.view).peers.get("b")?.link, "up")
      }),
    )
  }
})

describe("a process of the node's name whose generation is more than a day ahead", () => {
  World.simulated(
    "does not stop the node that dials it, because no peer accepts such a generation",
    ({ node }, network) =>
      Effect.gen(function* () {
        const { a, b } = yield* World.pair({ node })
        const { generation } = yield* a.cluster.self
        const address = yield* RawPeer.listen(network, "ahead", (peer) =>
          Effect.andThen(
            Effect.ignore(peer.answerHandshake({ name: "a", generation: generation + 25 * 3_600_000 })),
            peer.receiveAll,
          ),
        )
        yield* Effect.forkScoped(Effect.ignore(a.cluster.join(address)))
        yield* Effect.sleep("5 seconds")
        assert.isAtLeast(a.dialed.filter((each) => each === address).length, 1)
        assert.strictEqual((yield* b.cluster.view).peers.get("a")?.link, "up")
        assert.strictEqual((yield* a.cluster.view).peers.get("b")?.link, "up")
      }),
  )
})

describe("a node whose name a newer process uses", () => {
  for (const others of [1, 2, 4]) {
    for (const listens of [true, false]) {
      const how = listens ? "" : ", even if it cannot be dialed"
      World.simulated(`stops within seconds in a cluster with ${others} others${how}`, ({ node }) =>
        Effect.gen(function* () {
          const names = ["b", "c", "x", "y"].slice(0, others)
          const first = yield* node("b")
          const nodes = [first]
          for (const name of names.slice(1)) nodes.push(yield* node(name, { seeds: [first.address] }))
          const advertise = listens ? {} : { advertise: [RawPeer.addressOf("nowhere:1")] }
          const older = yield* node("m1", { name: "m", seeds: [first.address], ...advertise })
          yield* World.untilPeers(older, names)
          const superseded = yield* Effect.forkChild(
            World.untilEvent(older, ({ _tag }) => _tag === "Superseded"),
            { startImmediately: true },
          )
          yield* Effect.sleep("1 seconds")
          const newer = yield* node("m2", { name: "m", seeds: [first.address], ...advertise })
          yield* Effect.timeout(Fiber.join(superseded), "5 seconds")
          yield* World.untilPeers(newer, names)
          const { generation } = yield* newer.cluster.self
          for (const each of nodes) {
            yield* World.until(each, ({ peers }) => peers.get("m")?.generation === generation)
          }
        }),
      )
    }
  }
})

describe("a member that claims repeatedly that a node with this name runs at an unused address", () => {
  World.simulated("does not hide the newer process that another member announces", ({ node }, network) =>
    Effect.gen(function* () {
      const { a, peer: faulty, record } = yield* withFaultyMember({ node }, network)
      const correct = yield* RawPeer.connect(network, a)
      yield* correct.completeHandshake({ name: "h" })
      yield* correct.keepAlive
      yield* Effect.forkScoped(correct.receiveAll)
      yield* Effect.forkScoped(faulty.receiveAll)
      // Each claim has a greater generation than the one before.
      const claimAt = (hours: number) => ({ ...ahead(record), generation: record.generation + hours * 3_600_000 })
      const unused = [RawPeer.addressOf("nowhere:1")]
      const claims = Effect.forEach(
        Array.from({ length: 20 }, (_, i) => i + 1),
        (hours) => {
          const claim = { ...claimAt(hours), body: { ...record.body, addresses: unused } }
          return Effect.andThen(faulty.send({ _tag: "Update", records: [claim] }), Effect.sleep("1 seconds"))
        },
      )
      yield* Effect.forkScoped(claims)
      yield* Effect.sleep("3 seconds")
      const superseded = yield* Effect.forkChild(
        World.untilEvent(a, ({ _tag }) => _tag === "Superseded"),
        { startImmediately: true },
      )
      const newer = yield* node("a2", { name: "a" })
      const { addresses, generation } = yield* newer.cluster.self
      const announced = { ...record, generation, body: { ...record.body, addresses: addresses.map(RawPeer.addressOf) } }
      yield* correct.send({ _tag: "Update", records: [announced] })
      yield* Effect.timeout(Fiber.join(superseded), "10 seconds")
    }),
  )
})

describe("a stranger at an address of a member that answers every Hello with `stale`", () => {
  /** Starts `a`, and members of which the first also advertises the address of the stranger. */
  const withStranger = Effect.fnUntraced(function* (
    { node }: World.World,
    network: SimNetwork.Shape,
    names: ReadonlyArray<string>,
  ) {
    const stranger = yield* RawPeer.listen(network, "stranger", (peer) =>
      Effect.gen(function* () {
        const { record } = yield* peer.receiveFrame("Hello")
        yield* peer.send({
          _tag: "HelloReject",
          code: "stale",
          message: "",
          atLeastGeneration: record.generation + 1,
        })
        yield* peer.receiveAll
      }),
    )
    const a = yield* node("a")
    for (const name of names) {
      const advertise = name === "b" ? [RawPeer.addressOf("b:24868"), stranger] : undefined
      yield* node(name, { seeds: [a.address], advertise })
    }
    yield* World.untilPeers(a, names)
    return a
  })

  World.simulated("does not stop a node that reaches no member for a time", (world, network) =>
    Effect.gen(function* () {
      const names = ["b", "c", "d"]
      const a = yield* withStranger(world, network, names)
      const before = a.dialed.length
      yield* network.partition(["a"], names)
      yield* World.until(a, ({ peers }) => [...peers.values()].every(({ link }) => link !== "up"))
      yield* Effect.sleep("1 second")
      assert.include(a.dialed.slice(before), "stranger:24868")
      yield* network.heal
      yield* World.untilPeers(a, names)
    }),
  )
})
