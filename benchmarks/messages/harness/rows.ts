/** Rows of the result: one for each cell, with its medians. */
import * as Effect from "effect/Effect"
import * as Rounds from "../../harness/rounds.ts"
import * as Terminal from "../../harness/terminal.ts"
import { limit } from "../systems/index.ts"
import { type Cell, type Figures, nothing } from "./Cell.ts"

export interface Row extends Pick<Cell, "bench" | "system" | "size" | "mode">, Figures {
  /** Ratio of this system to the limit: of messages per second, or of the time of round trips. */
  readonly ratioToRaw: number | null
}

/** Measures the cells. Cells of the same measure and size are compared with each other. */
export const measure = Effect.fnUntraced(function* (cells: ReadonlyArray<Cell>, rounds: number) {
  const rows: Array<Row> = []
  const labelled = cells.map((cell) => ({
    ...cell,
    label: `${cell.bench}, ${cell.size} bytes: ${cell.system}, ${cell.mode}`,
  }))
  for (const compared of Map.groupBy(labelled, ({ bench, size }) => `${bench} ${size}`).values()) {
    const results = yield* Rounds.run(compared, rounds, nothing)
    // The first mode of the limit is its fastest.
    const [, best = nothing] = results.find(([{ system }]) => system === limit) ?? []
    for (const [{ bench, mode, size, system }, figures] of results) {
      const ratioToRaw =
        Rounds.ratio(figures.msgsPerSecond, best.msgsPerSecond) ?? Rounds.ratio(figures.p50us, best.p50us)
      rows.push({ bench, system, size, mode, ...figures, ratioToRaw })
    }
  }
  return rows
})

const columns: ReadonlyArray<Terminal.Column<Row>> = [
  { title: "messages/s", of: ({ msgsPerSecond }) => Terminal.number(msgsPerSecond) },
  { title: "MB/s", of: ({ mbPerSecond }) => Terminal.number(mbPerSecond) },
  { title: "p50 us", of: ({ p50us }) => Terminal.number(p50us, 1) },
  { title: "p99 us", of: ({ p99us }) => Terminal.number(p99us, 1) },
  { title: "RSS before, MB", of: ({ rssBeforeMb }) => Terminal.number(rssBeforeMb) },
  { title: "after", of: ({ rssAfterMb }) => Terminal.number(rssAfterMb) },
  { title: "to raw", of: ({ ratioToRaw }) => Terminal.number(ratioToRaw, 3) },
]

/** Returns a table for each measure and size. */
export const tables = (rows: ReadonlyArray<Row>): string =>
  [...Map.groupBy(rows, ({ bench, size }) => `${bench}, ${Terminal.number(size)} bytes`)]
    .map(([title, some]) => Terminal.table(title, some, ({ mode, system }) => `${system}, ${mode}`, columns))
    .join("\n\n")
