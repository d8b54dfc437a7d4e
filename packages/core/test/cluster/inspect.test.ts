/** `cluster.inspect`: what a node knows about itself, its peers, its links and the addresses that it dials. */
import * as Discovery from "@coterie/core/Discovery"
import type { AddressInspection, Inspection, PeerInspection, QueueInspection } from "@coterie/core/Inspection"
import * as Transport from "@coterie/core/Transport"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Limits from "../../src/Limits.ts"
import { pingTimeout } from "../../src/cluster/Inspector.ts"
import { addressOf } from "./RawPeer.ts"
import * as World from "./world.ts"

const scenario = World.simulated

const peerOf = ({ peers }: Inspection, name: string): PeerInspection =>
  peers.find((peer) => peer.name === name) ?? assert.fail(`${name} is not in the inspection`)

const inspected = ({ addresses }: Inspection, address: string): AddressInspection =>
  addresses.find((each) => each.address === address) ?? assert.fail(`${address} is not in the inspection`)

const queueOf = (queues: ReadonlyArray<QueueInspection>, name: string): QueueInspection =>
  queues.find((queue) => queue.name === name) ?? assert.fail(`there is no queue ${name}`)

/** Waits until an inspection of the node satisfies the condition. */
const untilInspected = (node: World.Node, expected: (inspection: Inspection) => boolean): Effect.Effect<Inspection> =>
  Effect.flatMap(node.cluster.inspect(), (inspection) =>
    expected(inspection)
      ? Effect.succeed(inspection)
      : Effect.andThen(Effect.sleep("5 millis"), () => untilInspected(node, expected)),
  )

/** Runs an effect and returns its result and duration in milliseconds. */
const timed = <A>(effect: Effect.Effect<A>) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const start = clock.currentTimeMillisUnsafe()
    const result = yield* effect
    return { result, millis: clock.currentTimeMillisUnsafe() - start }
  })

/** Runs a silent host: dials of it get no answer. */
const darken = Effect.fnUntraced(function* (network: SimNetwork.Shape, host: string) {
  const dark = Context.get(yield* Layer.build(network.transport(host)), Transport.Transport)
  yield* dark.listen
  yield* network.crash(host, { silent: true })
})

