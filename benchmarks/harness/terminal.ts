/** Tables for the terminal. */

export const number = (value: number | null, digits = 0): string =>
  value === null ? "" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })

export interface Column<Row> {
  readonly title: string
  /** Returns the text of a row, or an empty text. */
  readonly of: (row: Row) => string
}

/** Returns a table with a title. It omits empty columns. */
export const table = <Row>(
  title: string,
  rows: ReadonlyArray<Row>,
  nameOf: (row: Row) => string,
  columns: ReadonlyArray<Column<Row>>,
): string => {
  const filled = columns.filter(({ of }) => rows.some((row) => of(row) !== ""))
  const lines = [
    ["", ...filled.map(({ title }) => title)],
    ...rows.map((row) => [nameOf(row), ...filled.map(({ of }) => of(row) || "-")]),
  ]
  const widths = [0, ...filled].map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  const text = lines.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  )
  return [title, ...text].join("\n")
}
