/** Metrics of requests compared with the outcomes of the requests (docs/metrics.md). */
import { assert, describe } from "@effect/vitest"
import * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Stream from "effect/Stream"
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import * as Measured from "../../core/test/cluster/measured.ts"
import { MetricReader } from "../../core/test/cluster/MetricReader.ts"
import * as World from "../../core/test/cluster/world.ts"
import * as Support from "./support.ts"

type Direction = "in" | "out"

class RequestCounts {
  readonly metrics: MetricReader

  constructor(registry: Metric.MetricRegistry) {
    this.metrics = new MetricReader(registry)
  }

  inFlight(node: string, direction: Direction): number {
    return this.metrics.sum(node, "coterie_requests_in_flight", { direction })
  }

  /** Returns the outcomes of the requests of a node. Fails unless each request has ended or is in flight. */
  outcomes(node: string, direction: Direction): Readonly<Record<string, number>> {
    const found = this.metrics.find(node, "coterie_request_outcomes_total", { direction })
    const outcomes: Record<string, number> = {}
    let ended = 0
    for (const { attributes } of found) {
      const { outcome = "", service = "" } = attributes ?? {}
      const count = this.metrics.value(node, "coterie_request_outcomes_total", { direction, outcome, service })
      ended += count
      if (count > 0) outcomes[outcome] = (outcomes[outcome] ?? 0) + count
    }
    const total = this.metrics.sum(node, "coterie_requests_total", { direction })
    assert.strictEqual(total, ended + this.inFlight(node, direction), `${node} ${direction}`)
    return outcomes
  }

  /** Returns the number of answers whose time was measured. */
  answers(node: string): number {
    return this.metrics.sum(node, "coterie_request_seconds")
  }
}

const measured = Measured.measured((registry) => new RequestCounts(registry))

