import type { ClusterReport } from "../../src/Report.ts"
import { printable } from "../../src/internal/printable.ts"

/** State of a cell: the peer of the column as the node of the row sees it. */
export type CellState =
  | "self"
  | "up"
  | "indirect"
  | "down"
  | "suspect"
  | "failed"
  | "disconnected"
  | "unlisted"
  | "unknown"

/** States by their codes in the matrix. */
const states: ReadonlyArray<CellState> = [
  "unlisted",
  "self",
  "up",
  "indirect",
  "down",
  "suspect",
  "failed",
  "disconnected",
  "unknown",
]

/** Sign of each state, so that no state is shown by its color alone. */
export const glyphs: { readonly [state in CellState]: string } = {
  self: "",
  up: "●",
  indirect: "◐",
  down: "○",
  suspect: "!",
  failed: "✕",
  disconnected: "–",
  unlisted: "∅",
  unknown: "?",
}

export const meanings: { readonly [state in Exclude<CellState, "self">]: string } = {
  up: "link, or its round-trip time in ms",
  indirect: "reached through others",
  down: "not reached",
  suspect: "suspected",
  failed: "failed",
  disconnected: "disconnected",
  unlisted: "not listed",
  unknown: "no answer",
}

export interface Cell {
  readonly state: CellState
  /** Visible text: the round-trip time in milliseconds, or the sign of the state. */
  readonly text: string
  /** Sentence about the cell. It begins with the visible text, as users of speech control expect. */
  readonly label: string
}

/** Maximum number of members in the matrix. A page with more rows helps nobody, and a report may be as large as it wants. */
export const maxMembers = 500

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const statusStates: { readonly [letter: string]: CellState } = { s: "suspect", f: "failed", d: "disconnected" }
const linkStates: { readonly [letter: string]: CellState } = { u: "up", i: "indirect", d: "down" }

/** Returns the state of a peer by the letters of a row. A letter of a later version is unknown. */
const stateOf = (status: string, link: string): CellState =>
  status === "a" ? (linkStates[link] ?? "unknown") : (statusStates[status] ?? "unknown")

/** Returns milliseconds with a precision that fits a cell. */
export const millisText = (micros: number): string => {
  const millis = micros / 1_000
  return millis < 10 ? millis.toFixed(1) : millis.toFixed(0)
}

/** The report of the cluster, indexed by pairs of members. */
export class Matrix {
  /** Names of all members that answered or that a member lists, sorted. */
  readonly names: ReadonlyArray<string>
  /** Number of further members, which are not shown. */
  readonly hidden: number
  private readonly positions: ReadonlyMap<string, number>
  private readonly codes: Uint8Array
  private readonly micros: Float64Array
  private readonly heard: Float64Array
  private readonly through = new Map<number, string>()
  private readonly reasons = new Map<number, string>()

  constructor(report: ClusterReport) {
    const all = new Set([...report.members, ...report.rows, ...report.unanswered].map(({ name }) => name))
    const sorted = [...all].sort(byCodeUnits)
    this.names = sorted.slice(0, maxMembers)
    this.hidden = sorted.length - this.names.length
    this.positions = new Map(this.names.map((name, index) => [name, index]))
    const size = this.names.length
    this.codes = new Uint8Array(size * size).fill(states.indexOf("unknown"))
    this.micros = new Float64Array(size * size).fill(-1)
    this.heard = new Float64Array(size * size).fill(-1)
    for (const row of report.rows) this.read(row, report.members)
    for (let i = 0; i < size; i++) this.codes[i * size + i] = states.indexOf("self")
  }

