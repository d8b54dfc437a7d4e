/**
 * Attacks a cluster of three with a secret for a minute, from one address and from 64, and prints what its members have seen:
 *
 *     node strangers.ts [--seconds 60] [--silent 10000] [--rate 500] [--from HOST...]
 *
 * Fails if a member that stayed lost its link to the other, if its memory grew by 64 MiB, or if the member that was restarted took 5 seconds.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parseArgs } from "node:util"
import { attack, type Delays, layer, type Outcome, places } from "./attack.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    silent: { type: "string", default: "10000" },
    rate: { type: "string", default: "500" },
    from: { type: "string", multiple: true },
  },
})

class Exceeded extends Schema.TaggedError<Exceeded>()("Exceeded", { message: Schema.String }) {}

const delayText = ({ median, p99 }: Delays): string => `median ${median.toFixed(0)} ms, 99 of 100 ${p99.toFixed(0)} ms`

const textOf = ({ attempts, ...outcome }: Outcome): string =>
  [
    `  attempts: ${Object.entries(attempts)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(", ")}`,
    `  memory over idle: ${(outcome.growth / 1024 ** 2).toFixed(1)} MiB`,
    `  processor: ${(outcome.cpu * 100).toFixed(0)} % of one`,
    `  delay of timers: ${delayText(outcome.delays)}; before the attack ${delayText(outcome.idleDelays)}`,
    `  a killed member was back ${outcome.backAfterListening.toFixed(0)} ms after it listened, ${outcome.backAfterStart.toFixed(0)} ms after its start`,
    `  lines in the log: ${outcome.lines}`,
    `  troubles of the others: ${outcome.troubles.length === 0 ? "none" : outcome.troubles.join(", ")}`,
  ].join("\n")

const program = Effect.gen(function* () {
  const all = values.from === undefined ? places : { [values.from.join(", ")]: values.from }
  for (const [place, from] of Object.entries(all)) {
    const outcome = yield* attack(
      { from, seconds: Number(values.seconds), silent: Number(values.silent), rate: Number(values.rate) },
      5,
    )
    yield* Console.log(`an attack from ${place}\n${textOf(outcome)}`)
    const isGood =
      outcome.troubles.length === 0 && outcome.growth < 64 * 1024 ** 2 && outcome.backAfterListening < 5_000
    if (!isGood) return yield* new Exceeded({ message: `the attack from ${place} exceeded a bound` })
  }
})

NodeRuntime.runMain(program.pipe(Effect.provide(layer)))
