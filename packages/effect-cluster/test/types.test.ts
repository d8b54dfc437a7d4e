/** Combinations that must compile, and combinations that must not. */
import type { Cluster } from "@coterie/core/Cluster"
import type { OptionsError, StoppedError } from "@coterie/core/ClusterError"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type { MessageStorage } from "effect/cluster/MessageStorage"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import type { Runners } from "effect/cluster/Runners"
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import type { Sharding } from "effect/cluster/Sharding"
import type { ShardingConfig } from "effect/cluster/ShardingConfig"
import * as Layer from "effect/Layer"
import * as CoterieCluster from "../src/CoterieCluster.ts"
import * as CoterieRunners from "../src/CoterieRunners.ts"
import type { RunnerPeers } from "../src/RunnerPeers.ts"

type Storage = MessageStorage | RunnerStorage

declare const storage: Layer.Layer<Storage, "storage failed", "database" | ShardingConfig>

describe("the types of the engine", () => {
  it("do not allow pings as the health check: the transport has its own, and pings need the runners", () => {
    type Engine = Layer.Layer<
      Sharding | Runners,
      OptionsError,
      Cluster | RunnerPeers | ShardingConfig | MessageStorage | RunnerStorage
    >
    expectTypeOf(CoterieRunners.layer).returns.toEqualTypeOf<Engine>()
    const withPings = () => CoterieRunners.layer().pipe(Layer.provide(RunnerHealth.layerPing))
    expectTypeOf(withPings).returns.not.toExtend<Engine>()
    expectTypeOf<Layer.Services<ReturnType<typeof withPings>>>().toEqualTypeOf<Layer.Services<Engine> | Runners>()
  })

  it("require the cluster and what the storage requires, but not the configuration of the engine", () => {
    const engine = () => CoterieCluster.layer({ storage })
    expectTypeOf(engine).returns.toEqualTypeOf<
      Layer.Layer<Sharding | Runners | Storage, "storage failed" | OptionsError | StoppedError, Cluster | "database">
    >()
    const client = () => CoterieCluster.layerClientOnly({ storage })
    expectTypeOf(client).returns.toEqualTypeOf<ReturnType<typeof engine>>()
  })

  it("do not allow an address of the runner, which comes from the node", () => {
    expectTypeOf<CoterieRunners.ShardingOptions>().not.toHaveProperty("runnerAddress")
    expectTypeOf<CoterieRunners.ShardingOptions>().not.toHaveProperty("runnerListenAddress")
  })
})