describe("an inspection of a node", () => {
  scenario("has the description, the record and the status of the node, and its age", ({ node }) =>
    Effect.gen(function* () {
      yield* Effect.sleep("3 seconds")
      const clock = yield* Clock.Clock
      const startedAt = clock.currentTimeMillisUnsafe()
      const a = yield* node("a", { metadata: { zone: "one" } })
      yield* Effect.sleep("2 seconds")
      const inspection = yield* a.cluster.inspect()
      assert.deepStrictEqual(inspection.self, {
        ...(yield* a.cluster.self),
        cluster: "test",
        incarnation: 0,
        protocol: { min: 1, max: 1 },
        features: [],
      })
      assert.deepStrictEqual(inspection.status, yield* a.cluster.status)
      assert.deepInclude(inspection, {
        startedAt,
        uptimeMillis: 2_000,
        wallTime: startedAt + 2_000,
        everLinked: false,
        isolated: false,
        partition: undefined,
        viewVersion: 0,
        localHealth: 0,
        lagMillis: 0,
        peers: [],
        addresses: [],
      })
      const { heartbeatMillis, linkTimeoutMillis } = inspection.failureDetector
      assert.isAtLeast(linkTimeoutMillis, 2 * heartbeatMillis)
    }),
  )

  scenario("has the same view hash as an inspection of another node if the views agree", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const [ofA, ofB] = [yield* a.cluster.inspect(), yield* b.cluster.inspect()]
      assert.strictEqual(ofA.viewHash, ofB.viewHash)
      assert.strictEqual(ofA.viewVersion, (yield* a.cluster.view).version)
      assert.isTrue(ofA.everLinked)
      yield* b.cluster.updateMetadata({ role: "web" })
      yield* World.until(a, ({ peers }) => peers.get("b")?.metadata["role"] === "web")
      assert.notStrictEqual((yield* a.cluster.inspect()).viewHash, ofA.viewHash)
      assert.strictEqual(peerOf(yield* a.cluster.inspect(), "b").incarnation, 1)
    }),
  )

  scenario("has each queue of the metrics with its limit, for the node and for each link", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      yield* a.cluster.send("b", new Uint8Array(10_000))
      yield* Effect.sleep("100 millis")
      const { peers, queues } = yield* b.cluster.inspect()
      assert.sameMembers(
        queues.map(({ name }) => name),
        [
          "membership",
          "membership_share",
          "events",
          "inbox_bytes",
          "lane_bytes",
          "outbox_bytes",
          "control_outbox",
          "control_outbox_bytes",
          "links",
          "handshakes",
          "dials",
        ],
      )
      const used = { name: "inbox_bytes", size: 10_064, limit: Limits.defaults.inboxWindowBytes }
      assert.deepStrictEqual(queueOf(queues, "inbox_bytes"), used)
      assert.deepStrictEqual(queueOf(queues, "links"), { name: "links", size: 1, limit: Limits.defaults.links })
      const [link] = peers
      assert.deepStrictEqual(queueOf(link?.connection?.queues ?? [], "inbox_bytes"), used)
      yield* World.messages(b, 1)
    }),
  )

  scenario("is independent of the node: an earlier inspection does not change", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const before = yield* a.cluster.inspect()
      const copy = structuredClone(before)
      yield* b.stop
      yield* World.untilPeers(a, [])
      assert.deepStrictEqual(structuredClone(before), copy)
    }),
  )

  scenario("answers after the node has left, without links", (world) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      yield* a.cluster.leave
      const inspection = yield* a.cluster.inspect({ ping: true })
      assert.deepStrictEqual(inspection.status, { _tag: "Stopped" })
      for (const { connection, link } of inspection.peers) {
        assert.isUndefined(connection)
        assert.notStrictEqual(link, "up")
      }
      assert.isTrue(inspection.everLinked)
    }),
  )
})

