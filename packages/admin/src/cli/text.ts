/** Texts for a terminal: tables, times, and the escaping of texts of others. */
import * as CliOutput from "effect/cli/CliOutput"
import { hidden, printable } from "../internal/printable.ts"

export { printable } from "../internal/printable.ts"
export { ago, list, listNames } from "../internal/verdict/text.ts"

/** Text of a value that is not known. */
export const unknown = "-"

/** Largest distance from 1970 that a date can have, in milliseconds. */
const maxTime = 8.64e15

/** Returns a table with aligned columns. Escapes all cells. */
export const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): ReadonlyArray<string> => {
  const lines = [head, ...rows].map((line) => line.map(printable))
  const widths = head.map((_, i) => Math.max(...lines.map((line) => CliOutput.displayWidth(line[i] ?? ""))))
  return lines.map((line) =>
    line
      .map((cell, i) => cell + " ".repeat(Math.max(0, (widths[i] ?? 0) - CliOutput.displayWidth(cell))))
      .join("  ")
      .trimEnd(),
  )
}

const codeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`

/** Returns a document as JSON in one line, with the escapes of JSON for every character that could change a terminal. */
export const json = (document: unknown): string =>
  // Such a character is part of a string, because JSON has no other place for it. It may have two code units.
  (JSON.stringify(document) ?? "null").replace(hidden, (character) => character.split("").map(codeUnit).join(""))

/** Returns a duration of a network, such as `0.42 ms`. */
export const millis = (value: number | undefined): string => {
  if (value === undefined || !(value >= 0)) return unknown
  return value < 10 ? `${value.toFixed(2)} ms` : value < 1_000 ? `${value.toFixed(0)} ms` : `${seconds(value)}`
}

/** Returns a duration in seconds, such as `1.5 s`. */
export const seconds = (value: number | undefined): string =>
  value === undefined || !(value >= 0) ? unknown : `${(value / 1_000).toFixed(1)} s`

/** Returns a wall clock as ISO 8601 in UTC. */
export const time = (at: number): string =>
  Number.isFinite(at) && Math.abs(at) <= maxTime ? new Date(at).toISOString() : unknown

/** Returns a number of bytes, such as `3.4 MiB`. */
export const bytes = (value: number): string => {
  const kibibyte = 1_024
  if (value < kibibyte) return `${value} B`
  return value < kibibyte * kibibyte
    ? `${(value / kibibyte).toFixed(1)} KiB`
    : `${(value / kibibyte / kibibyte).toFixed(1)} MiB`
}
