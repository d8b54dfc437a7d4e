/**
 * The two lanes that carry a service, and the serialization of its messages. The names of the lanes are part of the
 * protocol (docs/requests.md, "On the wire").
 */
import type { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import type { Lane } from "@coterie/core/Lane"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as RpcSerialization from "effect/rpc/RpcSerialization"

/** Default name of the service. */
const defaultService = "default"

export interface RpcLanes {
  readonly service: string
  /** Label of the service on metrics: its name, or `other` if the lane of requests has no label of its own. */
  readonly label: string
  /** Lane from clients to the server. */
  readonly requests: Lane
  /** Lane from the server to clients. */
  readonly responses: Lane
  readonly serialization: RpcSerialization.RpcSerialization["Service"]
}

/**
 * Makes the lanes of a service with the `RpcSerialization` of the context, or with JSON if there is none. Fails with
 * `OptionsError` if the name of the service is empty or does not give a valid lane name.
 */
export const make = Effect.fnUntraced(function* (
  cluster: Cluster["Service"],
  { service = defaultService }: { readonly service?: string | undefined },
) {
  const provided = yield* Effect.serviceOption(RpcSerialization.RpcSerialization)
  const serialization = Option.getOrElse(provided, () => RpcSerialization.json)
  const lane = (name: string) =>
    service === ""
      ? Effect.fail(new OptionsError({ option: "service", problem: "the name of a service must not be empty" }))
      : Effect.mapError(
          cluster.lane(`rpc/${service}/${name}`, { format: serialization.contentType }),
          ({ problem }) =>
            new OptionsError({ option: "service", problem: `the service needs a valid lane name: ${problem}` }),
        )
  const requests = yield* lane("requests")
  const laneLabel = cluster.metrics.laneLabel(requests.name)
  const lanes: RpcLanes = {
    service,
    label: laneLabel === requests.name ? service : laneLabel,
    requests,
    responses: yield* lane("replies"),
    serialization,
  }
  return lanes
})