describe("the inspection of a link", () => {
  scenario(
    "has the side that dialed, the hosts, the proof, the bytes, and the age of the link",
    (_, network) =>
      Effect.gen(function* () {
        const identity = { _tag: "Secret", key: "k1" } as const
        const { a, b } = yield* World.pair(World.sim(network, () => identity))
        yield* Effect.sleep("2 seconds")
        const ofA = peerOf(yield* a.cluster.inspect(), "b")
        const ofB = peerOf(yield* b.cluster.inspect(), "a")
        assert.deepInclude(ofB.connection, {
          dialedBy: "thisNode",
          remoteHost: "a",
          observedHost: "b",
          identity,
          session: 1,
          peerLagMillis: 0,
        })
        assert.deepInclude(ofA.connection, { dialedBy: "peer", remoteHost: "b", observedHost: undefined })
        assert.strictEqual(ofA.connection?.peerViewHash, (yield* b.cluster.inspect()).viewHash)
        assert.isAtLeast(ofA.connection?.openForMillis ?? 0, 2_000)
        assert.isAtMost(ofA.connection?.heardAgoMillis ?? Number.NaN, 250)
        yield* a.cluster.send("b", new Uint8Array(50_000))
        yield* World.messages(b, 1)
        const [out, into] = [peerOf(yield* a.cluster.inspect(), "b"), peerOf(yield* b.cluster.inspect(), "a")]
        assert.isAtLeast((out.connection?.bytesOut ?? 0) - (ofA.connection?.bytesOut ?? 0), 50_000)
        assert.isAtLeast((into.connection?.bytesIn ?? 0) - (ofB.connection?.bytesIn ?? 0), 50_000)
      }),
    { latency: "20 millis" },
  )

  scenario(
    "has the round-trip times on the side that sends the heartbeats, and with `ping` on the other side",
    (world) =>
      Effect.gen(function* () {
        const { a, b } = yield* World.pair(world)
        yield* Effect.sleep("30 seconds")
        const roundTrip = peerOf(yield* a.cluster.inspect(), "b").connection?.roundTrip
        assert.deepInclude(roundTrip, { samples: 64 })
        for (const millis of [
          roundTrip?.lastMillis,
          roundTrip?.minMillis,
          roundTrip?.medianMillis,
          roundTrip?.maxMillis,
        ]) {
          assert.isDefined(millis)
          assert.isAtLeast(millis, 40)
          assert.isAtMost(millis, 45)
        }
        assert.isUndefined(peerOf(yield* b.cluster.inspect(), "a").connection?.roundTrip)
        const { millis, result } = yield* timed(b.cluster.inspect({ ping: true }))
        assert.isAtMost(millis, 45)
        assert.deepInclude(peerOf(result, "a").connection?.roundTrip, { samples: 1 })
        // The sample is recent, so the next inspection sends no Ping.
        assert.strictEqual((yield* timed(b.cluster.inspect({ ping: true }))).millis, 0)
        yield* Effect.sleep("10 seconds")
        const later = peerOf(yield* b.cluster.inspect(), "a").connection?.roundTrip
        assert.isAtLeast(later?.agoMillis ?? 0, 10_000)
        assert.deepInclude(peerOf(yield* b.cluster.inspect({ ping: true }), "a").connection?.roundTrip, { samples: 2 })
      }),
    { latency: "20 millis" },
  )

  scenario("waits at most one second for the answers to its Pings, and has the links that answered", (world, network) =>
    Effect.gen(function* () {
      const c = yield* world.node("c", {}, Layer.empty)
      const a = yield* world.node("a", { seeds: [c.address] }, Layer.empty)
      const b = yield* world.node("b", { seeds: [c.address] }, Layer.empty)
      yield* World.untilPeers(c, ["a", "b"])
      yield* World.untilPeers(b, ["a", "c"])
      // `c` has the highest name and measures nothing by itself.
      yield* network.partition(["a"], ["c"])
      const { millis, result } = yield* timed(c.cluster.inspect({ ping: true }))
      assert.strictEqual(millis, pingTimeout)
      assert.strictEqual(pingTimeout, 1_000)
      assert.isDefined(peerOf(result, "b").connection?.roundTrip)
      assert.isUndefined(peerOf(result, "a").connection?.roundTrip)
      yield* a.stop
    }),
  )
})

