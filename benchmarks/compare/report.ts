/** Table of a comparison for the terminal. */
import * as Terminal from "../harness/terminal.ts"
import { type Comparison, compare, isCrowded, type Pair } from "./statistics.ts"

export interface Row extends Comparison {
  readonly case: string
  /** Number of pairs, and of crowded windows of each revision (`statistics.isCrowded`). */
  readonly pairs: number
  readonly crowdedBase: number
  readonly crowdedHead: number
}

/** Returns the rows of a case. */
export const rowsOf = (name: string, pairs: ReadonlyArray<Pair>): ReadonlyArray<Row> => {
  const counts = {
    pairs: pairs.length,
    crowdedBase: pairs.filter(({ base }) => isCrowded(base)).length,
    crowdedHead: pairs.filter(({ head }) => isCrowded(head)).length,
  }
  return compare(pairs).map((comparison) => ({ case: name, ...comparison, ...counts }))
}

const columns: ReadonlyArray<Terminal.Column<Row>> = [
  { title: "base", of: ({ base }) => Terminal.number(base, digitsOf(base)) },
  { title: "head", of: ({ head }) => Terminal.number(head, digitsOf(head)) },
  { title: "ratio", of: ({ ratio }) => Terminal.number(ratio, 3) },
  { title: "half of the pairs", of: ({ high, low }) => `${Terminal.number(low, 3)} to ${Terminal.number(high, 3)}` },
]

/** Returns the number of decimals that leave about three digits. */
const digitsOf = (value: number): number => Math.max(0, 2 - Math.floor(Math.log10(Math.max(1, Math.abs(value)))))

/** Returns a table for each case. */
export const tables = (rows: ReadonlyArray<Row>): string =>
  [...Map.groupBy(rows, (row) => row.case)]
    .map(([name, some]) => Terminal.table(titleOf(name, some), some, ({ figure }) => figure, columns))
    .join("\n\n")

const titleOf = (name: string, [row]: ReadonlyArray<Row>): string => {
  if (row === undefined) return name
  const { crowdedBase, crowdedHead, pairs } = row
  const title = `${name}, pairs: ${pairs}`
  if (crowdedBase + crowdedHead === 0) return title
  return `${title}; CROWDED, the processes waited longer for a core than they ran in windows: ${crowdedBase} of the base, ${crowdedHead} of the head`
}
