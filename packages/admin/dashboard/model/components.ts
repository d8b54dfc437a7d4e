/** The components of a node, such as its maps and presences, as tables whose texts are printable. */
import type { ComponentReport, StateReport } from "../../src/Report.ts"
import { bytesText } from "./members.ts"
import { shownText } from "./shownText.ts"

/** Maximum number of components, and of rows of one component, that the page shows. Nobody reads more, and the filter finds the others. */
export const maxComponents = 100
export const maxRows = 100

/** Maximum number of rows of one component that the page asks for. It finds the worst ones, and those of the filter, among them. */
export const askedRows = 1_000

type Facts = ComponentReport["facts"]

/** Kind and name of a component. */
export interface Id {
  readonly kind: string
  readonly name: string
}

/** A component in the table of its kind. */
export interface ComponentLine extends Id {
  readonly key: number
  readonly label: string
  readonly cells: ReadonlyArray<string>
  readonly hasRows: boolean
}

/** The components of one kind. */
export interface KindTable {
  readonly kind: string
  readonly label: string
  readonly columns: ReadonlyArray<string>
  readonly lines: ReadonlyArray<ComponentLine>
}

/** The rows of a component. */
export interface RowTable {
  readonly columns: ReadonlyArray<string>
  readonly lines: ReadonlyArray<ReadonlyArray<string>>
  /** Number of further rows that match. */
  readonly hidden: number
  /** Number of rows that the service left out, and of which the page does not know whether they match. */
  readonly unknown: number
}

export const isSame = (a: Id, b: Id): boolean => a.kind === b.kind && a.name === b.name

/** Largest distance from 1970 that a date can have, in milliseconds. */
const maxTime = 8.64e15

/** Returns a fact as text. Times and bytes are known by their names, as in the command. */
const factText = (name: string, fact: Facts[string] | undefined): string => {
  if (fact === undefined) return ""
  if (typeof fact !== "number") return shownText(String(fact))
  if (name === "at") return Math.abs(fact) <= maxTime ? new Date(fact).toISOString() : ""
  return name === "bytes" || name.endsWith("Bytes") ? bytesText(fact) : String(fact)
}

/** Returns the name of a fact in words, such as `own entries`. */
const columnText = (name: string): string =>
  shownText(name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).trim())

const columnsOf = (all: ReadonlyArray<Facts>): ReadonlyArray<string> => [...new Set(all.flatMap(Object.keys))]

const contains = (text: string, filter: string): boolean => text.toLowerCase().includes(filter.toLowerCase())

/** Returns the tables of the components whose kind or name contains a text, and the number of those that are left out. */
export const kindTables = (
  { components, omitted }: StateReport,
  filter: string,
): { readonly tables: ReadonlyArray<KindTable>; readonly hidden: number } => {
  const matching = components.filter(({ kind, name }) => contains(`${kind} ${name}`, filter))
  const shown = matching.slice(0, maxComponents)
  const tables = [...new Set(shown.map(({ kind }) => kind))].map((kind): KindTable => {
    const ofKind = shown.filter((each) => each.kind === kind)
    const columns = columnsOf(ofKind.map(({ facts }) => facts))
    return {
      kind,
      label: shownText(kind),
      columns: columns.map(columnText),
      lines: ofKind.map(({ facts, name, omittedRows = 0, rows }, key) => ({
        key,
        kind,
        name,
        label: shownText(name),
        cells: columns.map((column) => factText(column, facts[column])),
        hasRows: rows.length + omittedRows > 0,
      })),
    }
  })
  return { tables, hidden: matching.length - shown.length + omitted.components }
}

/** States of a copy that is not as it should be. The last one is the worst. */
const troubles = ["syncing", "stale", "refused"]

/** Returns how urgent a row is: the state of the copy of a peer here, and then the number of steps that the peer lacks. */
const urgencyOf = ({ behind, state }: Facts) => ({
  trouble: troubles.indexOf(String(state)),
  behind: typeof behind === "number" ? behind : 0,
})

const byUrgency = (a: Facts, b: Facts): number => {
  const [one, other] = [urgencyOf(a), urgencyOf(b)]
  return other.trouble - one.trouble || other.behind - one.behind
}

/** Returns the rows that contain a text in a cell, the most urgent ones first, and otherwise in their order. */
export const rowTable = (components: ReadonlyArray<ComponentReport>, filter: string): RowTable => {
  const rows = components.flatMap((component) => component.rows)
  const columns = columnsOf(rows)
  const matching = rows
    .toSorted(byUrgency)
    .map((row) => columns.map((column) => factText(column, row[column])))
    .filter((cells) => cells.some((cell) => contains(cell, filter)))
  return {
    columns: columns.map(columnText),
    lines: matching.slice(0, maxRows),
    hidden: Math.max(0, matching.length - maxRows),
    unknown: components.reduce((sum, { omittedRows = 0 }) => sum + omittedRows, 0),
  }
}
