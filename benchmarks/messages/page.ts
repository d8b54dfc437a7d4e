/**
 * Writes the figures of the last run into docs/performance.md. The text of the page is written by hand.
 *
 *     npx -y pnpm@12 exec node benchmarks/messages/page.ts
 */
import * as Schema from "effect/Schema"
import * as Page from "../harness/page.ts"
import { systems } from "./systems/index.ts"

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

const nameOf = ({ mode, system }: Pick<Row, "system" | "mode">): string => `${system}, ${mode}`

/** Names of the rows. Round trips have the mode `message`, which some systems have for no other measure. */
const order = Object.entries(systems).flatMap(([system, { modes }]) =>
  [...new Set([...modes, "message"])].map((mode) => nameOf({ system, mode })),
)

const sizes = [100, 1_024, 65_536, 1_048_576]
const sizeName = (size: number): string =>
  size < 1_024 ? `${size} B` : size < 1_048_576 ? `${size / 1_024} KiB` : `${size / 1_048_576} MiB`

const ratio = (value: number | null): string => (value === null ? "" : ` (${value.toFixed(2)})`)

const table = (name: string, rows: ReadonlyArray<Row>, columns: ReadonlyArray<Page.Column<Row>>): Page.Fresh =>
  Page.tableOf({ name, order }, rows, nameOf, columns)

Page.write("messages", Row, {
  name: "run",
  tables: (rows) => {
    const of = (bench: string) => rows.filter((row) => row.bench === bench)
    return [
      table(
        "oneway",
        of("oneway"),
        sizes.map((size) => ({
          title: `${sizeName(size)}, ${size < 65_536 ? "messages/s" : "MB/s"}`,
          of: (row) =>
            row.size === size
              ? `${Page.digits(size < 65_536 ? row.msgsPerSecond : row.mbPerSecond, 0)}${ratio(row.ratioToRaw)}`
              : undefined,
        })),
      ),
      table("roundtrip", of("roundtrip"), [
        { title: "p50, µs", of: ({ p50us }) => Page.digits(p50us, 1) },
        { title: "p99, µs", of: ({ p99us }) => Page.digits(p99us, 0) },
        { title: "p50 to raw", of: ({ ratioToRaw }) => Page.digits(ratioToRaw, 2) },
      ]),
      table(
        "broadcast",
        rows.filter(({ bench }) => bench.startsWith("broadcast")),
        [2, 8, 32].flatMap((peers) =>
          [100, 1_024].map((size) => ({
            title: `${peers} peers, ${sizeName(size)}`,
            of: (row) =>
              row.bench === `broadcast-${peers}` && row.size === size ? Page.digits(row.msgsPerSecond, 0) : undefined,
          })),
        ),
      ),
      table("stopped", of("stopped"), [
        { title: "before, MB", of: ({ rssBeforeMb }) => Page.digits(rssBeforeMb, 0) },
        { title: "after 5 s, MB", of: ({ rssAfterMb }) => Page.digits(rssAfterMb, 0) },
      ]),
    ]
  },
})
