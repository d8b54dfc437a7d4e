/** Makes the report of the components of a node. */
import type { Self } from "@coterie/core/Cluster"
import type { Described } from "@coterie/core/NodeComponents"
import { type ComponentReport, schemaVersion, stateBounds, type StateReport } from "../../Report.ts"

/** Makes a report within bounds, in which the first components have all of their rows. */
export const stateReport = (
  { generation, name }: Pick<Self, "name" | "generation">,
  described: ReadonlyArray<Described>,
  at: number,
  bounds: { readonly components: number; readonly rows: number } = stateBounds,
): StateReport => {
  const components: Array<ComponentReport> = []
  let rowsLeft = bounds.rows
  let omittedRows = 0
  for (const { facts, kind, name, rows = [] } of described.slice(0, bounds.components)) {
    const shown = rows.slice(0, rowsLeft)
    rowsLeft -= shown.length
    omittedRows += rows.length - shown.length
    components.push({ kind, name, facts, rows: shown })
  }
  const omitted = { components: described.length - components.length, rows: omittedRows }
  return { schema: schemaVersion, name, generation, at, components, omitted }
}
