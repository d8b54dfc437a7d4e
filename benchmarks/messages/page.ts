/**
 * Writes the figures of the last run into docs/performance.md. The text of the page is written by hand.
 *
 *     npx -y pnpm@12 exec node benchmarks/messages/page.ts
 */
import * as fs from "node:fs"
import * as Schema from "effect/Schema"
import { fill, table } from "../membership/markdown.ts"

const figure = Schema.NullOr(Schema.Number)

const Row = Schema.Struct({
  bench: Schema.String,
  system: Schema.String,
  mode: Schema.String,
  size: Schema.Number,
  msgsPerSecond: figure,
  mbPerSecond: figure,
  p50us: figure,
  p99us: figure,
  rssBeforeMb: figure,
  rssAfterMb: figure,
  ratioToRaw: figure,
})
type Row = typeof Row.Type

const Results = Schema.Struct({
  date: Schema.String,
  machine: Schema.String,
  node: Schema.String,
  rounds: Schema.Number,
  results: Schema.Array(Row),
})

const { date, machine, node, results, rounds } = Schema.decodeUnknownSync(Schema.fromJsonString(Results))(
  fs.readFileSync(new URL("../results.json", import.meta.url), "utf8"),
)

const page = new URL("../../docs/performance.md", import.meta.url)

const whole = (value: number | null): string => (value === null ? "" : Math.round(value).toLocaleString("en"))

/** Returns a table with a row for each system and mode, and with the given columns. */
const tableOf = (
  rows: ReadonlyArray<Row>,
  columns: ReadonlyArray<{ readonly title: string; readonly of: (row: Row) => string | undefined }>,
): string => {
  const groups = Map.groupBy(rows, ({ mode, system }) => `${system}, ${mode}`)
  return table(
    ["", ...columns.map(({ title }) => title)],
    [...groups].map(([name, group]) => [
      name,
      ...columns.map(({ of }) => group.map(of).find((text) => text !== undefined) ?? ""),
    ]),
  )
}

const of = (bench: string): ReadonlyArray<Row> => results.filter((row) => row.bench === bench)

const sizes = [100, 1_024, 65_536, 1_048_576]
const sizeName = (size: number): string =>
  size < 1_024 ? `${size} B` : size < 1_048_576 ? `${size / 1_024} KiB` : `${size / 1_048_576} MiB`

const ratio = (value: number | null): string => (value === null ? "" : ` (${value.toFixed(2)})`)

fill(page, "run", `${machine}, Node ${node}, ${date.slice(0, 10)}, medians of ${rounds} interleaved rounds`)
fill(
  page,
  "oneway",
  tableOf(
    of("oneway"),
    sizes.map((size) => ({
      title: `${sizeName(size)}, ${size < 65_536 ? "messages/s" : "MB/s"}`,
      of: (row) =>
        row.size === size
          ? `${whole(size < 65_536 ? row.msgsPerSecond : row.mbPerSecond)}${ratio(row.ratioToRaw)}`
          : undefined,
    })),
  ),
)
fill(
  page,
  "roundtrip",
  tableOf(of("roundtrip"), [
    { title: "p50, µs", of: ({ p50us }) => p50us?.toFixed(1) },
    { title: "p99, µs", of: ({ p99us }) => p99us?.toFixed(0) },
    { title: "p50 to raw", of: ({ ratioToRaw }) => ratioToRaw?.toFixed(2) },
  ]),
)
fill(
  page,
  "broadcast",
  tableOf(
    results.filter(({ bench }) => bench.startsWith("broadcast")),
    [2, 8, 32].flatMap((peers) =>
      [100, 1_024].map((size) => ({
        title: `${peers} peers, ${sizeName(size)}`,
        of: (row: Row) =>
          row.bench === `broadcast-${peers}` && row.size === size ? whole(row.msgsPerSecond) : undefined,
      })),
    ),
  ),
)
fill(
  page,
  "stopped",
  tableOf(of("stopped"), [
    { title: "before, MB", of: ({ rssBeforeMb }) => whole(rssBeforeMb) },
    { title: "after 5 s, MB", of: ({ rssAfterMb }) => whole(rssAfterMb) },
  ]),
)
