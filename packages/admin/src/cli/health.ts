/** `coterie health`: the health of one node. */
import * as Effect from "effect/Effect"
import type { CommandError } from "./CommandError.ts"
import { type ExitCode, exits } from "./exits.ts"
import { onlyClient, output, type Session } from "./Session.ts"
import { printable } from "./text.ts"

export const checks = ["started", "live", "ready"] as const

export const run = Effect.fnUntraced(function* (
  session: Session,
  { check }: { readonly check: (typeof checks)[number] },
): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  const answer = yield* client.ask((api) => api.health[check]())
  yield* output(session, { schema: 1, check, status: answer.status, reason: answer.reason }, () => [
    `${session.paint(answer.status === "ok" ? "green" : "red", answer.status)}  ${check}: ${printable(answer.reason)}`,
  ])
  return answer.status === "ok" ? exits.yes : exits.no
})
