/** Reports of all members that answered. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ClusterReport, NodeReport } from "../Report.ts"
import type { AdminClient } from "./AdminClient.ts"

/** Number of nodes that are asked at once. The service allows more, and a report of a node can have megabytes. */
const concurrency = 8

/** Asks for the report of each member in the report of the cluster. `missing` has those without one, and the reason. */
export const nodeReports = Effect.fnUntraced(function* (client: AdminClient, { rows }: ClusterReport) {
  const results = yield* Effect.forEach(
    rows,
    ({ name }) =>
      Effect.map(Effect.result(client.ask((api) => api.node.nodeByName({ query: { name } }))), (result) => ({
        name,
        result,
      })),
    { concurrency },
  )
  const nodes: Array<NodeReport> = []
  const missing: Array<{ readonly name: string; readonly message: string }> = []
  for (const { name, result } of results) {
    if (Result.isSuccess(result)) nodes.push(result.success)
    else missing.push({ name, message: result.failure.message })
  }
  return { nodes, missing }
})
