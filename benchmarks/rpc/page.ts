/**
 * Writes the figures of the last run into docs/performance.md. The text of the page is written by hand.
 *
 *     npx -y pnpm@12 exec node benchmarks/rpc/page.ts
 */
import * as Schema from "effect/Schema"
import * as Page from "../harness/page.ts"
import { systems } from "./systems/index.ts"

const figure = Schema.NullOr(Schema.Number)

const Row = Schema.Struct({
  system: Schema.String,
  perSecond1: figure,
  perSecond64: figure,
  perSecond512: figure,
  p50us: figure,
  p99us: figure,
  cpuUs: figure,
  ratio1: figure,
  ratio64: figure,
  ratio512: figure,
  ratioP50: figure,
  ratioCpu: figure,
})
type Row = typeof Row.Type

/** Returns a figure with its ratio in parentheses. */
const withRatio = (value: number | null, decimals: number, ratio: number | null): string =>
  ratio === null ? Page.digits(value, decimals) : `${Page.digits(value, decimals)} (${Page.digits(ratio, 2)})`

const columns: ReadonlyArray<Page.Column<Row>> = [
  { title: "1 at a time, requests/s", of: (row) => withRatio(row.perSecond1, 0, row.ratio1) },
  { title: "p50, µs", of: (row) => withRatio(row.p50us, 1, row.ratioP50) },
  { title: "p99, µs", of: (row) => Page.digits(row.p99us, 0) },
  { title: "64 at a time, requests/s", of: (row) => withRatio(row.perSecond64, 0, row.ratio64) },
  { title: "CPU, µs", of: (row) => withRatio(row.cpuUs, 1, row.ratioCpu) },
  { title: "512 at a time, requests/s", of: (row) => withRatio(row.perSecond512, 0, row.ratio512) },
]

Page.write("rpc", Row, {
  name: "requests-run",
  tables: (rows) => [
    Page.tableOf({ name: "requests", order: Object.keys(systems) }, rows, ({ system }) => system, columns),
  ],
})
