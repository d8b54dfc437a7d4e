/** Rows of imagined clusters, for pure tests. */
import type { Report } from "@coterie/admin"

type Letters = Readonly<Record<string, string>>

/** Makes the row of a node. `peers` has two letters for each peer: its status, and the state of its link. */
export const row = (name: string, peers: Letters, change: Partial<Report.Row> = {}): Report.Row => {
  const names = Object.keys(peers)
  const letters = Object.values(peers)
  return {
    schema: 1,
    name,
    generation: 1,
    version: "0.1.0",
    phase: "member",
    at: 1_000,
    uptimeMillis: 60_000,
    unchangedMillis: 60_000,
    isolated: false,
    viewHash: "00",
    localHealth: 0,
    lagMillis: 0,
    names,
    generations: names.map(() => 1),
    status: letters.map((each) => each[0] ?? "a").join(""),
    link: letters.map((each) => each[1] ?? "u").join(""),
    roundTripMicros: letters.map((each) => (each[1] === "u" ? 500 : -1)),
    heardMillis: letters.map((each) => (each[1] === "u" ? 10 : -1)),
    through: {},
    dial: {},
    failedMillis: {},
    ...change,
  }
}

/** Makes the rows of a cluster in which all nodes have links, with changes of single cells such as `c>d`. */
export const cluster = (
  names: ReadonlyArray<string>,
  cells: Letters = {},
  rows: Readonly<Record<string, Partial<Report.Row>>> = {},
): ReadonlyArray<Report.Row> =>
  names.map((name) => {
    const peers: Record<string, string> = {}
    for (const peer of names) {
      const cell = cells[`${name}>${peer}`] ?? "au"
      if (peer !== name && cell !== "") peers[peer] = cell
    }
    return row(name, peers, rows[name])
  })

/** Makes the cells of pairs without a link on either side, such as `c-d`. */
export const cut = (...pairs: ReadonlyArray<string>): Letters => {
  const cells: Record<string, string> = {}
  for (const pair of pairs) {
    const [a = "", b = ""] = pair.split("-")
    cells[`${a}>${b}`] = "ai"
    cells[`${b}>${a}`] = "ai"
  }
  return cells
}