  private read(row: ClusterReport["rows"][number], members: ClusterReport["members"]): void {
    const i = this.positions.get(row.name)
    if (i === undefined) return
    const start = i * this.names.length
    this.codes.fill(states.indexOf("unlisted"), start, start + this.names.length)
    for (const [k, member] of row.peers.entries()) {
      const j = this.positions.get(members[member]?.name ?? "")
      if (j === undefined) continue
      const at = start + j
      const state = stateOf(row.status[k] ?? "", row.link[k] ?? "")
      this.codes[at] = states.indexOf(state)
      // A link that is not up has no round-trip time: the last value would hide the problem.
      this.micros[at] = row.link[k] === "u" ? (row.roundTripMicros[k] ?? -1) : -1
      this.heard[at] = row.heardMillis[k] ?? -1
      const through = row.through[k]
      if (through !== undefined) this.through.set(at, through)
      const dial = row.dial[k]
      if (dial !== undefined) this.reasons.set(at, dial.reason)
    }
  }

  stateAt(i: number, j: number): CellState {
    return states[this.codes[i * this.names.length + j] ?? 0] ?? "unknown"
  }

  cellAt(i: number, j: number): Cell {
    const at = i * this.names.length + j
    const state = this.stateAt(i, j)
    const micros = this.micros[at] ?? -1
    const text = state === "up" && micros >= 0 ? millisText(micros) : glyphs[state]
    const unit = text === glyphs[state] ? "" : " ms:"
    return { state, text, label: `${text}${unit} ${this.sentence(i, j, state)}`.trim() }
  }

  /** Returns the sentence about a pair. */
  private sentence(i: number, j: number, state: CellState): string {
    const [a, b] = [printable(this.names[i] ?? ""), printable(this.names[j] ?? "")]
    const at = i * this.names.length + j
    const heard = this.heard[at] ?? -1
    const reason = this.reasons.get(at)
    const dialed = reason === undefined ? "" : `; its last dial failed: ${printable(reason)}`
    switch (state) {
      case "self":
        return `${a} itself`
      case "up":
        return `${a} has a link to ${b}${heard < 0 ? "" : `, heard ${(heard / 1_000).toFixed(1)} s ago`}`
      case "indirect":
        return `${a} reaches ${b} only through ${printable(this.through.get(at) ?? "others")}${dialed}`
      case "down":
        return `${a} does not reach ${b}${dialed}`
      case "suspect":
        return `${a} suspects ${b}${dialed}`
      case "failed":
        return `${a} calls ${b} failed${dialed}`
      case "disconnected":
        return `${a} is disconnected from ${b}`
      case "unlisted":
        return `${a} does not list ${b}`
      case "unknown":
        return `${a} did not answer, so its link to ${b} is unknown`
    }
  }

  /** Returns a sentence for each direction without a link, at most `limit`. */
  problems(limit: number): ReadonlyArray<string> {
    const found: Array<string> = []
    for (let i = 0; i < this.names.length; i++) {
      for (let j = 0; j < this.names.length && found.length < limit; j++) {
        const state = this.stateAt(i, j)
        if (isProblem(state)) found.push(this.sentence(i, j, state))
      }
    }
    return found
  }

  /** Returns the positions of the members in the order: by name, by problems, or by a group such as a zone. */
  order(by: "name" | "worst" | ((name: string) => string)): ReadonlyArray<number> {
    const positions = [...this.names.keys()]
    if (by === "name") return positions
    if (by === "worst") {
      const problems = positions.map((i) => this.problemsOf(i))
      return positions.sort((a, b) => (problems[b] ?? 0) - (problems[a] ?? 0) || a - b)
    }
    const groups = this.names.map(by)
    return positions.sort((a, b) => byCodeUnits(groups[a] ?? "", groups[b] ?? "") || a - b)
  }

  private problemsOf(i: number): number {
    let count = 0
    for (let j = 0; j < this.names.length; j++) {
      if (isBad(this.stateAt(i, j))) count++
      if (isBad(this.stateAt(j, i))) count++
    }
    return count
  }
}

const isProblem = (state: CellState): boolean => isBad(state) && state !== "unknown"

const isBad = (state: CellState): boolean => state !== "up" && state !== "self"
