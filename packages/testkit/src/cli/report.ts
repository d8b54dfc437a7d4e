/** Report of a swarm, as one JSON object and as text. */
import * as Duration from "effect/Duration"
import type { Explore } from "../Scenario.ts"

/** Failure with the command that runs it again. */
export interface FailureReport {
  /** Name of the scenario, or the names of several scenarios if the failure belongs to no single scenario. */
  readonly scenario: string
  /** Seed of the failure. Missing if the failure belongs to all seeds together. */
  readonly seed?: number
  readonly explore?: Explore
  /** Tag of the failure, such as `InvariantViolated`. */
  readonly failure: string
  readonly message: string
  /** Faults and draws that remain after shrinking, as sentences. */
  readonly sentences: ReadonlyArray<string>
  readonly artifact?: string
  readonly picture?: string
  /** Command that runs the failure again. */
  readonly replay: string
}

/** Counts of one scenario, or of all scenarios together. */
export interface Counts {
  readonly runs: number
  readonly steps: number
  readonly virtualSeconds: number
  /** Hash of all runs. Two swarms with the same hash took the same steps. */
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

/** Rounds to a whole number from 100 on, and to one decimal below. */
const rough = (value: number): string => (value >= 100 ? String(Math.round(value)) : value.toFixed(1))

const long = (seconds: number): string =>
  seconds < 120 ? `${rough(seconds)} s` : Duration.format(Duration.seconds(Math.round(seconds)))

/** Formats the ratio of virtual time to real time. */
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

/** Formats the report as text. */
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
  /** Number of all seeds, or `undefined` if the swarm runs for a time. */
  readonly of: number | undefined
  readonly virtualSeconds: number
  readonly wallSeconds: number
  readonly failures: number
  /** Seed that has run for the longest time. */
  readonly slowest: { readonly seed: number; readonly seconds: number } | undefined
}

/** Seconds after which the progress names a slow seed. */
export const slowAfter = 30

/** Formats the progress as one line. */
export const progressLine = ({ failures, of, seeds, slowest, virtualSeconds, wallSeconds }: Progress): string =>
  `${of === undefined ? plural(seeds, "seed") : `${seeds} of ${plural(of, "seed")}`}` +
  `, ${wallSeconds <= 0 ? 0 : rough(seeds / wallSeconds)} seeds a second${speed(virtualSeconds, wallSeconds)}` +
  `, ${failures === 0 ? "no failure" : plural(failures, "failure")}` +
  (slowest === undefined || slowest.seconds < slowAfter
    ? ""
    : `; seed ${slowest.seed} has run for ${Math.round(slowest.seconds)} s`)
