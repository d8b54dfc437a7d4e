/**
 * Key of a request of a client that picks peers by key. A middleware of the client takes the key from the payload, since
 * a protocol gets the payload in encoded form only.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcMiddleware from "effect/rpc/RpcMiddleware"

/** Key of the request that is sent. */
export const PickKey: Context.Reference<string> = Context.Reference("@coterie/rpc/PickKey", { defaultValue: () => "" })

class PickKeyMiddleware extends RpcMiddleware.Service<PickKeyMiddleware>()("@coterie/rpc/PickKeyMiddleware") {}

/** Accepts any request as a request of the group. A middleware gets no other requests. */
const isOfGroup = <RequestOfGroup>(_: unknown): _ is RequestOfGroup => true

/** Provides the middleware, which takes the key of each request with the function. */
export const layer = <RequestOfGroup>(
  key: (request: RequestOfGroup) => string,
): Layer.Layer<RpcMiddleware.ForClient<PickKeyMiddleware>> =>
  RpcMiddleware.layerClient(PickKeyMiddleware, ({ next, request }) =>
    Effect.suspend(() => {
      const { payload, tag } = request
      // Nothing else, because ids and traces differ between nodes and requests.
      const known: unknown = { tag, payload }
      return isOfGroup<RequestOfGroup>(known)
        ? Effect.provideService(next(request), PickKey, key(known))
        : next(request)
    }),
  )

/**
 * Adds the middleware to a group. It provides no service, adds no error, and clients get it from {@link layer}, so the
 * group keeps its type.
 */
export function keyed<Rpcs extends Rpc.Any>(group: RpcGroup.RpcGroup<Rpcs>): RpcGroup.RpcGroup<Rpcs>
// TypeScript cannot reduce the type of an unknown group with a middleware.
export function keyed(group: RpcGroup.RpcGroup<Rpc.Any>): RpcGroup.RpcGroup<Rpc.Any> | RpcGroup.RpcGroup<never> {
  return group.middleware(PickKeyMiddleware)
}
