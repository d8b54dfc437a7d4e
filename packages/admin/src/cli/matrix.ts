/** The links of all members as a matrix of text. */
import type { Row } from "../Report.ts"
import { compareNames } from "@coterie/core/Peer"
import { table } from "./text.ts"

/** Number of members up to which the matrix is shown. A wider one does not fit a terminal. */
const maxMembers = 30

/** Characters of a name in the head of a column. */
const maxHead = 8

const microsPerMilli = 1_000

/** Returns the text of a peer in a row: the median round-trip time in milliseconds, or the state. */
const cell = (row: Row, peer: string): string => {
  if (row.name === peer) return "."
  const i = row.names.indexOf(peer)
  if (i < 0) return "unlisted"
  const status = row.status[i]
  if (status === "f") return "failed"
  if (status === "d") return "disconnected"
  const suspect = status === "s" ? " suspect" : ""
  switch (row.link[i]) {
    case "u": {
      const micros = row.roundTripMicros[i] ?? -1
      return `${micros < 0 ? "up" : (micros / microsPerMilli).toFixed(2)}${suspect}`
    }
    case "i":
      return `indirect${suspect}`
    case "d":
      return `down${suspect}`
    default:
      return "unknown"
  }
}

/** Returns the matrix, or nothing for one member and for more than 30 members. */
export const matrix = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  if (rows.length < 2 || rows.length > maxMembers) return []
  const sorted = [...rows].sort((a, b) => compareNames(a.name, b.name))
  const heads = sorted.map(({ name }) =>
    [...name].length > maxHead ? `${[...name].slice(0, maxHead - 1).join("")}…` : name,
  )
  return [
    "",
    ...table(
      ["", ...heads, "VERSION"],
      sorted.map((row) => [row.name, ...sorted.map(({ name }) => cell(row, name)), row.version]),
    ),
    "A number is the median round-trip time in milliseconds. A row is the view of the member at its left.",
  ]
}
