/**
 * Measures how soon the other members report a process as failed, on real sockets with the defaults of a LAN. The time
 * runs from the signal to the last event, on the clock that all processes of a machine share. Half of the rounds kill a
 * member (SIGKILL), and the other half stop it (SIGSTOP). After each round the member returns under its name.
 *
 *     node benchmarks/membership/processes.ts [--rounds 50] [--json]
 *
 * It fails if a round exceeds its bound, or if a member reports a live member as failed.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as os from "node:os"
import { parseArgs } from "node:util"
import * as Members from "../../packages/node-transport/test/real/Members.ts"

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "50" }, json: { type: "boolean", default: false } },
})
const rounds = Number(options.rounds)
const names = ["a", "b", "c", "d", "e"]

/** Maximum time of detection in every round, in milliseconds. */
const bounds = { SIGKILL: 3_000, SIGSTOP: 10_000 } as const
type Signal = keyof typeof bounds

class Missed extends Schema.TaggedError<Missed>()("Missed", { message: Schema.String }) {}

interface Round {
  readonly signal: Signal
  readonly victim: string
  /** Time from the signal to the event of each other member, in milliseconds. */
  readonly took: Readonly<Record<string, number>>
  readonly worst: number
  /** Events about members that got no signal. */
  readonly wrong: ReadonlyArray<string>
}

/** Runs one round. Returns the members after the round, and its result. */
const play = Effect.fnUntraced(function* (
  members: ReadonlyArray<Members.Member>,
  signal: Signal,
  victim: Members.Member,
) {
  const others = members.filter((member) => member !== victim)
  const marks = Members.mark(members)
  const start = yield* signal === "SIGKILL" ? victim.kill : victim.freeze
  const events = yield* Members.awaitEventAtAll(others, "Failed", victim.name, marks)
  const took = Object.fromEntries(others.map(({ name }, i) => [name, (events[i]?.at ?? Number.NaN) - start]))

  let after = victim
  if (signal === "SIGKILL")
    after = yield* Members.start(
      victim.name,
      others.map(({ address }) => address),
    )
  else yield* victim.thaw
  const all = members.map((member) => (member === victim ? after : member))
  yield* Members.agree(all)
  const wrong = all.flatMap((member) =>
    members.flatMap(({ name }) => {
      if (name === victim.name) return []
      const events = Members.story(member, name, marks.get(member)).filter((event) => event !== "Joined")
      return events.map((event) => `${member.name}: ${name} ${event}`)
    }),
  )
  const round: Round = { signal, victim: victim.name, took, worst: Math.max(...Object.values(took)), wrong }
  return [all, round] as const
})

const measure = Effect.gen(function* () {
  const played: Array<Round> = []
  for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
    // Each signal has its own cluster, so that its rounds do not depend on the other signal.
    yield* Effect.scoped(
      Effect.gen(function* () {
        let members = yield* Members.cluster(names)
        for (let i = 0; i < rounds; i++) {
          const victim = members[i % members.length]
          if (victim === undefined) continue
          const [after, round] = yield* play(members, signal, victim)
          members = after
          played.push(round)
          if (!options.json) yield* Console.log(line(i, round))
        }
      }),
    )
  }
  return played
})

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`

const line = (i: number, { signal, took, victim, worst, wrong }: Round): string => {
  const each = Object.entries(took).map(([name, time]) => `${name} ${seconds(time)}`)
  const late = worst > bounds[signal] ? "  LATE" : ""
  return `${signal} ${String(i + 1).padStart(3)}  ${victim}  ${seconds(worst)}  (${each.join(", ")})${late}  ${wrong.join(", ")}`
}

const summary = (played: ReadonlyArray<Round>, signal: Signal) => {
  const all = played.filter((round) => round.signal === signal)
  const worst = all.map((round) => round.worst).sort((a, b) => a - b)
  const at = (part: number): number => worst[Math.max(0, Math.ceil(part * worst.length) - 1)] ?? Number.NaN
  return {
    signal,
    rounds: all.length,
    min: at(0),
    median: at(0.5),
    p95: at(0.95),
    worst: at(1),
    bound: bounds[signal],
    inTime: worst.filter((time) => time <= bounds[signal]).length,
    wrong: all.flatMap(({ wrong }) => wrong),
  }
}

const main = Effect.gen(function* () {
  if (!Number.isInteger(rounds) || rounds < 1) return yield* new Missed({ message: "--rounds must be 1 or more" })
  const [cpu] = os.cpus()
  if (!options.json) {
    const machine = `${cpu?.model ?? "unknown"}, ${os.cpus().length} cores, Node ${process.version}`
    yield* Console.log(`${machine}, ${names.length} processes\n`)
  }
  const played = yield* Effect.provide(measure, Members.layer)
  const summaries = [summary(played, "SIGKILL"), summary(played, "SIGSTOP")]
  if (options.json) yield* Console.log(JSON.stringify({ summaries, rounds: played }))
  else {
    yield* Console.log("\nFrom the signal to the last Failed of the others:\n")
    yield* Console.log("signal      min     median  p95     worst   in time")
    for (const { bound, inTime, median, min, p95, rounds, signal, worst } of summaries) {
      const times = [min, median, p95, worst].map((time) => seconds(time).padEnd(8)).join("")
      yield* Console.log(`${signal.padEnd(12)}${times}${inTime} of ${rounds} within ${seconds(bound)}`)
    }
  }
  const missed = summaries.flatMap(({ bound, inTime, rounds, signal, wrong }) => [
    ...(inTime === rounds ? [] : [`${rounds - inTime} rounds of ${signal} took longer than ${seconds(bound)}`]),
    ...wrong.filter((each) => each.endsWith("Failed")),
  ])
  if (missed.length > 0) return yield* new Missed({ message: missed.join("\n") })
})

main.pipe(
  Effect.tapError((error) => Console.error(`\n${error.message}`)),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
