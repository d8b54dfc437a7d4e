/** One run of the command: the services that it asks, and its output. */
import * as Effect from "effect/Effect"
import type { AdminClient } from "./AdminClient.ts"
import { type CommandError, misuse } from "./CommandError.ts"
import { json } from "./text.ts"

export interface Session {
  /** Clients of the services of all `--url`, at least one. */
  readonly clients: ReadonlyArray<AdminClient>
  readonly json: boolean
  /** Maximum time for the response to a request, in milliseconds. */
  readonly timeout: number
  /** Prints lines of the result. */
  readonly print: (...lines: ReadonlyArray<string>) => Effect.Effect<void>
  /** Prints progress and remarks, which are not part of the result. */
  readonly note: (line: string) => Effect.Effect<void>
  /** Colors a text, if the output is a terminal that shows colors. */
  readonly paint: (color: Color, text: string) => string
}

export type Color = "green" | "yellow" | "red"

/** Returns the only client. Fails if there are several. */
export const onlyClient = ({ clients }: Session): Effect.Effect<AdminClient, CommandError> => {
  const [client] = clients
  return client === undefined || clients.length > 1
    ? Effect.fail(misuse("this subcommand asks one node: give --url once"))
    : Effect.succeed(client)
}

/** Prints one JSON document, or the lines of a text. */
export const output = (
  session: Pick<Session, "json" | "print">,
  document: unknown,
  lines: () => ReadonlyArray<string>,
): Effect.Effect<void> => (session.json ? session.print(json(document)) : session.print(...lines()))
