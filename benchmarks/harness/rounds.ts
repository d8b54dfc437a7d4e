/** Measurements in rounds, and medians of them. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Failed } from "./Process.ts"

/** Numbers of a measurement. A number that does not apply is `null`. */
export type Figures<F> = { readonly [Name in keyof F]: number | null }

/** Measurement of one system. */
export interface Cell<F> {
  /** Name of the measurement in the progress and in the message of a failure. */
  readonly label: string
  readonly measure: Effect.Effect<F, Failed>
}

/**
 * Measures cells that are compared with each other, round by round, so that other load of the machine affects all of
 * them alike. Returns the cells with their medians. A measurement that fails is reported and left out. `nothing` has
 * the figures of a cell without a measurement.
 */
export const run = Effect.fnUntraced(function* <F extends Figures<F>, C extends Cell<F>>(
  compared: ReadonlyArray<C>,
  rounds: number,
  nothing: F,
) {
  const measured = new Map<C, Array<F>>(compared.map((cell) => [cell, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const cell of compared) {
      const label = `round ${round} of ${rounds}: ${cell.label}`
      yield* Console.error(label)
      const figures = yield* Effect.catch(cell.measure, ({ message }) =>
        Effect.as(Console.error(`${label} failed: ${message}`), nothing),
      )
      measured.get(cell)?.push(figures)
    }
  }
  return compared.map((cell) => [cell, medians(measured.get(cell) ?? [], nothing)] as const)
})

const medians = <F extends Figures<F>>(measured: ReadonlyArray<F>, nothing: F): F => {
  const of = (name: string) => median(measured.flatMap((figures) => new Map(entries(figures)).get(name) ?? []))
  // The result has the names of `nothing`, each with a number or `null`.
  return Object.fromEntries(entries(nothing).map(([name]) => [name, of(name)])) as F
}

const entries = <F extends Figures<F>>(figures: F): ReadonlyArray<[string, number | null]> => Object.entries(figures)

/** Returns the median, or `null` without values. */
export const median = (values: ReadonlyArray<number>): number | null => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return low === undefined || high === undefined ? null : round((low + high) / 2)
}

/** Rounds to four decimals. Further digits are noise. */
const round = (value: number): number => Math.round(value * 1e4) / 1e4

/** Returns the ratio of two figures, or `null` if one of them is missing. */
export const ratio = (mine: number | null, theirs: number | null): number | null =>
  mine === null || theirs === null || theirs === 0 ? null : round(mine / theirs)

/** Returns the percentile of samples in ascending order. `part` is from 0 to 1. */
export const percentile = (sorted: ReadonlyArray<number>, part: number): number =>
  sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
