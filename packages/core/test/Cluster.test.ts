import * as Cluster from "@coterie/core/Cluster"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Provides these variables as the configuration. */
const withVariables = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

describe("the options from the configuration", () => {
  it.effect("need only the name of the cluster", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>(yield* Cluster.config, {
        cluster: "shop",
        name: undefined,
        seeds: [],
      })
    }).pipe(withVariables({ COTERIE_CLUSTER: "shop" })),
  )

  it.effect("take lists separated by commas, without blanks and empty elements", () =>
    Effect.gen(function* () {
      const { name, seeds } = yield* Cluster.config
      assert.strictEqual(name, "a")
      assert.deepStrictEqual(seeds, ["b:1", "c:2"])
    }).pipe(
      withVariables({
        COTERIE_CLUSTER: "shop",
        COTERIE_NAME: "a",
        COTERIE_SEEDS: " b:1, ,c:2,",
      }),
    ),
  )

  it.effect("are an error without the name of the cluster", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(Cluster.config))._tag, "ConfigError")
    }).pipe(withVariables({ COTERIE_NAME: "a" })),
  )

  it.effect("yield to those of layerConfig", () =>
    Effect.gen(function* () {
      const network = yield* SimNetwork.make()
      const layer = Cluster.layerConfig({ name: "b" }).pipe(Layer.provide(network.transport("host")))
      const cluster = Context.get(yield* Layer.build(layer), Cluster.Cluster)
      assert.strictEqual((yield* cluster.self).name, "b")
    }).pipe(Effect.scoped, VirtualTime.flow, withVariables({ COTERIE_CLUSTER: "shop", COTERIE_NAME: "a" })),
  )
})
