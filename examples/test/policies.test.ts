import { Cluster } from "@coterie/core"
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { ClusterLive } from "../policies.ts"

it.effect("a cluster runs with a choice for every policy", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const start = (name: string) =>
      ClusterLive(name).pipe(
        Layer.provide(network.transport(name)),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
    yield* start("web-1")
    const second = yield* start("web-2")
    const stranger = yield* start("db-1")

    assert.strictEqual((yield* second.join("web-1")).name, "web-1")
    const error = yield* Effect.flip(stranger.join("web-1"))
    assert.strictEqual(error.reason._tag, "Denied")
    assert.include(error.message, "web servers only")
  }).pipe(Effect.scoped, VirtualTime.flow),
)
