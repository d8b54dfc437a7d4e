/** The report of a swarm: as one JSON object, and in words. */
import * as Duration from "effect/Duration"
import type { Explore } from "../Scenario.ts"

/** A failure, and the command that runs it again. */
export interface FailureReport {
  /** Name of the scenario; names of several if the failure belongs to none of them alone. */
  readonly scenario: string
  /** Missing if the failure belongs to all seeds together. */
  readonly seed?: number
  readonly explore?: Explore
  /** Tag of the failure, such as `InvariantViolated`. */
  readonly failure: string
  readonly message: string
  /** The faults and draws that are left after shrinking, in words. */
  readonly sentences: ReadonlyArray<string>
  readonly artifact?: string
  readonly picture?: string
  /** Command that runs it again. */
  readonly replay: string
}

/** Counts of one scenario, or of all of them together. */
export interface Counts {
  readonly runs: number
  readonly steps: number
  readonly virtualSeconds: number
  /** Two swarms with the same hash did the same, step by step. */
  readonly traceHash: string
  readonly faultsFired: Readonly<Record<string, number>>
  readonly marks: Readonly<Record<string, boolean>>
}

export interface SwarmReport extends Counts {
  /** Module that exports the scenarios. */
  readonly file: string
  readonly seeds: number
  readonly failures: ReadonlyArray<FailureReport>
  readonly seedsPerSecond: number
  readonly wallSeconds: number
  readonly workers: number
  /** `true` if a signal ended the swarm before its end. */
  readonly interrupted: boolean
  /** Seeds that were running when a signal ended the swarm. One of them may never end. */
  readonly unfinished: ReadonlyArray<number>
  readonly scenarios: ReadonlyArray<Counts & { readonly name: string }>
}

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** Rounds to as many digits as a person reads. */
const rough = (value: number): string => (value >= 100 ? String(Math.round(value)) : value.toFixed(1))

const long = (seconds: number): string =>
  seconds < 120 ? `${rough(seconds)} s` : Duration.format(Duration.seconds(Math.round(seconds)))

/** Tells how much faster than real time virtual time passed. */
export const speed = (virtualSeconds: number, wallSeconds: number): string =>
  wallSeconds <= 0 ? "" : `, ${rough(virtualSeconds / wallSeconds)} times as fast as real time`

const listed = (title: string, entries: ReadonlyArray<string>): ReadonlyArray<string> =>
  entries.length === 0 ? [] : [`${title}: ${entries.join(", ")}`]

const describe = (failure: FailureReport): ReadonlyArray<string> => {
  const { artifact, explore, message, picture, replay, scenario, seed, sentences } = failure
  const where = seed === undefined ? "" : `, seed ${seed}${explore === undefined ? "" : ` (${explore})`}`
  return [
    "",
    `${failure.failure} in "${scenario}"${where}`,
    ...message.split("\n").map((line) => `  ${line}`),
    ...(sentences.length === 0 ? [] : ["  What it takes:", ...sentences.map((sentence) => `    - ${sentence}`)]),
    ...(picture === undefined ? [] : [`  Picture:      ${picture}`]),
    ...(artifact === undefined ? [] : [`  Artifact:     ${artifact}`]),
    `  Run it again: ${replay}`,
  ]
}

/** Writes the report in words. */
export const text = (report: SwarmReport): string => {
  const { failures, faultsFired, file, marks, runs, scenarios, seeds, steps, traceHash } = report
  const { interrupted, seedsPerSecond, unfinished, virtualSeconds, wallSeconds } = report
  return [
    `${file}: ${plural(seeds, "seed")}${scenarios.length > 1 ? ` of ${scenarios.length} scenarios, ${runs} runs` : ""}, ` +
      (failures.length === 0 ? "no failure" : plural(failures.length, "failure")) +
      (interrupted ? "; interrupted" : "") +
      (unfinished.length === 0 ? "" : `; not finished: seed ${unfinished.join(", ")}`),
    `in ${long(wallSeconds)}: ${rough(seedsPerSecond)} seeds a second, ${plural(steps, "step")}, ` +
      `${long(virtualSeconds)} of virtual time${speed(virtualSeconds, wallSeconds)}`,
    ...listed(
      "faults",
      Object.entries(faultsFired).map(([kind, count]) => `${kind} ${count}`),
    ),
    ...listed(
      "sometimes",
      Object.entries(marks).map(([name, happened]) => `${name} (${happened ? "yes" : "never"})`),
    ),
    `trace hash: ${traceHash}`,
    ...failures.flatMap(describe),
    "",
  ].join("\n")
}

/** Progress of a swarm. */
export interface Progress {
  readonly seeds: number
  /** Number of all seeds; `undefined` if time ends the swarm. */
  readonly of: number | undefined
  readonly virtualSeconds: number
  readonly wallSeconds: number
  readonly failures: number
  /** The seed that has run for the longest time. */
  readonly slowest: { readonly seed: number; readonly seconds: number } | undefined
}

/** Seconds after which the progress names a seed that takes long. */
export const slowAfter = 30

/** Writes the progress in one line. */
export const progressLine = ({ failures, of, seeds, slowest, virtualSeconds, wallSeconds }: Progress): string =>
  `${of === undefined ? plural(seeds, "seed") : `${seeds} of ${plural(of, "seed")}`}` +
  `, ${wallSeconds <= 0 ? 0 : rough(seeds / wallSeconds)} seeds a second${speed(virtualSeconds, wallSeconds)}` +
  `, ${failures === 0 ? "no failure" : plural(failures, "failure")}` +
  (slowest === undefined || slowest.seconds < slowAfter
    ? ""
    : `; seed ${slowest.seed} has run for ${Math.round(slowest.seconds)} s`)
