/**
 * The wall clocks of the members. All rows are made within seconds of each other, so a larger difference between their times
 * is one of the clocks.
 */
import type { Row } from "../../Report.ts"
import { printable } from "../printable.ts"
import { ago, listNames } from "./text.ts"

/** Smallest difference that is reported, in milliseconds. It is above the longest deadline of a question. */
export const maxDifference = 60_000

const roundToMinutes = (millis: number): number => Math.round(millis / 60_000) * 60_000

/**
 * Returns a line for each member whose clock differs from that of most members. If there is no majority, one line has all
 * members.
 */
export const clockLines = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const times = rows.map(({ at }) => at).sort((a, b) => a - b)
  const middle = times[Math.floor(times.length / 2)] ?? 0
  const off = rows.filter(({ at }) => Math.abs(at - middle) > maxDifference)
  if (off.length === 0) return []
  if (off.length * 2 >= rows.length) {
    const difference = (times.at(-1) ?? 0) - (times[0] ?? 0)
    return [`the clocks of ${listNames(rows.map(({ name }) => name))} differ by up to ${text(difference)}`]
  }
  return off.map(({ at, name }) => {
    const side = at > middle ? "ahead of" : "behind"
    return `the clock of ${printable(name)} is ${text(Math.abs(at - middle))} ${side} the others`
  })
}

const text = (millis: number): string => ago(roundToMinutes(millis))
