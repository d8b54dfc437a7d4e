/**
 * Writes the figures of the last run into docs/performance.md. The text of the page is written by hand.
 *
 *     npx -y pnpm@12 exec node benchmarks/handshakes/page.ts
 */
import * as Schema from "effect/Schema"
import * as Page from "../harness/page.ts"
import { systems } from "./systems/index.ts"

const figure = Schema.NullOr(Schema.Number)

const Row = Schema.Struct({
  system: Schema.String,
  connectionsPerSecond: figure,
  connectionsToRaw: figure,
  dialerCpuUs: figure,
  acceptorCpuUs: figure,
  cpuToRaw: figure,
  dialerKib: figure,
  acceptorKib: figure,
  memoryToRaw: figure,
})
type Row = typeof Row.Type

const table = (name: string, rows: ReadonlyArray<Row>, columns: ReadonlyArray<Page.Column<Row>>): Page.Fresh =>
  Page.tableOf({ name, order: Object.keys(systems) }, rows, ({ system }) => system, columns)

Page.write("handshakes", Row, {
  name: "handshakes-run",
  tables: (rows) => [
    table("handshakes", rows, [
      { title: "connections/s", of: (row) => Page.digits(row.connectionsPerSecond, 0) },
      { title: "to raw", of: (row) => Page.digits(row.connectionsToRaw, 2) },
      { title: "CPU of the dialer, µs", of: (row) => Page.digits(row.dialerCpuUs, 0) },
      { title: "CPU of the acceptor, µs", of: (row) => Page.digits(row.acceptorCpuUs, 0) },
      { title: "CPU to raw", of: (row) => Page.digits(row.cpuToRaw, 2) },
      { title: "memory of the dialer, KiB", of: (row) => Page.digits(row.dialerKib, 1) },
      { title: "memory of the acceptor, KiB", of: (row) => Page.digits(row.acceptorKib, 1) },
      { title: "memory to raw", of: (row) => Page.digits(row.memoryToRaw, 2) },
    ]),
  ],
})
