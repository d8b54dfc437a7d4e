/**
 * Figures of runs in a page. A run may have measured a part of the systems: its rows replace those of earlier runs, and
 * the other rows stay. The last column of a table has the date of the run, and a list has a line for each run.
 */
import * as fs from "node:fs"
import * as Schema from "effect/Schema"
import { replace, section, table } from "../membership/markdown.ts"

/** Rows of a run for one table. */
export interface Fresh {
  /** Name of the marks around the table. */
  readonly name: string
  /** Titles of the columns after the first. */
  readonly columns: ReadonlyArray<string>
  /** Names of all rows in the order of the table. Rows of an earlier run with another name are removed. */
  readonly order: ReadonlyArray<string>
  /** Rows: a name and a cell for each column. A row without a figure is left out. */
  readonly rows: ReadonlyArray<readonly [name: string, ...cells: ReadonlyArray<string>]>
}

/** Run whose figures are written. */
export interface Run {
  /** Name of the marks around the list of runs. */
  readonly name: string
  /** Date as YYYY-MM-DD. */
  readonly date: string
  /** Description of the machine and of the run. */
  readonly text: string
  readonly tables: ReadonlyArray<Fresh>
}

const dateColumn = "run"

/** Returns the page with the figures of a run. */
export const update = (page: string, run: Run): string => {
  let next = page
  const dates = new Set<string>()
  for (const fresh of run.tables) {
    const heads = ["", ...fresh.columns, dateColumn]
    const rows = merge(section(page, fresh.name), fresh, run.date)
    for (const row of rows) dates.add(row.at(-1) ?? "")
    if (rows.length > 0) next = replace(next, fresh.name, table(heads, rows))
  }
  const line = `- ${run.date}: ${run.text}`
  const lines = section(page, run.name)
    .split("\n")
    .filter((other) => other.startsWith("- ") && other !== line)
  const used = [...lines, line].filter((line) => dates.has(line.slice(2, 2 + run.date.length)))
  return used.length === 0 ? next : replace(next, run.name, used.join("\n"))
}

/** Returns the rows of a table, with the fresh rows in the place of old ones. */
const merge = (old: string, fresh: Fresh, date: string): ReadonlyArray<ReadonlyArray<string>> => {
  const rows = new Map<string, ReadonlyArray<string>>()
  const [heads = [], , ...before] = old
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    )
  for (const row of before) {
    // Columns may have been added since.
    const cellOf = (title: string) => row[heads.indexOf(title, 1)] ?? ""
    const [name = ""] = row
    rows.set(name, [name, ...fresh.columns.map(cellOf), cellOf(dateColumn)])
  }
  for (const row of fresh.rows) {
    const [name, ...cells] = row
    if (cells.some((cell) => cell !== "")) rows.set(name, [...row, date])
  }
  return fresh.order.flatMap((name) => {
    const row = rows.get(name)
    return row === undefined ? [] : [row]
  })
}

/** Column of a table of figures. */
export interface Column<Row> {
  readonly title: string
  /** Returns the text of a row, or `undefined` if the column does not apply to the row. */
  readonly of: (row: Row) => string | undefined
}

/** Returns the table of some rows. Rows with the same name become one. */
export const tableOf = <Row>(
  table: Pick<Fresh, "name" | "order">,
  rows: ReadonlyArray<Row>,
  nameOf: (row: Row) => string,
  columns: ReadonlyArray<Column<Row>>,
): Fresh => ({
  ...table,
  columns: columns.map(({ title }) => title),
  rows: [...Map.groupBy(rows, nameOf)].map(([name, group]) => [
    name,
    ...columns.map(({ of }) => group.map(of).find((text) => text !== undefined) ?? ""),
  ]),
})

/** Returns a number with a fixed number of decimals, or an empty text. */
export const digits = (value: number | null, decimals: number): string =>
  value === null ? "" : value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })

/** Writes the figures of the last run of a suite into docs/performance.md. */
export const write = <Row>(
  suite: string,
  row: Schema.Codec<Row>,
  run: { readonly name: string; readonly tables: (rows: ReadonlyArray<Row>) => ReadonlyArray<Fresh> },
): void => {
  const Results = Schema.Struct({
    date: Schema.String,
    machine: Schema.String,
    node: Schema.String,
    rounds: Schema.Number,
    quick: Schema.Boolean,
    results: Schema.Array(row),
  })
  const file = new URL(`../results/${suite}.json`, import.meta.url)
  const { date, machine, node, quick, results, rounds } = Schema.decodeUnknownSync(Schema.fromJsonString(Results))(
    fs.readFileSync(file, "utf8"),
  )
  if (quick) {
    console.error("the last run had --quick, whose figures are not for the page: run the benchmark without it")
    process.exitCode = 1
    return
  }
  const page = new URL("../../docs/performance.md", import.meta.url)
  const text = `${machine}, Node ${node}, medians of ${rounds} interleaved rounds`
  const next = update(fs.readFileSync(page, "utf8"), {
    name: run.name,
    date: date.slice(0, 10),
    text,
    tables: run.tables(results),
  })
  fs.writeFileSync(page, next)
}
