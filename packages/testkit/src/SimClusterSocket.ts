/**
 * Sockets of the runners of Effect's own cluster engine (`effect/cluster`) on the simulated network, in the place of
 * `NodeClusterSocket` of `@effect/platform-node`.
 *
 * **Details**
 *
 * The address of a runner is the name of its node and a port. The layers have the timeouts of `NodeClusterSocket`. Keep
 * runners, locks and messages in a `SimRunnerStorage`.
 *
 * ```ts
 * import * as SimClusterSocket from "@coterie/testkit/SimClusterSocket"
 * import * as SimRpcSerialization from "@coterie/testkit/SimRpcSerialization"
 * import { Layer } from "effect"
 * import { SocketRunner } from "effect/cluster"
 * import { RpcSerialization } from "effect/rpc"
 *
 * const layerRunner = SocketRunner.layer.pipe(
 *   Layer.provide([SimClusterSocket.layerSocketServer, SimClusterSocket.layerClientProtocol]),
 *   Layer.provide(SimRpcSerialization.layer(RpcSerialization.layerSchemaBinary())),
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runners from "effect/cluster/Runners"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Socket from "effect/socket/Socket"
import type * as SocketServer from "effect/socket/SocketServer"
import { SimHost } from "./SimHost.ts"
import * as SimSocket from "./SimSocket.ts"
import * as SimSocketServer from "./SimSocketServer.ts"

/** Time after which a runner that does not answer is unavailable, as with `NodeClusterSocket`. */
const openTimeout = "1 second"

/**
 * Connections to other runners.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClientProtocol: Layer.Layer<
  Runners.RpcClientProtocol,
  never,
  RpcSerialization.RpcSerialization | SimHost
> = Layer.effect(Runners.RpcClientProtocol)(
  Effect.gen(function* () {
    const serialization = yield* RpcSerialization.RpcSerialization
    const self = yield* SimHost
    return {
      codecFor: serialization.codecFor,
      make: ({ host, port }) =>
        RpcClient.makeProtocolSocket().pipe(
          Effect.provideServiceEffect(Socket.Socket, SimSocket.makeNet({ host, port, openTimeout })),
          Effect.provideService(RpcSerialization.RpcSerialization, serialization),
          Effect.provideService(SimHost, self),
        ),
    }
  }),
)

/**
 * Server of a runner. It listens on `runnerListenAddress` of the `ShardingConfig`, or else on `runnerAddress`. Dies if
 * the configuration has neither.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSocketServer: Layer.Layer<
  SocketServer.SocketServer,
  SocketServer.SocketServerError,
  ShardingConfig.ShardingConfig | SimHost
> = Layer.unwrap(
  Effect.gen(function* () {
    const { runnerAddress, runnerListenAddress } = yield* ShardingConfig.ShardingConfig
    const address = Option.orElse(runnerListenAddress, () => runnerAddress)
    if (Option.isSome(address)) return SimSocketServer.layer(address.value)
    return yield* Effect.die(new Error("set runnerAddress or runnerListenAddress of the ShardingConfig"))
  }),
)
