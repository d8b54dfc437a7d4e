/** Effect's cluster engine with its own sockets, and the verdicts of the peers. */
// #region layer
import { Cluster } from "@coterie/core"
import { CoterieRunnerHealth, RunnerPeers } from "@coterie/effect-cluster"
import { NodeTransport } from "@coterie/node-transport"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import { Layer, Option } from "effect"
import { type MessageStorage, RunnerAddress, type RunnerStorage, ShardingConfig, SocketRunner } from "effect/cluster"
import { RpcSerialization } from "effect/rpc"

/** Address of the runner, and its storage. */
export interface Options<E, R> {
  readonly host: string
  readonly port: number
  readonly storage: Layer.Layer<MessageStorage.MessageStorage | RunnerStorage.RunnerStorage, E, R>
  readonly sharding?: Partial<ShardingConfig.ShardingConfig["Service"]>
}

/** Node that announces the address of its runner to its peers. */
export const peers = (name: string, seeds: ReadonlyArray<string>, { host, port }: Options<unknown, unknown>) =>
  Cluster.layer({ cluster: "shop", name, seeds, metadata: { [RunnerPeers.metadataKey]: `${host}:${port}` } }).pipe(
    Layer.provide(NodeTransport.layerTcp({ host, port: 0 })),
  )

/** Runner over Effect's sockets, whose death is detected by the peers. */
export const engine = <E, R>({ host, port, sharding, storage }: Options<E, R>) =>
  Layer.merge(SocketRunner.layer, CoterieRunnerHealth.layerResponder()).pipe(
    Layer.provide([NodeClusterSocket.layerSocketServer, NodeClusterSocket.layerClientProtocol]),
    Layer.provide(CoterieRunnerHealth.layer),
    Layer.provideMerge(storage),
    Layer.provide(RunnerPeers.layerByMetadata()),
    Layer.provide(RpcSerialization.layerSchemaBinary()),
    Layer.provide(
      ShardingConfig.layer({
        runnerHealthCheckInterval: "1 second",
        refreshAssignmentsInterval: "500 millis",
        ...sharding,
        runnerAddress: Option.some(RunnerAddress.make(host, port)),
      }),
    ),
  )
// #endregion
