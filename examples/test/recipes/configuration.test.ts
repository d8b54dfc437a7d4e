/** Runs the program of docs/recipes/configuration.md. service.test.ts runs it with readers. */
import { Cluster } from "@coterie/core"
import { it } from "@coterie/testkit/vitest"
import { assert, describe } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import * as Service from "../../service.ts"

const environment = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env }))

describe("the recipe of a container with environment variables", () => {
  it.sim("joins the others through one seed, which starts last, and again after the seed has crashed", {}, (sim) =>
    Effect.gen(function* () {
      const { a, b, c } = yield* sim.nodes(
        ["c", "b", "a"],
        (name) =>
          Cluster.layerFromEnv({ start: "manual" }).pipe(
            Layer.provide(environment({ COTERIE_CLUSTER: "shop", COTERIE_NAME: name, COTERIE_SEEDS: "a" })),
          ),
        {
          start: (name) =>
            Effect.andThen(
              Effect.sleep(name === "a" ? "20 seconds" : 0),
              Effect.flatMap(Cluster.Cluster, ({ start }) => start),
            ),
        },
      )
      const lists = (node: typeof a, others: string) => () => {
        const names = [...(node.service(Cluster.Cluster)?.viewUnsafe().peers.keys() ?? [])].sort()
        return String(names) === others || `${node.name} lists ${names}`
      }
      yield* sim.until("b lists the others", lists(b, "a,c"))
      yield* sim.until("c lists the others", lists(c, "a,b"))
      yield* a.crash
      yield* sim.until("b has lost the seed", lists(b, "c"))
      yield* a.restart
      yield* sim.until("b lists the seed again", lists(b, "a,c"))
    }),
  )

  const wrong: ReadonlyArray<readonly [variable: string, value: string, tag: string, mentions: string]> = [
    ["COTERIE_CLUSTER", "", "ConfigError", "COTERIE_CLUSTER"],
    ["COTERIE_NAME", "a\tb", "OptionsError", `option "name"`],
    ["COTERIE_SEEDS", "a:b:c", "OptionsError", `option "seeds"`],
    ["COTERIE_TRACING", "maybe", "ConfigError", "COTERIE_TRACING"],
    ["COTERIE_PORT", "70000", "ConfigError", "COTERIE_PORT"],
    ["COTERIE_HOST", "0.0.0.0", "TransportError", "insecure"],
    ["COTERIE_DISCOVERY", "dsn:peers", "ConfigError", "COTERIE_DISCOVERY"],
  ]
  for (const [variable, value, tag, mentions] of wrong) {
    it.live(`fails as ${tag} if ${variable} is ${JSON.stringify(value)}, and says why`, () =>
      Effect.gen(function* () {
        const env = { COTERIE_CLUSTER: "shop", COTERIE_PORT: "0", [variable]: value }
        const error = yield* Effect.flip(Effect.provide(Service.main(Layer.empty), environment(env)))
        assert.strictEqual(error._tag, tag)
        assert.include(String(error), mentions)
      }),
    )
  }
})
