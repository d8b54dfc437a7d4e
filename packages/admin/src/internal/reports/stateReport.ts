/** Makes the report of the components of a node. */
import type { Self } from "@coterie/core/Cluster"
import type { Described } from "@coterie/core/NodeComponents"
import * as Iterable from "effect/Iterable"
import { type ComponentReport, schemaVersion, stateBounds, type StateFilter, type StateReport } from "../../Report.ts"

/** Bounds of a report. */
interface Bounds {
  readonly components: number
  /** Rows of all components. */
  readonly rows: number
}

/** Makes a report within bounds, in which the first of the wanted components have all of their rows. */
export const stateReport = (
  { generation, name }: Pick<Self, "name" | "generation">,
  described: ReadonlyArray<Described>,
  at: number,
  filter: StateFilter = {},
  bounds: Bounds = stateBounds,
): StateReport => {
  const wanted = described.filter(
    (each) =>
      (filter.kind === undefined || each.kind === filter.kind) &&
      (filter.name === undefined || each.name === filter.name),
  )
  const components: Array<ComponentReport> = []
  let rowsLeft = bounds.rows
  let omittedRows = 0
  for (const { facts, kind, name, rows = [] } of wanted.slice(0, bounds.components)) {
    const shown = [...Iterable.take(rows, Math.min(rowsLeft, filter.rows ?? rowsLeft))]
    const omitted = rows.length - shown.length
    rowsLeft -= shown.length
    omittedRows += omitted
    components.push({ kind, name, facts, rows: shown, ...(omitted === 0 ? {} : { omittedRows: omitted }) })
  }
  const omitted = { components: wanted.length - components.length, rows: omittedRows }
  return { schema: schemaVersion, name, generation, at, components, omitted }
}