describe("the inspection of a peer without a link", () => {
  scenario("has no value of the lost link, and the reason of the last dial instead", (world, network) =>
    Effect.gen(function* () {
      const a = yield* world.node("a")
      const b = yield* world.node("b", { seeds: [a.address] })
      const c = yield* world.node("c", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b", "c"])
      yield* World.untilPeers(b, ["a", "c"])
      yield* Effect.sleep("10 seconds")
      assert.isDefined(peerOf(yield* b.cluster.inspect(), "c").connection?.roundTrip)
      assert.isUndefined(peerOf(yield* b.cluster.inspect(), "c").dial)
      yield* network.partition(["b"], ["c"])
      yield* World.until(b, ({ peers }) => peers.get("c")?.link === "indirect")
      const cut = yield* untilInspected(b, (inspection) => (peerOf(inspection, "c").dial?.attempts ?? 0) >= 2)
      const peer = peerOf(cut, "c")
      assert.deepInclude(peer, { status: "alive", link: "indirect", through: "a", connection: undefined })
      assert.deepInclude(peer.dial, { address: addressOf(c.address), reason: "timeout" })
      assert.isAtMost(peer.dial?.agoMillis ?? Number.NaN, 5)
      assert.include(peer.dial?.message, "within")
      assert.isDefined(peerOf(cut, "a").connection, "other links are shown")
      // The two sides of the pair each know why.
      assert.isDefined(peerOf(yield* untilInspected(c, (i) => peerOf(i, "b").dial !== undefined), "b").dial)
      yield* network.heal
      yield* World.untilPeers(b, ["a", "c"])
      const healed = peerOf(yield* b.cluster.inspect(), "c")
      assert.deepInclude(healed, { link: "up", through: undefined, dial: undefined })
      assert.isAtMost(healed.connection?.openForMillis ?? Number.NaN, 100)
      assert.isUndefined(healed.connection?.roundTrip, "the times of the lost link are gone")
    }),
  )

  scenario("says that nobody listens if the process of the peer has ended", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      yield* b.crash
      yield* World.until(a, ({ peers }) => peers.size === 0)
      const failed = yield* untilInspected(a, (inspection) => peerOf(inspection, "b").dial !== undefined)
      assert.deepInclude(peerOf(failed, "b"), { status: "failed", link: "down", connection: undefined })
      assert.deepInclude(peerOf(failed, "b").dial, { address: addressOf(b.address), reason: "refused" })
      yield* Effect.sleep("20 seconds")
      const later = peerOf(yield* a.cluster.inspect(), "b")
      assert.isAtLeast(later.failedForMillis ?? 0, 20_000)
      assert.isAbove(later.dial?.attempts ?? 0, 1)
    }),
  )

  scenario(
    "has the accusation and its accusers while it is suspected, and the lost members of a partition",
    (world, network) =>
      Effect.gen(function* () {
        const a = yield* world.node("a")
        const names = ["b", "c", "d"]
        for (const name of names) yield* world.node(name, { seeds: [a.address] })
        yield* World.untilPeers(a, names)
        yield* network.partition(["a", "b"], ["c", "d"])
        yield* World.until(
          a,
          ({ peers }) => peers.get("c")?.status === "suspect" && peers.get("d")?.status === "suspect",
        )
        const suspected = peerOf(yield* a.cluster.inspect(), "c")
        assert.deepInclude(suspected, { status: "suspect", failedForMillis: undefined })
        assert.includeMembers(["a", "b"], [...(suspected.suspicion?.accusers ?? ["nobody"])])
        assert.isAtLeast(suspected.suspicion?.accusers.length ?? 0, 1)
        assert.isAtLeast(suspected.suspicion?.forMillis ?? -1, 0)
        assert.isUndefined(peerOf(yield* a.cluster.inspect(), "b").suspicion)
        yield* World.untilEvent(a, ({ _tag }) => _tag === "PartitionSuspected")
        const split = yield* a.cluster.inspect()
        assert.sameMembers([...(split.partition ?? [])], ["c", "d"])
        assert.isUndefined(peerOf(split, "c").suspicion)
        yield* network.heal
        yield* World.untilPeers(a, names)
        assert.isUndefined((yield* a.cluster.inspect()).partition)
      }),
  )

  scenario("is listed as disconnected after `disconnect`, and not after it has left", (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const c = yield* world.node("c", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b", "c"])
      yield* a.cluster.disconnect("b")
      yield* c.stop
      yield* World.untilPeers(a, [])
      const { peers } = yield* a.cluster.inspect()
      assert.deepStrictEqual(
        peers.map(({ connection, link, name, status }) => ({ name, status, link, connection })),
        [{ name: "b", status: "disconnected", link: "down", connection: undefined }],
      )
      // Before its next check of the address, `b` knows that `a` answered there.
      assert.deepInclude(inspected(yield* b.cluster.inspect(), a.address), { state: "answered", peer: "a" })
    }),
  )

  scenario("is isolated if all links are lost, and keeps that it had a link", (world, network) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(world)
      yield* network.partition(["a"], ["b"])
      yield* World.until(a, ({ isolated }) => isolated)
      const inspection = yield* a.cluster.inspect({ ping: true })
      assert.deepInclude(inspection, { isolated: true, everLinked: true })
      assert.deepInclude(inspection.status, { _tag: "Alone", reason: "isolated" })
      assert.isUndefined(peerOf(inspection, "b").connection)
    }),
  )
})

