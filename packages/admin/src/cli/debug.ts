/** `coterie debug`: all that a report of a problem needs, in one JSON document. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { version } from "../internal/version.ts"
import * as Cluster from "./cluster.ts"
import type { CommandError } from "./CommandError.ts"
import * as Events from "./events.ts"
import { type ExitCode, exits } from "./exits.ts"
import { nodeReports } from "./nodeReports.ts"
import { onlyClient, type Session } from "./Session.ts"
import { json } from "./text.ts"

export const run = Effect.fnUntraced(function* (session: Session): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  const cluster = yield* Cluster.ask(session)
  const { missing, nodes } = yield* nodeReports(client, cluster)
  const events = yield* Events.history(session, client)
  const at = yield* Clock.currentTimeMillis
  yield* session.print(json({ schema: 1, version, at, cluster, nodes, missing, events }))
  return exits.yes
})
