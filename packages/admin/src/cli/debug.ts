/** `coterie debug`: all that a report of a problem needs, in one JSON document. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { version } from "../internal/version.ts"
import type { NodeReport } from "../Report.ts"
import * as Cluster from "./cluster.ts"
import type { CommandError } from "./CommandError.ts"
import * as Events from "./events.ts"
import { type ExitCode, exits } from "./exits.ts"
import { onlyClient, type Session } from "./Session.ts"
import { json } from "./text.ts"

/** Number of nodes that are asked at once. The service allows more, and a report of a node can have megabytes. */
const concurrency = 8

export const run = Effect.fnUntraced(function* (session: Session): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  const cluster = yield* Cluster.ask(session)
  const reports = yield* Effect.forEach(
    cluster.rows,
    ({ name }) =>
      Effect.map(Effect.result(client.ask((api) => api.node.nodeByName({ query: { name } }))), (result) => ({
        name,
        result,
      })),
    { concurrency },
  )
  const nodes: Array<NodeReport> = []
  const missing: Array<{ readonly name: string; readonly message: string }> = []
  for (const { name, result } of reports) {
    if (Result.isSuccess(result)) nodes.push(result.success)
    else missing.push({ name, message: result.failure.message })
  }
  const events = yield* Events.history(session, client)
  const at = yield* Clock.currentTimeMillis
  yield* session.print(json({ schema: 1, version, at, cluster, nodes, missing, events }))
  return exits.yes
})