describe("the inspection of the addresses of a node", () => {
  scenario("has what became of each seed, joined address and discovered address", ({ node }, network) =>
    Effect.gen(function* () {
      yield* darken(network, "dark")
      const other = yield* node("other", { cluster: "another" })
      const b = yield* node("b")
      const c = yield* node("c")
      const seeds = [b.address, "a:24868", "nobody:1", other.address, "dark:1"]
      const found = Discovery.layer(Stream.make(["nobody:2", "nobody:3", "nobody:1"]))
      const a = yield* node("a", { seeds }, Layer.merge(World.quick, found))
      const early = yield* a.cluster.inspect()
      assert.deepInclude(inspected(early, "dark:1"), {
        source: "seed",
        state: "untried",
        peer: undefined,
        checkedAgoMillis: undefined,
        dial: undefined,
      })
      yield* a.cluster.join(c.address)
      const tried = yield* untilInspected(a, ({ addresses }) => addresses.every(({ state }) => state !== "untried"))
      const states = Object.fromEntries(tried.addresses.map(({ address, state }) => [address, state]))
      assert.deepStrictEqual(states, {
        [b.address]: "linked",
        "a:24868": "self",
        "nobody:1": "failing",
        [other.address]: "failing",
        "dark:1": "failing",
        "nobody:2": "failing",
        "nobody:3": "failing",
        [c.address]: "linked",
      })
      assert.deepInclude(inspected(tried, b.address), { source: "seed", peer: "b", dial: undefined })
      assert.deepInclude(inspected(tried, c.address), { source: "join", peer: "c" })
      const sources = ["nobody:1", "nobody:2"].map((address) => inspected(tried, address).source)
      assert.deepStrictEqual(sources, ["seed", "discovery"])
      assert.deepInclude(inspected(tried, "nobody:1").dial, { address: addressOf("nobody:1"), reason: "refused" })
      assert.deepInclude(inspected(tried, other.address).dial, { reason: "otherCluster" })
      assert.deepInclude(inspected(tried, "dark:1").dial, { reason: "timeout" })
      yield* Effect.sleep("2 minutes")
      const later = inspected(yield* a.cluster.inspect(), "nobody:1")
      assert.isAbove(later.dial?.attempts ?? 0, 2)
      assert.isAtMost(later.checkedAgoMillis ?? Number.NaN, 31_000)
      assert.strictEqual(later.checkedAgoMillis, later.dial?.agoMillis)
    }),
  )

  scenario("has the addresses of a join in progress, and not those of a join that was given up", ({ node }) =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const join = yield* Effect.forkChild(a.cluster.join(["nobody:1", "nobody:2"]))
      const joining = yield* untilInspected(a, ({ addresses }) =>
        addresses.some(({ dial }) => (dial?.attempts ?? 0) >= 2),
      )
      assert.deepStrictEqual(
        joining.addresses.map(({ address, dial, source, state }) => ({ address, source, state, reason: dial?.reason })),
        ["nobody:1", "nobody:2"].map(
          (address) => ({ address: addressOf(address), source: "join", state: "failing", reason: "refused" }) as const,
        ),
      )
      yield* Fiber.interrupt(join)
      assert.deepStrictEqual((yield* a.cluster.inspect()).addresses, [])
    }),
  )

  scenario("shows no link for a seed whose peer is lost", (world, network) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      // Meanwhile the node checks the address without a dial.
      yield* Effect.sleep("1 minute")
      assert.deepInclude(inspected(yield* b.cluster.inspect(), a.address), { state: "linked", peer: "a" })
      yield* network.partition(["a"], ["b"])
      yield* World.until(b, ({ peers }) => peers.get("a")?.link !== "up")
      const cut = inspected(yield* b.cluster.inspect(), a.address)
      assert.include(["answered", "failing"], cut.state)
      assert.strictEqual(cut.peer, "a")
      yield* untilInspected(b, (inspection) => inspected(inspection, a.address).state === "failing")
    }),
  )
})
