import { Cluster } from "@coterie/core"
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Ref } from "effect"
import { ClusterLive, named, registry } from "../policies.ts"

it.effect("a cluster runs with a custom value for every policy", () =>
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

// #region identities
it.effect("a certificate of another name is denied", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const start = (name: string, certificateOf: string) => {
      const names = [`spiffe://example.org/shop/${certificateOf}`]
      const identity = { _tag: "Certificate", names, fingerprint: "00", validTo: 0 } as const
      return Cluster.layer({ cluster: "shop", name, policies: [named] }).pipe(
        Layer.provide(network.transport(name, { identity })),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
    }
    yield* start("web-1", "web-1")
    const second = yield* start("web-2", "web-2")
    const impostor = yield* start("db-1", "web-1")

    assert.strictEqual((yield* second.join("web-1")).name, "web-1")
    const error = yield* Effect.flip(impostor.join("web-1"))
    assert.strictEqual(error.reason._tag, "Denied")
  }).pipe(Effect.scoped, VirtualTime.flow),
)
// #endregion

it.effect("a node dials the addresses that its registry returns, and keeps them while the registry fails", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const start = (name: string, find: Effect.Effect<ReadonlyArray<string>, string>) =>
      Cluster.layer({ cluster: "shop", name, policies: [registry(find)] }).pipe(
        Layer.provide(network.transport(name)),
        Layer.build,
        Effect.map(Context.get(Cluster.Cluster)),
      )
    const runs = yield* Ref.make(0)
    const find = Effect.flatMap(
      Ref.getAndUpdate(runs, (n) => n + 1),
      (run) => (run === 0 ? Effect.succeed(["web-1"]) : Effect.fail("the registry is down")),
    )
    const node = yield* start("web-2", find)
    yield* Effect.sleep("1 minute") // of virtual time
    assert.strictEqual((yield* node.status)._tag, "Alone")
    assert.isAbove(yield* Ref.get(runs), 1)

    yield* start("web-1", Effect.succeed([]))
    yield* Effect.sleep("1 minute")
    assert.deepStrictEqual(yield* node.status, { _tag: "Member", peers: 1 })
  }).pipe(Effect.scoped, VirtualTime.flow),
)
