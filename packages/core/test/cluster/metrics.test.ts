/**
 * Metrics of a node compared with the state that they describe (docs/metrics.md).
 */
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import * as Measured from "./measured.ts"
import { MetricReader, numberOf } from "./MetricReader.ts"
import * as RawPeer from "./RawPeer.ts"
import * as World from "./world.ts"

const measured = Measured.measured((registry) => new MetricReader(registry))

const isStatus =
  (name: string, status: string) => (view: { readonly peers: ReadonlyMap<string, { status: string }> }) =>
    view.peers.get(name)?.status === status

describe("the metrics", () => {
  measured("count members by status and links by state like the view", (metrics, world, network) =>
    Effect.gen(function* () {
      const members = (status: string) => metrics.value("a", "coterie_members", { status })
      const links = (state: string) => metrics.value("a", "coterie_links", { state })
      const { a, b } = yield* World.pair(world)
      const c = yield* world.node("c", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b", "c"])
      assert.deepStrictEqual([members("alive"), members("suspect"), members("failed")], [2, 0, 0])
      assert.deepStrictEqual([links("up"), links("down")], [2, 0])

      yield* network.partition(["c"], ["a", "b"])
      yield* World.until(a, isStatus("c", "suspect"))
      assert.deepStrictEqual([members("alive"), members("suspect"), members("failed")], [1, 1, 0])
      assert.deepStrictEqual([links("up"), links("down")], [1, 1])
      yield* World.untilEvent(a, (event) => event._tag === "Failed")
      assert.deepStrictEqual([members("alive"), members("suspect"), members("failed")], [1, 0, 1])
      assert.deepStrictEqual([links("up"), links("down")], [1, 0])

      yield* network.heal
      yield* World.untilPeers(a, ["b", "c"])
      yield* c.stop
      yield* b.stop
      yield* World.untilPeers(a, [])
      assert.deepStrictEqual([members("alive"), members("suspect"), members("failed")], [0, 0, 0])
    }),
  )

  measured("count different views: one, until a partition stops news", (metrics, world, network) =>
    Effect.gen(function* () {
      const views = (node: string) => metrics.value(node, "coterie_view_hashes")
      const agree = World.eventually(() => ["a", "b", "c"].every((node) => views(node) === 1))
      const { a, b } = yield* World.pair(world)
      const c = yield* world.node("c", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b", "c"])
      yield* World.untilPeers(b, ["a", "c"])
      yield* agree

      yield* network.partition(["a"], ["b", "c"])
      yield* a.cluster.updateMetadata({ side: "one" })
      yield* b.cluster.updateMetadata({ side: "other" })
      yield* World.until(c, ({ peers }) => peers.get("b")?.metadata["side"] === "other")
      for (const node of ["a", "b", "c"]) assert.isAbove(views(node), 1, node)

      // The links across the partition end, and each side agrees with itself.
      yield* World.untilPeers(a, [])
      yield* World.untilPeers(c, ["b"])
      yield* agree

      yield* network.heal
      yield* World.untilPeers(a, ["b", "c"])
      yield* World.until(a, ({ peers }) => peers.get("b")?.metadata["side"] === "other")
      yield* World.until(c, ({ peers }) => peers.get("a")?.metadata["side"] === "one")
      yield* agree
    }),
  )

  measured("count the frames and bytes that the network carries", (metrics, world, network) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      for (let i = 0; i < 50; i++) yield* a.cluster.send("b", `${i}`)
      yield* a.cluster.send("b", new Uint8Array(150_000))
      yield* World.messages(b, 51)
      assert.isAtLeast(metrics.value("a", "coterie_frames_total", { direction: "out", kind: "Data" }), 53)
      assert.isAtLeast(metrics.value("a", "coterie_frame_bytes_total", { direction: "out", kind: "Data" }), 150_000)

      const kinds = metrics
        .find("a", "coterie_frames_total", { direction: "out" })
        .map((one) => one.attributes?.["kind"])
      assert.include(kinds, "Hello")
      const nodes = [
        ["a", "b"],
        ["b", "a"],
      ] as const
      // Heartbeats are exchanged continuously. At some moments none is in transit.
      for (const [from, to] of nodes) {
        yield* World.eventually(() => {
          const carried = Effect.runSync(network.bytes(from, to))
          return (
            metrics.sum(from, "coterie_frame_bytes_total", { direction: "out" }) === carried &&
            metrics.sum(to, "coterie_frame_bytes_total", { direction: "in" }) === carried &&
            kinds.every((kind = "") =>
              ["coterie_frames_total", "coterie_frame_bytes_total"].every(
                (id) =>
                  metrics.value(from, id, { direction: "out", kind }) ===
                  metrics.value(to, id, { direction: "in", kind }),
              ),
            )
          )
        })
      }
      assert.strictEqual(metrics.value("a", "coterie_frames_total", { direction: "in", kind: "Hello" }), 1)
      assert.strictEqual(metrics.value("a", "coterie_connections_total", { direction: "in", outcome: "up" }), 1)
      assert.strictEqual(metrics.value("b", "coterie_connections_total", { direction: "out", outcome: "up" }), 1)
    }),
  )

  measured("count the round-trip times of links on the side that measures them", (metrics, world) =>
    Effect.gen(function* () {
      yield* World.pair(world)
      const samples = (node: string) => metrics.sum(node, "coterie_link_rtt_seconds", { identity: "none" })
      yield* World.eventually(() => samples("a") >= 3)
      assert.strictEqual(samples("b"), 0)
    }),
  )

  measured("record the detection time once per failure, and never for a peer that left", (metrics, world, network) =>
    Effect.gen(function* () {
      const observations = () => metrics.value("a", "coterie_detection_seconds")
      const { a, b } = yield* World.pair(world)
      const c = yield* world.node("c", { seeds: [a.address] })
      yield* World.untilPeers(a, ["b", "c"])
      for (const count of [1, 2]) {
        const failed = yield* World.collect(a)
        yield* network.partition(["b"], ["a", "c"])
        yield* World.until(a, ({ peers }) => !peers.has("b"))
        assert.strictEqual(failed.filter(({ _tag }) => _tag === "Failed").length, 1)
        assert.strictEqual(observations(), count)
        yield* network.heal
        yield* World.untilPeers(a, ["b", "c"])
      }
      yield* b.stop
      yield* World.untilPeers(a, ["c"])
      yield* c.crash
      yield* World.untilPeers(a, [])
      assert.strictEqual(observations(), 3)
      assert.strictEqual(metrics.value("a", "coterie_events_total", { event: "Failed" }), 3)
      assert.strictEqual(metrics.value("a", "coterie_events_total", { event: "Left" }), 1)
      assert.strictEqual(
        metrics.value("a", "coterie_suspicions_total"),
        metrics.value("a", "coterie_events_total", { event: "Suspected" }),
      )

      // Link timeout and shortest suspicion: 300 and 200 ms of virtual time.
      const [histogram] = metrics.find("a", "coterie_detection_seconds")
      assert.strictEqual(histogram?.type, "Histogram")
      if (histogram?.type !== "Histogram") return
      assert.isAtLeast(histogram.state.max, 0.5)
      assert.isBelow(histogram.state.max, 2)
    }),
  )

  measured("count refutations of accusations, and no changes of metadata", (metrics, world, network) =>
    Effect.gen(function* () {
      const refutations = (node: string) => metrics.value(node, "coterie_refutations_total")
      const { a, b } = yield* World.pair(world)
      yield* b.cluster.updateMetadata({ edition: "second" })
      yield* World.until(a, ({ peers }) => peers.get("b")?.metadata["edition"] === "second")
      assert.strictEqual(refutations("b"), 0)

      yield* network.partition(["a"], ["b"])
      yield* World.untilPeers(a, [])
      yield* World.untilPeers(b, [])
      assert.deepStrictEqual([refutations("a"), refutations("b")], [0, 0])
      yield* network.heal
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(b, ["a"])
      assert.deepStrictEqual([refutations("a"), refutations("b")], [1, 1])
    }),
  )

  measured("report the size of each queue, which never exceeds its limit", (metrics, world) =>
    Effect.gen(function* () {
      const size = (node: string, queue: string) => metrics.value(node, "coterie_queue_size", { queue })
      const peak: Record<string, number> = {}
      const look = Effect.sync(() => {
        for (const node of ["a", "b"]) {
          for (const { attributes } of metrics.find(node, "coterie_queue_limit")) {
            const queue = attributes?.["queue"] ?? ""
            const limit = metrics.value(node, "coterie_queue_limit", { queue })
            assert.isAtMost(size(node, queue), limit, `${queue} of ${node}`)
            peak[queue] = Math.max(peak[queue] ?? 0, size(node, queue))
          }
        }
      })
      const limits = { inboxWindowBytes: 4_096, laneWindowBytes: 4_096, eventBuffer: 8, outboxBytes: 65_536 }
      const a = yield* world.node("a", { limits })
      const b = yield* world.node("b", { limits, seeds: [a.address] })
      yield* World.untilPeers(a, ["b"])
      yield* World.untilPeers(b, ["a"])

      // A subscriber that takes only the first event.
      const busy = Deferred.makeUnsafe<void>()
      yield* Effect.forkScoped(
        Stream.runForEach(b.cluster.events, () => Effect.andThen(Deferred.succeed(busy, undefined), Effect.never)),
      )
      yield* Deferred.await(busy)
      for (let i = 0; i < 5; i++) {
        yield* a.cluster.updateMetadata({ edition: `${i}` })
        yield* World.until(b, ({ peers }) => peers.get("a")?.metadata["edition"] === `${i}`)
        yield* look
      }
      assert.strictEqual(size("b", "events"), 5)

      // An inbox without a reader.
      const sending = yield* Effect.forkScoped(
        Effect.forEach(Array.from({ length: 40 }), () =>
          Effect.andThen(a.cluster.send("b", new Uint8Array(200)), look),
        ),
      )
      yield* World.eventually(() => size("b", "inbox_bytes") > 4_096 - 264)
      yield* look
      assert.isUndefined(sending.pollUnsafe())
      yield* World.messages(b, 40)
      yield* World.eventually(() => size("b", "inbox_bytes") < 4_096 / 2)
      yield* look
      // A lane with a stuck reader.
      assert.strictEqual(size("b", "lane_bytes"), 0)
      const go = Deferred.makeUnsafe<void>()
      const [reads, writes] = [yield* b.cluster.lane("orders"), yield* a.cluster.lane("orders")]
      yield* Effect.forkScoped(Stream.runForEach(reads.read(), () => Deferred.await(go)))
      const publishing = yield* Effect.forkScoped(
        Effect.forEach(Array.from({ length: 40 }), () =>
          Effect.andThen(Effect.retry(writes.send("b", new Uint8Array(200)), Schedule.spaced("10 millis")), look),
        ),
      )
      yield* World.eventually(() => size("b", "lane_bytes") > 4_096 - 264)
      yield* look
      assert.isUndefined(publishing.pollUnsafe())
      yield* Deferred.succeed(go, undefined)
      yield* World.eventually(() => size("b", "lane_bytes") < 4_096 / 2)
      assert.isAbove(peak["outbox_bytes"] ?? 0, 0)
      assert.strictEqual(size("a", "links"), 1)
      assert.strictEqual(size("a", "handshakes"), 0)
      assert.strictEqual(size("b", "dials"), 0)
    }),
  )

  measured("count the messages of each lane, their bytes, and the peers that they did not reach", (metrics, world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const [reads, writes] = [yield* b.cluster.lane("orders"), yield* a.cluster.lane("orders")]
      const reading = yield* Effect.forkScoped(Stream.runCollect(Stream.take(reads.read(), 3)), {
        startImmediately: true,
      })
      const send = writes.send("b", new Uint8Array(100))
      yield* Effect.retry(send, Schedule.spaced("10 millis"))
      yield* Effect.repeat(writes.publish(new Uint8Array(20)), { times: 1 })
      yield* Fiber.join(reading)
      yield* a.cluster.sendAll("b", ["1", "2", "3"])
      yield* World.messages(b, 3)
      const counted = (node: string, direction: string, lane: string) =>
        ["coterie_messages_total", "coterie_message_bytes_total"].map((id) =>
          metrics.value(node, id, { direction, lane }),
        )
      assert.deepStrictEqual(counted("a", "out", "orders"), [3, 140])
      assert.deepStrictEqual(counted("b", "in", "orders"), [3, 140])
      assert.deepStrictEqual(counted("a", "out", ""), [3, 3])
      assert.deepStrictEqual(counted("b", "in", ""), [3, 3])
    }),
  )

  measured("carry the label of their node, and are removed with it", (metrics, world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      assert.isAbove(metrics.find("a", "coterie_members").length, 0)
      for (const { attributes } of metrics.all()) assert.strictEqual(attributes?.["cluster"], "test")
      yield* a.cluster.leave
      assert.deepStrictEqual([...new Set(metrics.all().map(({ attributes }) => attributes?.["node"]))], ["b"])
      yield* b.stop
      assert.deepStrictEqual(metrics.all(), [])
    }),
  )

  measured("are listed in the guide with their types", (metrics, world) =>
    Effect.gen(function* () {
      yield* World.pair(world)
      // The histogram of round-trip times appears with the first of them.
      yield* World.eventually(() => metrics.find("a", "coterie_link_rtt_seconds").length > 0)
      const guide = NodeFs.readFileSync(NodePath.join(import.meta.dirname, "../../../../docs/metrics.md"), "utf8")
      const section = guide.split(/^## /m).find((part) => part.startsWith("The metrics\n")) ?? ""
      const rows = [...section.matchAll(/^\| `(coterie_\w+)` \| (\w+) \|.*$/gm)]
      const shown = new Set(metrics.all().map(({ id, type }) => `${id} ${type.toLowerCase()}`))
      const listed = rows.map(([, id, type]) => `${id} ${type}`)
      assert.isNotEmpty(listed)
      assert.includeMembers(listed, [...shown])
      const atStart = rows.filter(([row]) => !row.includes("Present from the first one on"))
      assert.sameMembers(
        atStart.map(([, id, type]) => `${id} ${type}`),
        [...shown],
      )
    }),
  )

  measured("of a newer generation in the same process stay when the older one ends", (metrics, world) =>
    Effect.gen(function* () {
      const older = yield* world.node("a")
      const elsewhere = World.sim(yield* SimNetwork.make())
      yield* elsewhere.node("a")
      const count = metrics.all().length
      yield* older.stop
      assert.strictEqual(metrics.all().length, count)
    }),
  )

  RawPeer.scenario("count violations by their code", ({ connect }) =>
    Effect.gen(function* () {
      const read = (code: string) =>
        Effect.map(Metric.snapshot, (all) =>
          all
            .filter(({ attributes, id }) => id === "coterie_violations_total" && attributes?.["code"] === code)
            .map(numberOf),
        )
      assert.deepStrictEqual(yield* read("malformed"), [0])
      const peer = yield* connect
      yield* peer.completeHandshake()
      yield* peer.write(RawPeer.bytes(0, 0, 0, 0))
      yield* peer.receiveAll
      assert.deepStrictEqual(yield* read("malformed"), [1])
      assert.deepStrictEqual(yield* read("oversize"), [0])
    }),
  )
})
