/** The protocols of Effect's RPC that the engine needs, over the links of this node. */
import type { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import { PeerRpcClient, layer as layerClient } from "@coterie/rpc/PeerRpcClient"
import * as PeerRpcServer from "@coterie/rpc/PeerRpcServer"
import * as RequestLost from "@coterie/rpc/RequestLost"
import * as Effect from "effect/Effect"
import * as Runners from "effect/cluster/Runners"
import * as Layer from "effect/Layer"
import type * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import type * as RpcServer from "effect/rpc/RpcServer"
import { RunnerPeers } from "../RunnerPeers.ts"
import { textOf } from "./runnerAddresses.ts"

/** Name of the service. Its lanes are part of the protocol. */
const service = "effect/cluster"

/**
 * All runners of a cluster must use the same serialization, so it is not an option. It has no bound of its own, because
 * `limits.messageBytes` bounds every message.
 */
const serialization = RpcSerialization.layerSchemaBinary({ maxFrameSize: "unbounded" })

type Protocol = RpcClient.Protocol["Service"]

/**
 * Dies if a request or its response is too large. The engine repeats a request that fails with `RpcClientError`, and
 * would repeat this one forever.
 */
const dieIfTooLarge = (error: RpcClientError): Effect.Effect<never, RpcClientError> => {
  const cause = RequestLost.causeOf(error)
  const reason = cause?.reason._tag
  return reason === "TooLarge" || reason === "ResponseTooLarge" ? Effect.die(cause) : Effect.fail(error)
}

const withoutRepeats = (protocol: Protocol): Protocol => ({
  ...protocol,
  send: (clientId, request, transferables) =>
    Effect.catch(protocol.send(clientId, request, transferables), dieIfTooLarge),
})

/** Provides clients of the runners. A runner whose peer is not known has a name that no peer has. */
export const layerClientProtocol: Layer.Layer<Runners.RpcClientProtocol, OptionsError, Cluster | RunnerPeers> =
  Layer.effect(Runners.RpcClientProtocol)(
    Effect.gen(function* () {
      const client = yield* PeerRpcClient
      const peers = yield* RunnerPeers
      const { codecFor } = yield* RpcSerialization.RpcSerialization
      return Runners.RpcClientProtocol.of({
        codecFor,
        make: (address) => Effect.map(client.protocol(peers.nameOf(address) ?? textOf(address)), withoutRepeats),
      })
    }),
  ).pipe(Layer.provide(layerClient({ service })), Layer.provide(serialization))

/** Returns the error in terms of the options of the engine. */
const toEngineOption = (error: OptionsError): OptionsError => {
  if (error.option === "limit") return new OptionsError({ option: "requestLimit", problem: error.problem })
  // The only other problem: the name of the service, which is valid, is taken.
  return new OptionsError({ option: "engine", problem: "this node runs an engine already; build its layer once" })
}

/** Provides the server of the runner of this node. */
export const layerServerProtocol = (limit: number): Layer.Layer<RpcServer.Protocol, OptionsError, Cluster> =>
  PeerRpcServer.layerProtocol({ service, limit }).pipe(
    Layer.provide(serialization),
    Layer.catch((error: OptionsError) => Layer.effectContext(Effect.fail(toEngineOption(error)))),
  )
