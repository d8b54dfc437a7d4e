/** Rows as tables for the terminal. */
import type { Row } from "./rounds.ts"

const number = (value: number | null, digits = 0): string =>
  value === null ? "" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })

interface Column {
  readonly title: string
  readonly of: (row: Row) => string
}

const columns: ReadonlyArray<Column> = [
  { title: "messages/s", of: ({ msgsPerSecond }) => number(msgsPerSecond) },
  { title: "MB/s", of: ({ mbPerSecond }) => number(mbPerSecond) },
  { title: "p50 us", of: ({ p50us }) => number(p50us, 1) },
  { title: "p99 us", of: ({ p99us }) => number(p99us, 1) },
  { title: "RSS before, MB", of: ({ rssBeforeMb }) => number(rssBeforeMb) },
  { title: "after", of: ({ rssAfterMb }) => number(rssAfterMb) },
  { title: "to raw", of: ({ ratioToRaw }) => number(ratioToRaw, 3) },
]

/** Returns the table of a measure and size. It omits empty columns. */
const section = (title: string, rows: ReadonlyArray<Row>): string => {
  const filled = columns.filter(({ of }) => rows.some((row) => of(row) !== ""))
  const lines = [
    ["", ...filled.map(({ title }) => title)],
    ...rows.map((row) => [`${row.system}, ${row.mode}`, ...filled.map(({ of }) => of(row) || "-")]),
  ]
  const widths = [0, ...filled].map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  const text = lines.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  )
  return [title, ...text].join("\n")
}

export const table = (rows: ReadonlyArray<Row>): string =>
  [...Map.groupBy(rows, ({ bench, size }) => `${bench}, ${number(size)} bytes`)]
    .map(([title, some]) => section(title, some))
    .join("\n\n")
