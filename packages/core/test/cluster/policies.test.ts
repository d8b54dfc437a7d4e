/** The ways to provide the policies of a node, and their description in the log. */
import * as Admission from "@coterie/core/Admission"
import * as Cluster from "@coterie/core/Cluster"
import * as Discovery from "@coterie/core/Discovery"
import * as Entropy from "@coterie/core/Entropy"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Gossip from "@coterie/core/Gossip"
import * as Reconnect from "@coterie/core/Reconnect"
import * as TopicSerialization from "@coterie/core/TopicSerialization"
import type * as Transport from "@coterie/core/Transport"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

const cluster = "test"
const discovery = Discovery.layerSeeds(["a"])

/** Builds the layer of a node on a separate host. */
const start = <E>(
  network: SimNetwork.Shape,
  name: string,
  layer: Layer.Layer<Cluster.Cluster, E, Transport.Transport>,
) => Effect.map(Layer.build(Layer.provide(layer, network.transport(name))), Context.get(Cluster.Cluster))

const hasPeer = (node: Cluster.Cluster["Service"]) =>
  node.views.pipe(
    Stream.filter(({ peers }) => peers.size > 0),
    Stream.runHead,
    Effect.timeout("1 minute"),
  )

const scene = (title: string, body: (network: SimNetwork.Shape) => Effect.Effect<void, unknown, Scope.Scope>): void =>
  it.effect(title, () =>
    Effect.flatMap(SimNetwork.make({ latency: "1 millis" }), body).pipe(Effect.scoped, VirtualTime.flow),
  )

describe("the policies of a node", () => {
  scene("may be provided with the options", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a", Cluster.layer({ cluster, name: "a" }))
      const b = yield* start(network, "b", Cluster.layer({ cluster, name: "b", policies: [discovery] }))
      yield* hasPeer(b)
    }),
  )

  scene("may be provided to the layer", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a", Cluster.layer({ cluster, name: "a" }))
      const b = yield* start(network, "b", Layer.provide(Cluster.layer({ cluster, name: "b" }), discovery))
      yield* hasPeer(b)
    }),
  )

  scene("in the options override policies provided to the layer", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a", Cluster.layer({ cluster, name: "a" }))
      const node = Cluster.layer({ cluster, name: "b", policies: [discovery] })
      const b = yield* start(network, "b", Layer.provide(node, Discovery.layerSeeds(["nobody:1"])))
      yield* hasPeer(b)
    }),
  )

  scene("are the later ones if two have the same kind", (network) =>
    Effect.gen(function* () {
      yield* start(network, "a", Cluster.layer({ cluster, name: "a" }))
      const node = Cluster.layer({ cluster, name: "b", policies: [Discovery.layerSeeds(["nobody:1"]), discovery] })
      yield* hasPeer(yield* start(network, "b", node))
    }),
  )

  scene("are logged in one line, with the name, the cluster and the addresses", (network) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => {
        lines.push(String(Array.isArray(message) ? message[0] : message))
      })
      const node = Cluster.layer({ cluster, name: "a", policies: [Reconnect.layer(Schedule.spaced("1 second"))] })
      const merged = Layer.merge(node, discovery)
      yield* start(network, "a", merged).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(lines, [
        'this node is "a" in the cluster "test", at a:24868; ' +
          "policies: Reconnect (given), Admission, Discovery, FailureDetector, Gossip, TopicSerialization (default)",
      ])
    }),
  )
})

class Source extends Context.Service<Source, { readonly hosts: ReadonlyArray<string> }>()("test/Source") {}

declare const polled: Layer.Layer<Discovery.Discovery, "lookup failed", Source>
declare const service: Layer.Layer<Source>
declare const merged: Layer.Layer<Discovery.Discovery | Source>

/** Checks the types of the option. Never runs. */
export const types = () => {
  const all = Cluster.layer({
    cluster,
    policies: [
      Admission.layer(() => Effect.succeed(Admission.admit)),
      Layer.merge(Gossip.layer({}), FailureDetector.layerWan),
      discovery,
      TopicSerialization.layerJson,
    ],
  })
  const plain: Layer.Layer<Cluster.Cluster, Cluster.LayerError, Transport.Transport> = all
  const needy = Cluster.layer({ cluster, policies: [polled] })
  const complete: Layer.Layer<Cluster.Cluster, Cluster.LayerError | "lookup failed", Transport.Transport | Source> =
    needy
  // @ts-expect-error the layer of the cluster has the requirements and the errors of its policies
  const incomplete: Layer.Layer<Cluster.Cluster, Cluster.LayerError, Transport.Transport> = needy
  const runs = (_layer: Layer.Layer<Cluster.Cluster, unknown, Transport.Transport | Source>) => {}
  runs(all)
  runs(needy)
  // @ts-expect-error a logger is not a policy
  runs(Cluster.layer({ cluster, policies: [Logger.layer([])] }))
  // @ts-expect-error the source of entropy is not a policy
  runs(Cluster.layer({ cluster, policies: [discovery, Layer.succeed(Entropy.Entropy, { u32: () => 0 })] }))
  // @ts-expect-error a service is not a policy
  runs(Cluster.layer({ cluster, policies: [service] }))
  // @ts-expect-error a policy together with a service is not a policy
  runs(Cluster.layer({ cluster, policies: [merged] }))
  return [plain, complete, incomplete]
}
