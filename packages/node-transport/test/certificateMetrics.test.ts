/** Metrics of nodes with certificates (docs/metrics.md). */
import * as Cluster from "@coterie/core/Cluster"
import * as Certificates from "@coterie/node-transport/Certificates"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { Authority } from "./Authority.ts"
import { issue, materialOf, trust } from "./certificateNodes.ts"
import * as Sockets from "./internal/sockets.ts"
import { connections, listed, measured, shown } from "./measured.ts"

const authority = Authority.root()
const other = Authority.root("another authority")

const hour = 3_600
const day = 24 * hour

/** Starts a node whose certificate expires in some seconds. */
const start = Effect.fnUntraced(function* (
  name: string,
  {
    seconds = day,
    seeds = [],
    signer = authority,
  }: { seconds?: number; seeds?: ReadonlyArray<string>; signer?: Authority },
) {
  const material = materialOf(issue(signer, name, { to: seconds * 1_000 }), [...new Set([authority, signer])])
  const layer = Cluster.layer({ cluster: "hello", name, seeds }).pipe(
    Layer.provide(NodeTransport.layerTls({ port: 0, trust })),
    Layer.provide(Certificates.layer(material)),
    Layer.provide(Logger.layer([])),
  )
  const scope = yield* Scope.fork(yield* Effect.scope)
  const cluster = Context.get(yield* Layer.buildWithScope(layer, scope), Cluster.Cluster)
  const [address] = (yield* cluster.self).addresses
  return { address: address ?? assert.fail("a node has an address"), stop: Scope.close(scope, Exit.void) }
})

describe("a node with a certificate", () => {
  measured("shows when its certificate and the first of its peers expire", (metrics) =>
    Effect.gen(function* () {
      const left = (whose: string) => metrics.find("a", "coterie_certificate_seconds", { whose }).length
      const seconds = (whose: string) => metrics.value("a", "coterie_certificate_seconds", { whose })
      const a = yield* start("a", { seconds: 10 * day })
      assert.deepStrictEqual([left("own"), left("peers")], [1, 0])
      // A certificate has whole seconds, and the test takes less than an hour.
      assert.isAbove(seconds("own"), 10 * day - hour)
      assert.isAtMost(seconds("own"), 10 * day)
      yield* start("b", { seconds: 2 * day, seeds: [a.address] })
      const c = yield* start("c", { seconds: 2 * hour, seeds: [a.address] })
      yield* Sockets.until(() => left("peers") === 1 && seconds("peers") <= 2 * hour)
      assert.isAbove(seconds("peers"), hour)
      assert.sameMembers(listed("Certificates"), shown(metrics, "whose"))
      yield* c.stop
      yield* Sockets.until(() => seconds("peers") > 2 * hour)
      assert.isAtMost(seconds("peers"), 2 * day)
      yield* a.stop
      assert.strictEqual(left("own") + left("peers"), 0)
    }),
  )

  measured("counts the changes of its certificates that could not be used", (metrics) =>
    Effect.gen(function* () {
      const certificates = yield* Certificates.make(materialOf(issue(authority, "a"), [authority]))
      const layer = Cluster.layer({ cluster: "hello", name: "a" }).pipe(
        Layer.provide(NodeTransport.layerTls({ port: 0, trust })),
        Layer.provide(Layer.succeed(Certificates.Certificates)(certificates)),
        Layer.provide(Logger.layer([])),
      )
      yield* Layer.build(layer)
      const rejected = () => metrics.value("a", "coterie_rejected_changes_total", { kind: "certificates" })
      assert.strictEqual(rejected(), 0)
      yield* Effect.flip(certificates.set(materialOf(issue(other, "a"), [authority])))
      yield* Sockets.until(() => rejected() === 1)
      // `Certificates` takes this change, and the transport does not trust its name.
      yield* certificates.set(materialOf(authority.issue({ names: ["DNS:other.example"] }), [authority]))
      yield* Sockets.until(() => rejected() === 2)
    }),
  )

  measured("has no time of peers after the last connection is closed", (metrics) =>
    Effect.gen(function* () {
      const left = () => metrics.find("a", "coterie_certificate_seconds", { whose: "peers" }).length
      const a = yield* start("a", {})
      const b = yield* start("b", { seeds: [a.address] })
      yield* Sockets.until(() => left() === 1)
      yield* b.stop
      yield* Sockets.until(() => left() === 0)
    }),
  )

  measured("counts dialers whose certificate it does not trust", (metrics) =>
    Effect.gen(function* () {
      const a = yield* start("a", {})
      yield* start("b", { seeds: [a.address], signer: other })
      yield* Sockets.until(
        () =>
          connections(metrics, "a", "in", "certificate") > 0 && connections(metrics, "b", "out", "unauthenticated") > 0,
      )
      assert.strictEqual(connections(metrics, "a", "in", "up"), 0)
    }),
  )
})
