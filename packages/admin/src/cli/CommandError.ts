/** The error that ends a command: one sentence and an exit code. */
import * as Schema from "effect/Schema"
import { exits } from "./exits.ts"

export class CommandError extends Schema.TaggedError<CommandError>()("CommandError", {
  exit: Schema.Literals([exits.no, exits.misuse, exits.noAnswer, exits.refused]),
  message: Schema.String,
}) {}

export const misuse = (message: string): CommandError => new CommandError({ exit: exits.misuse, message })

export const noAnswer = (message: string): CommandError => new CommandError({ exit: exits.noAnswer, message })

export const refused = (message: string): CommandError => new CommandError({ exit: exits.refused, message })
