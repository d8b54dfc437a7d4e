/** Arguments of the command. */
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import * as Command from "../harness/command.ts"
import { Failed } from "../harness/Process.ts"
import { type Case, cases } from "./cases.ts"

export interface Arguments {
  readonly base: string
  /** Revision to compare with the base. `undefined` compares the working tree as it is. */
  readonly head: string | undefined
  /** Number of rounds. Each round starts new processes. */
  readonly rounds: number
  /** Number of pairs of windows of a round. */
  readonly pairs: number
  /** Duration of a window, in milliseconds. */
  readonly window: number
  /** CPU time that the processes of each revision use before the first window of a round, in milliseconds. */
  readonly warmUp: number
  readonly cases: ReadonlyArray<readonly [name: string, Case]>
  readonly json: boolean
}

const usage =
  "usage: bench:compare BASE [HEAD] [--only batch-100,roundtrip] [--rounds 3] [--pairs 5] [--window 400] [--warm-up 2000] [--json]"

const options = {
  only: { type: "string" },
  rounds: { type: "string", default: "3" },
  pairs: { type: "string", default: "5" },
  window: { type: "string", default: "400" },
  "warm-up": { type: "string", default: "2000" },
  json: { type: "boolean", default: false },
} as const

/** Parses the command line. Fails with the usage, and with the first option that cannot be used. */
export const parse = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const { positionals, values } = yield* Effect.try({
    try: () => parseArgs({ args: [...args], options, allowPositionals: true }),
    catch: (cause) => new Failed({ message: `${cause instanceof Error ? cause.message : cause}\n${usage}` }),
  })
  const [base, head, ...others] = positionals
  if (base === undefined || others.length > 0) return yield* new Failed({ message: usage })
  const parsed: Arguments = {
    base,
    head,
    rounds: yield* count("rounds", values.rounds),
    pairs: yield* count("pairs", values.pairs),
    window: yield* count("window", values.window),
    warmUp: yield* count("warm-up", values["warm-up"]),
    cases: yield* Command.choose("only", cases, values.only),
    json: values.json,
  }
  return parsed
})

const count = (option: string, text: string): Effect.Effect<number, Failed> => {
  const value = Number(text)
  return Number.isInteger(value) && value >= 1
    ? Effect.succeed(value)
    : Effect.fail(new Failed({ message: `--${option} must be a whole number of 1 or more` }))
}
