/**
 * Serialization of `effect/rpc` whose request ids are the same in every run of a seed.
 *
 * **Details**
 *
 * `effect/rpc` counts the ids of requests in a variable of its module, which all nodes and all runs of a process share.
 * The ids are sent, so the second run of a seed would send other bytes than the first. The layer counts the ids of each
 * process from 1, on the wire only. Use it for clients and servers of `effect/rpc` in a simulation. It changes nothing
 * else: not the format, and not the ids that a client sees.
 *
 * ```ts
 * import * as SimRpcSerialization from "@coterie/testkit/SimRpcSerialization"
 * import { RpcSerialization } from "effect/rpc"
 *
 * const layer = SimRpcSerialization.layer(RpcSerialization.layerNdjson)
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import { RequestIds } from "./socket/RequestIds.ts"

/**
 * Wraps a serialization.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E, R>(
  serialization: Layer.Layer<RpcSerialization.RpcSerialization, E, R>,
): Layer.Layer<RpcSerialization.RpcSerialization, E, R> =>
  Layer.effect(RpcSerialization.RpcSerialization)(
    Effect.map(RpcSerialization.RpcSerialization, (wrapped) => {
      const ids = new RequestIds()
      return {
        ...wrapped,
        makeUnsafe: () => {
          const parser = wrapped.makeUnsafe()
          return {
            encode: (message) => parser.encode(ids.toWire(message)),
            decode: (data) => parser.decode(data).map((message) => ids.fromWire(message)),
          }
        },
      }
    }),
  ).pipe(Layer.provide(serialization))
