/** Measures the cells in rounds and makes one row of each cell. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { limit } from "../systems/index.ts"
import { type Cell, type Figures, nothing } from "./Cell.ts"

export interface Row extends Pick<Cell, "bench" | "system" | "size" | "mode">, Figures {
  /** Ratio of this system to the limit: of messages per second, or of the time of round trips. */
  readonly ratioToRaw: number | null
}

const median = (values: ReadonlyArray<number>): number | null => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return low === undefined || high === undefined ? null : round((low + high) / 2)
}

/** Rounds to four decimals. Further digits are noise. */
const round = (value: number): number => Math.round(value * 1e4) / 1e4

const medians = (measured: ReadonlyArray<Figures>): Figures => {
  const of = (figure: (figures: Figures) => number | null): number | null =>
    median(measured.flatMap((figures) => figure(figures) ?? []))
  return {
    msgsPerSecond: of(({ msgsPerSecond }) => msgsPerSecond),
    mbPerSecond: of(({ mbPerSecond }) => mbPerSecond),
    p50us: of(({ p50us }) => p50us),
    p99us: of(({ p99us }) => p99us),
    rssBeforeMb: of(({ rssBeforeMb }) => rssBeforeMb),
    rssAfterMb: of(({ rssAfterMb }) => rssAfterMb),
  }
}

const ratio = (mine: number | null, theirs: number | null): number | null =>
  mine === null || theirs === null || theirs === 0 ? null : round(mine / theirs)

/** Returns the groups of cells that are compared with each other, in the order of their first cells. */
const comparisons = (cells: ReadonlyArray<Cell>): ReadonlyArray<ReadonlyArray<Cell>> => [
  ...Map.groupBy(cells, ({ bench, size }) => `${bench} ${size}`).values(),
]

/** Measures the cells round by round, so that other load of the machine affects all systems alike. */
export const run = Effect.fnUntraced(function* (cells: ReadonlyArray<Cell>, rounds: number) {
  const rows: Array<Row> = []
  for (const compared of comparisons(cells)) {
    const measured = new Map<Cell, Array<Figures>>(compared.map((cell) => [cell, []]))
    for (let round = 1; round <= rounds; round++) {
      for (const cell of compared) {
        const what = `${cell.bench}, ${cell.size} bytes, round ${round} of ${rounds}: ${cell.system}, ${cell.mode}`
        yield* Console.error(what)
        const figures = yield* Effect.catch(cell.measure, ({ message }) =>
          Effect.as(Console.error(`${what} failed: ${message}`), nothing),
        )
        measured.get(cell)?.push(figures)
      }
    }
    const results = compared.map((cell) => [cell, medians(measured.get(cell) ?? [])] as const)
    // The first mode of the limit is its fastest.
    const [, best = nothing] = results.find(([{ system }]) => system === limit) ?? []
    for (const [{ bench, mode, size, system }, figures] of results) {
      const ratioToRaw = ratio(figures.msgsPerSecond, best.msgsPerSecond) ?? ratio(figures.p50us, best.p50us)
      rows.push({ bench, system, size, mode, ...figures, ratioToRaw })
    }
  }
  return rows
})
