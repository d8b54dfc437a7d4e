import * as Cluster from "@coterie/core/Cluster"
import * as Discovery from "@coterie/core/Discovery"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import type { Transport } from "@coterie/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/** Starts a node with these variables as the configuration. */
const start = <E>(layer: Layer.Layer<Cluster.Cluster, E, Transport>, env: Record<string, string>) =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const context = yield* Layer.build(Layer.provide(layer, network.transport("host")))
    return Context.get(context, Cluster.Cluster)
  }).pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })))

const scene = (title: string, body: () => Effect.Effect<void, unknown, Scope.Scope>): void =>
  it.effect(title, () => Effect.suspend(body).pipe(Effect.scoped, VirtualTime.flow))

describe("the options from the environment", () => {
  scene("require only the name of the cluster", () =>
    Effect.gen(function* () {
      const cluster = yield* start(Cluster.layerFromEnv(), { COTERIE_CLUSTER: "shop" })
      assert.deepInclude(yield* cluster.settled, { _tag: "Alone", reason: "noSeeds" })
      assert.deepStrictEqual<ReadonlyArray<string>>((yield* cluster.self).addresses, ["host:24868"])
    }),
  )

  scene("contain lists with commas as separators, without blanks and empty elements", () =>
    Effect.gen(function* () {
      const cluster = yield* start(Cluster.layerFromEnv(), {
        COTERIE_CLUSTER: "shop",
        COTERIE_NAME: "a",
        COTERIE_SEEDS: " b:1, ,c:2,",
      })
      assert.strictEqual((yield* cluster.self).name, "a")
      assert.deepInclude(yield* cluster.settled, { _tag: "Alone", reason: "unavailable" })
    }),
  )

  scene("fail without the name of the cluster", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(start(Cluster.layerFromEnv(), { COTERIE_NAME: "a" }))
      assert.strictEqual(error._tag, "ConfigError")
      assert.include(String(error), "COTERIE_CLUSTER")
    }),
  )

  scene("are not read if the application provides them", () =>
    Effect.gen(function* () {
      const given = { cluster: "shop", name: "b", tracing: true } as const
      const cluster = yield* start(Cluster.layerFromEnv(given), { COTERIE_TRACING: "perhaps", COTERIE_NAME: "a" })
      assert.strictEqual((yield* cluster.self).name, "b")
    }),
  )

  scene("can be combined with policies", () =>
    Effect.gen(function* () {
      const layer = Cluster.layerFromEnv({ policies: [Discovery.layerSeeds(["nobody:1"])] })
      const cluster = yield* start(layer, { COTERIE_CLUSTER: "shop" })
      assert.deepInclude(yield* cluster.settled, { _tag: "Alone", reason: "unavailable" })
    }),
  )
})

describe("the options from a configuration", () => {
  scene("may each be a separate Config", () =>
    Effect.gen(function* () {
      const layer = Cluster.layerConfig(
        { cluster: Config.String("APP"), name: Config.String("HOST"), metadata: Config.succeed({ role: "web" }) },
        { policies: [Discovery.layerSeeds(["nobody:1"])] },
      )
      const cluster = yield* start(layer, { APP: "shop", HOST: "web-1" })
      const { metadata, name } = yield* cluster.self
      assert.deepStrictEqual({ metadata, name }, { metadata: { role: "web" }, name: "web-1" })
      assert.deepInclude(yield* cluster.settled, { _tag: "Alone", reason: "unavailable" })
    }),
  )

  scene("fail if one is missing", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(start(Cluster.layerConfig({ cluster: Config.String("APP") }), {}))
      assert.strictEqual(error._tag, "ConfigError")
    }),
  )
})
