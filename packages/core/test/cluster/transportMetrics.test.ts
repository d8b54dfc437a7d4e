/** Metrics that a transport adds to those of its node, and the outcomes of its dials (docs/metrics.md). */
import type { NodeMetrics } from "@coterie/core/NodeMetrics"
import * as Transport from "@coterie/core/Transport"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Measured from "./measured.ts"
import { MetricReader } from "./MetricReader.ts"
import * as World from "./world.ts"

const measured = Measured.measured((registry) => new MetricReader(registry))

type Service = Transport.Transport["Service"]

/** Makes a world whose transports are changed. */
const changed = (network: SimNetwork.Shape, change: (host: string, transport: Service) => Service): World.World =>
  World.sim({
    ...network,
    transport: (host, options) =>
      Layer.effect(
        Transport.Transport,
        Effect.map(Layer.build(network.transport(host, options)), (context) =>
          change(host, Context.get(context, Transport.Transport)),
        ),
      ),
  })

/** A transport that counts its listeners, and reports their number. */
const reporting = (transport: Service, log: Array<string>): Service => {
  let listeners = 0
  return {
    ...transport,
    listen: Effect.tap(transport.listen, () =>
      Effect.sync(() => {
        listeners++
        log.push("listen")
      }),
    ),
    addMetrics: (metrics: NodeMetrics) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          log.push("addMetrics")
          metrics.observe({ id: "listeners", description: "", labels: { kind: "sim" }, read: () => listeners })
          metrics.counter({ id: "starts", description: "", labels: {} }).increment()
        }),
        () => Effect.sync(() => log.push("ended")),
      ),
  }
}

describe("the metrics of a transport", () => {
  measured("have the labels of the node, and end with it", (metrics, _, network) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const world = changed(network, (host, transport) => (host === "a" ? reporting(transport, log) : transport))
      const { a, b } = yield* World.pair(world)
      assert.deepStrictEqual(log, ["addMetrics", "listen"])
      assert.deepStrictEqual(metrics.find("a", "listeners")[0]?.attributes, {
        cluster: "test",
        node: "a",
        kind: "sim",
      })
      assert.deepStrictEqual([metrics.value("a", "listeners"), metrics.value("a", "starts")], [1, 1])
      assert.deepStrictEqual(metrics.find("b", "listeners"), [])
      yield* a.cluster.leave
      assert.deepStrictEqual(log, ["addMetrics", "listen", "ended"])
      assert.deepStrictEqual(metrics.find("a", "listeners"), [])
      yield* b.stop
      assert.deepStrictEqual(metrics.all(), [])
    }),
  )
})

describe("coterie_connections_total", () => {
  const outcome = (metrics: MetricReader, node: string, direction: string, outcome: string) =>
    metrics.sum(node, "coterie_connections_total", { direction, outcome })

  measured("counts a link that replaces another one as renewed at the node that dials", (metrics, _, network) =>
    Effect.gen(function* () {
      const { a } = yield* World.pair(World.sim(network, () => ({ _tag: "Secret", key: "k1" })))
      // The link is up an instant before its dial ends.
      yield* World.eventually(() => outcome(metrics, "b", "out", "up") === 1)
      assert.strictEqual(outcome(metrics, "b", "out", "renewed"), 0)
      yield* network.withdraw("b")
      yield* World.eventually(() => outcome(metrics, "b", "out", "renewed") === 1)
      assert.strictEqual(outcome(metrics, "b", "out", "up"), 1)
      yield* World.eventually(() => outcome(metrics, "a", "in", "up") === 2)
      yield* World.untilPeers(a, ["b"])
    }),
  )

  for (const reason of ["unauthenticated", "forbidden"] as const) {
    measured(`counts the dials that fail as ${reason}`, (metrics, _, network) =>
      Effect.gen(function* () {
        const world = changed(network, (_, transport) => ({
          ...transport,
          connect: () => Effect.fail(new Transport.TransportError({ reason, message: "no" })),
        }))
        yield* world.node("b", { seeds: ["a"] })
        yield* World.eventually(() => outcome(metrics, "b", "out", reason) > 1)
        assert.strictEqual(outcome(metrics, "b", "out", "up"), 0)
      }),
    )
  }
})
