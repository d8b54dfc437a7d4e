/** Runs the program of packages/schema-binary/AGENTS.md. */
import { Cluster, Topic } from "@coterie/core"
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Schedule, Stream } from "effect"
import { ClusterLive, Orders } from "../../programs/binary.ts"

it.effect("the topic and the node of the program use the binary format", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make({ latency: "5 millis" })
    const start = (name: string) =>
      ClusterLive(name).pipe(
        Layer.provide(network.transport(name)),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
    const [a, b] = yield* Effect.all([start("a"), start("b")])
    assert.strictEqual(a.serialization.format, "schema-binary")
    const orders = yield* Effect.provideService(Topic.open(Orders), Cluster.Cluster, a)
    yield* Effect.provideService(Topic.publisher(Orders), Cluster.Cluster, b).pipe(
      Effect.flatMap((publisher) =>
        Effect.repeat(publisher.publish({ id: "o-1", total: 12 }), {
          until: ({ sent }) => sent.length === 1,
          schedule: Schedule.spaced("100 millis"),
        }),
      ),
    )
    const [order] = yield* Stream.runCollect(Stream.take(orders.messages, 1))
    assert.deepStrictEqual(order?.value, { id: "o-1", total: 12 })
  }).pipe(Effect.scoped, VirtualTime.flow),
)
