/**
 * What a swarm came to: as one JSON object, and in words.
 */
import * as Duration from "effect/Duration"
import type { Explore } from "../Scenario.ts"

/** A failure, and how to see it again. */
export interface Failure {
  /** The name of the scenario; of several, where it cannot be told in which of them it was. */
  readonly scenario: string
  /** Some failures are of all seeds together: what never happened. */
  readonly seed?: number
  readonly explore?: Explore
  /** Its tag: `InvariantViolated`. */
  readonly failure: string
  readonly message: string
  /** What it takes, shrunk. */
  readonly sentences: ReadonlyArray<string>
  readonly artifact?: string
  readonly picture?: string
  /** The command that runs it again. */
  readonly replay: string
}

/** What is counted for a scenario, and for all of them together. */
export interface Counts {
  readonly runs: number
  readonly steps: number
  readonly virtualSeconds: number
  /** Two swarms with the same hash did the same, step by step. */
  readonly traceHash: string
  readonly faultsFired: Readonly<Record<string, number>>
  readonly marks: Readonly<Record<string, boolean>>
}

export interface Summary extends Counts {
  /** The module that exports the scenarios. */
  readonly file: string
  readonly seeds: number
  readonly failures: ReadonlyArray<Failure>
  readonly seedsPerSecond: number
  readonly wallSeconds: number
  readonly workers: number
  /** Whether it was ended by a signal, with what it had come to by then. */
  readonly interrupted: boolean
  /** The seeds that were running at the end and were not finished: after a signal maybe one that never would have been. */
  readonly unfinished: ReadonlyArray<number>
  readonly scenarios: ReadonlyArray<Counts & { readonly name: string }>
}

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** With so many digits as one reads. */
const rough = (value: number): string => (value >= 100 ? String(Math.round(value)) : value.toFixed(1))

const long = (seconds: number): string =>
  seconds < 120 ? `${rough(seconds)} s` : Duration.format(Duration.seconds(Math.round(seconds)))

/** How much faster than the clock on the wall virtual time passed. */
export const speed = (virtualSeconds: number, wallSeconds: number): string =>
  wallSeconds <= 0 ? "" : `, ${rough(virtualSeconds / wallSeconds)} times as fast as real time`

const listed = (title: string, entries: ReadonlyArray<string>): ReadonlyArray<string> =>
  entries.length === 0 ? [] : [`${title}: ${entries.join(", ")}`]

const tell = (failure: Failure): ReadonlyArray<string> => {
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

/** The summary in words. */
export const text = (summary: Summary): string => {
  const { failures, faultsFired, file, marks, runs, scenarios, seeds, steps, traceHash } = summary
  const { interrupted, seedsPerSecond, unfinished, virtualSeconds, wallSeconds } = summary
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
    ...failures.flatMap(tell),
    "",
  ].join("\n")
}

/** Where a swarm is. */
export interface Progress {
  readonly seeds: number
  /** How many there will be; none if it is time that ends it. */
  readonly of: number | undefined
  readonly virtualSeconds: number
  readonly wallSeconds: number
  readonly failures: number
  /** A seed that takes long, and for how many seconds it has run. */
  readonly slowest: { readonly seed: number; readonly seconds: number } | undefined
}

/** After so many seconds a seed is named as one that takes long. */
export const patience = 30

/** One line. */
export const progress = ({ failures, of, seeds, slowest, virtualSeconds, wallSeconds }: Progress): string =>
  `${of === undefined ? plural(seeds, "seed") : `${seeds} of ${plural(of, "seed")}`}` +
  `, ${wallSeconds <= 0 ? 0 : rough(seeds / wallSeconds)} seeds a second${speed(virtualSeconds, wallSeconds)}` +
  `, ${failures === 0 ? "no failure" : plural(failures, "failure")}` +
  (slowest === undefined || slowest.seconds < patience
    ? ""
    : `; seed ${slowest.seed} has run for ${Math.round(slowest.seconds)} s`)
