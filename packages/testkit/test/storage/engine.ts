/** Runner of Effect's cluster engine with a counter as its entity, for tests of the storage and of sockets. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import {
  ClusterSchema,
  Entity,
  type MessageStorage,
  RunnerAddress,
  RunnerHealth,
  Runners,
  type RunnerStorage,
  Sharding,
  ShardingConfig,
} from "effect/cluster"
import { Rpc } from "effect/rpc"

/** Counter that answers with the name of the node that it runs on. */
export const Where = Entity.make("Where", [
  Rpc.make("Ask", { payload: { id: Schema.String }, success: Schema.String, primaryKey: ({ id }) => id }).annotate(
    ClusterSchema.Persisted,
    true,
  ),
  Rpc.make("Look", { success: Schema.String }),
])

/** Entity of a node. An `Ask` takes a second, and `handled` is called when it is done. */
export const layerEntity = (node: string, handled: (id: string) => void = () => undefined) =>
  Where.toLayer({
    Ask: ({ payload }) =>
      Effect.sync(() => {
        handled(payload.id)
        return node
      }).pipe(Effect.delay("1 second")),
    Look: () => Effect.succeed(node),
  })

/** Configuration of a runner with few shards and short intervals. */
export const layerConfig = (node: string, options?: Partial<ShardingConfig.ShardingConfig["Service"]>) =>
  ShardingConfig.layer({
    runnerAddress: Option.some(RunnerAddress.make(node, 1)),
    shardsPerGroup: 10,
    refreshAssignmentsInterval: "500 millis",
    entityMessagePollInterval: "2 seconds",
    ...options,
  })

/** Runner that reaches other runners through the storage only. */
export const layerAlone = (
  node: string,
  storage: Layer.Layer<RunnerStorage.RunnerStorage | MessageStorage.MessageStorage>,
  handled?: (id: string) => void,
) =>
  layerEntity(node, handled).pipe(
    Layer.provideMerge(Sharding.layer),
    Layer.provide([Runners.layerNoop, RunnerHealth.layerNoop]),
    Layer.provide(storage),
    Layer.provide(layerConfig(node)),
  )