describe("the metrics of requests", () => {
  measured("count answers by their exits, at the client node and at the serving node", (counts, world) =>
    Effect.gen(function* () {
      const { toB } = yield* Support.pair(world)
      yield* toB.Half({ number: 8 })
      yield* toB.Half({ number: 6 })
      yield* Effect.flip(toB.Half({ number: 7 }))
      yield* Effect.exit(toB.Fail())
      yield* Stream.runDrain(toB.Count({ to: 100 }))
      const expected = { success: 3, failure: 1, defect: 1 }
      assert.deepStrictEqual(counts.outcomes("a", "out"), expected)
      assert.deepStrictEqual(counts.outcomes("b", "in"), expected)
      assert.deepStrictEqual([counts.outcomes("a", "in"), counts.outcomes("b", "out")], [{}, {}])
      assert.strictEqual(counts.answers("a"), 5)
      assert.strictEqual(counts.metrics.value("a", "coterie_requests_total", { service: "default" }), 5)
    }),
  )

  measured("show the requests in flight, and count requests that the caller interrupts", (counts, world) =>
    Effect.gen(function* () {
      const { seen, toB } = yield* Support.pair(world)
      const waiting = yield* Support.background(toB.Wait({ id: "x" }))
      yield* World.eventually(() => seen.began.length === 1)
      const timed = yield* Support.background(Effect.timeoutOption(toB.Wait({ id: "y" }), "10 seconds"))
      yield* World.eventually(() => seen.began.length === 2)
      assert.deepStrictEqual([counts.inFlight("a", "out"), counts.inFlight("b", "in")], [2, 2])
      yield* Fiber.interrupt(waiting.fiber)
      yield* timed.result
      yield* Stream.runHead(toB.Count({ to: 1_000 }))
      yield* World.eventually(() => counts.inFlight("b", "in") === 0)
      assert.strictEqual(counts.inFlight("a", "out"), 0)
      assert.deepStrictEqual(counts.outcomes("a", "out"), { interrupted: 3 })
      assert.deepStrictEqual(counts.outcomes("b", "in"), { interrupted: 3 })
      assert.strictEqual(counts.answers("a"), 0)
    }),
  )

  measured("count requests that were not sent, by the reason", (counts, world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const client = yield* Support.requests(a)
      const toB = yield* client.to("b")
      yield* Effect.flip((yield* client.to("nobody")).Half({ number: 2 }))
      yield* Effect.flip(toB.Half({ number: 2 }))
      yield* b.stop
      yield* World.untilPeers(a, [])
      yield* Effect.flip(toB.Half({ number: 2 }))
      assert.deepStrictEqual(counts.outcomes("a", "out"), { UnknownPeer: 1, NotReading: 1, PeerLeft: 1 })
      assert.strictEqual(counts.inFlight("a", "out"), 0)
    }),
  )

  measured("count requests to a peer that is lost before it answers", (counts, world) =>
    Effect.gen(function* () {
      const { b, seen, toB } = yield* Support.pair(world)
      const waiting = yield* Support.background(toB.Wait({ id: "x" }))
      yield* World.eventually(() => seen.began.length === 1)
      yield* b.crash
      assert.strictEqual(yield* Support.failure(waiting.result), "lost SessionEnded")
      assert.deepStrictEqual(counts.outcomes("a", "out"), { SessionEnded: 1 })
      assert.strictEqual(counts.inFlight("a", "out"), 0)
      assert.deepStrictEqual(counts.metrics.find("b", "coterie_requests_total"), [])
    }),
  )

  measured("count requests whose caller was lost", (counts, world) =>
    Effect.gen(function* () {
      const { a, seen, toB } = yield* Support.pair(world)
      yield* Support.background(Effect.exit(toB.Wait({ id: "x" })))
      yield* World.eventually(() => seen.began.length === 1)
      yield* a.crash
      yield* World.eventually(() => seen.interrupted.length === 1)
      assert.deepStrictEqual(counts.outcomes("b", "in"), { SessionEnded: 1 })
      assert.strictEqual(counts.inFlight("b", "in"), 0)
    }),
  )

  measured("count requests beyond the limit of the server as Busy on both sides", (counts, world) =>
    Effect.gen(function* () {
      const { seen, toB } = yield* Support.pair(world, { limit: 2 })
      const waiting = [
        yield* Support.background(toB.Wait({ id: "x" })),
        yield* Support.background(toB.Wait({ id: "y" })),
      ]
      yield* World.eventually(() => seen.began.length === 2)
      assert.strictEqual(yield* Support.failure(toB.Half({ number: 2 })), "lost Busy")
      assert.deepStrictEqual(counts.outcomes("a", "out"), { Busy: 1 })
      assert.deepStrictEqual(counts.outcomes("b", "in"), { Busy: 1 })
      for (const { fiber } of waiting) yield* Fiber.interrupt(fiber)
      yield* World.eventually(() => counts.inFlight("b", "in") === 0)
      yield* toB.Half({ number: 2 })
      assert.deepStrictEqual(counts.outcomes("a", "out"), { Busy: 1, interrupted: 2, success: 1 })
      assert.deepStrictEqual(counts.outcomes("b", "in"), { Busy: 1, interrupted: 2, success: 1 })
    }),
  )

  measured("count requests that a fatal defect ended, and free their places", (counts, world) =>
    Effect.gen(function* () {
      const { seen, toB } = yield* Support.pair(world, { disableFatalDefects: false, limit: 2 })
      for (let i = 1; i <= 3; i++) {
        const waiting = yield* Support.background(Effect.exit(toB.Wait({ id: "x" })))
        yield* World.eventually(() => seen.began.length === i)
        yield* Effect.exit(toB.Fail())
        yield* waiting.result
        yield* World.eventually(() => seen.interrupted.length === i)
        yield* Effect.sleep("1 second")
        assert.strictEqual(counts.inFlight("b", "in"), 0)
      }
      assert.deepStrictEqual(counts.outcomes("b", "in"), { defect: 6 })
    }),
  )

  measured("count requests of a server and of a client that stop", (counts, world) =>
    Effect.gen(function* () {
      const { a, b, client, seen, server, toB } = yield* Support.pair(world)
      const waiting = yield* Support.background(toB.Wait({ id: "x" }))
      yield* World.eventually(() => seen.began.length === 1)
      yield* server.stop
      assert.strictEqual(yield* Support.failure(waiting.result), "lost GivenUp")
      assert.deepStrictEqual(counts.outcomes("b", "in"), { stopped: 1 })
      assert.strictEqual(counts.inFlight("b", "in"), 0)

      const again = yield* Support.serve(b)
      yield* World.until(a, ({ peers }) => peers.get("b")?.link === "up")
      yield* Effect.sleep("1 second")
      const outliving = yield* client.scoped("b")
      const other = yield* Support.background(outliving.Wait({ id: "y" }))
      yield* World.eventually(() => again.seen.began.length === 1)
      yield* client.stop
      assert.strictEqual(yield* Support.failure(other.result), "lost ClientClosed")
      yield* World.eventually(() => counts.inFlight("b", "in") === 0)
      assert.deepStrictEqual(counts.outcomes("a", "out"), { GivenUp: 1, ClientClosed: 1 })
      assert.deepStrictEqual(counts.outcomes("b", "in"), { stopped: 1, interrupted: 1 })
    }),
  )

  measured("count an answer in bytes as answered", (counts, world) =>
    Effect.gen(function* () {
      const { toB } = yield* Support.pair(world, { serialization: RpcSerialization.layerSchemaBinary() })
      yield* toB.Half({ number: 8 })
      yield* Effect.flip(toB.Half({ number: 7 }))
      assert.deepStrictEqual(counts.outcomes("a", "out"), { answered: 2 })
      assert.deepStrictEqual(counts.outcomes("b", "in"), { answered: 2 })
      assert.strictEqual(counts.answers("a"), 2)
    }),
  )

  measured("count requests to all peers, and requests of several clients of a service together", (counts, world) =>
    Effect.gen(function* () {
      const { a, client, toB } = yield* Support.pair(world)
      const other = yield* Support.requests(a)
      yield* (yield* other.to("b")).Half({ number: 2 })
      yield* other.stop
      yield* toB.Half({ number: 2 })
      const all = PeerRpcClient.all(Support.Work, (to) => to.Half({ number: 2 }))
      yield* Effect.provideService(all, PeerRpcClient.PeerRpcClient, client.service)
      // This node does not serve.
      assert.deepStrictEqual(counts.outcomes("a", "out"), { success: 3, NotReading: 1 })
    }),
  )

  measured("count a request to any node once for each node that it was made to", (counts, world) =>
    Effect.gen(function* () {
      const { a, b, client, seen, toB } = yield* Support.pair(world, { limit: 1 })
      const c = yield* world.node("c", { seeds: [b.address] })
      const { seen: seenByC } = yield* Support.serve(c, { limit: 1 })
      yield* World.untilPeers(a, ["b", "c"])
      yield* Effect.sleep("1 second")
      const any = yield* Effect.provideService(
        PeerRpcClient.any(Support.Work),
        PeerRpcClient.PeerRpcClient,
        client.service,
      )
      const toC = yield* client.to("c")
      for (const [to, by] of [
        [toB, seen],
        [toC, seenByC],
      ] as const) {
        yield* Support.background(to.Wait({ id: "x" }))
        yield* World.eventually(() => by.began.length === 1)
      }
      assert.strictEqual(yield* Support.failure(any.Where()), "lost Busy")
      assert.deepStrictEqual(counts.outcomes("a", "out"), { Busy: 2 })
      yield* c.stop
      yield* b.stop
      assert.strictEqual(yield* Support.failure(any.Where()), "lost NotServed")
      assert.deepStrictEqual(counts.outcomes("a", "out"), { Busy: 2, SessionEnded: 2, NotServed: 1 })
    }),
  )

  measured("have the name of the service as label, or other once no lane labels are left", (counts, world) =>
    Effect.gen(function* () {
      // The inbox has a label and a service has two lanes, so the requests of the second service get the last label.
      const a = yield* world.node("a", { limits: { laneLabels: 4 } })
      for (let i = 0; i < 20; i++) yield* Support.requests(a, { service: `service ${i}` })
      const labels = counts.metrics
        .find("a", "coterie_requests_total")
        .map(({ attributes }) => attributes?.["service"] ?? "")
      assert.deepStrictEqual(labels, ["service 0", "service 1", "other"])
    }),
  )

  measured("end with the node", (counts, world) =>
    Effect.gen(function* () {
      const { a, toB } = yield* Support.pair(world)
      yield* toB.Half({ number: 2 })
      const isOfRequests = ({ id }: Metric.Metric.Snapshot) => id.startsWith("coterie_request")
      const shown = () =>
        counts.metrics.all().filter((metric) => metric.attributes?.["node"] === "a" && isOfRequests(metric))
      assert.isNotEmpty(shown())
      yield* a.stop
      assert.deepStrictEqual(shown(), [])
    }),
  )

  measured("are listed in the guide", (counts, world) =>
    Effect.gen(function* () {
      const { toB } = yield* Support.pair(world)
      yield* toB.Half({ number: 2 })
      const guide = NodeFs.readFileSync(NodePath.join(import.meta.dirname, "../../../docs/metrics.md"), "utf8")
      const rows = [...guide.matchAll(/^\| `(coterie_request\w+)` \| (\w+) \|/gm)].map(
        ([, id, type]) => `${id} ${type}`,
      )
      const shown = counts.metrics.all().filter(({ id }) => id.startsWith("coterie_request"))
      assert.deepStrictEqual(
        rows.sort(),
        [...new Set(shown.map(({ id, type }) => `${id} ${type.toLowerCase()}`))].sort(),
      )
    }),
  )
})
