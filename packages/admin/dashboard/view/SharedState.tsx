import { useMemo, useState } from "preact/hooks"
import type { ComponentReport, StateReport } from "../../src/Report.ts"
import type { DashboardStore } from "../data/DashboardStore.ts"
import type { SharedView } from "../data/SharedState.ts"
import { type Id, isSame, type KindTable, kindTables, rowTable } from "../model/components.ts"
import { shownText } from "../model/shownText.ts"
import { TableHead } from "./TableHead.tsx"

interface FilterProps {
  readonly label: string
  readonly value: string
  readonly onInput: (value: string) => void
}

const Filter = ({ label, onInput, value }: FilterProps) => (
  <label>
    {label}
    <input type="search" value={value} onInput={({ currentTarget }) => onInput(currentTarget.value)} />
  </label>
)

interface Selection {
  readonly selected: Id | undefined
  readonly onSelect: (id: Id) => void
}

/** The components of one kind, with a button for each one that has rows. */
const Kind = ({ onSelect, selected, table }: Selection & { readonly table: KindTable }) => (
  // The table scrolls on a narrow screen, so the keyboard must reach it.
  <div class="scroll" tabIndex={0} role="group" aria-label={`Table of the kind ${table.label}`}>
    <table>
      <caption>{table.label}</caption>
      <TableHead columns={["name", ...table.columns]} />
      <tbody>
        {table.lines.map((line) => (
          <tr key={line.key}>
            <th scope="row" title={line.label}>
              {line.hasRows ? (
                <button
                  type="button"
                  aria-expanded={selected !== undefined && isSame(selected, line)}
                  onClick={() => onSelect({ kind: line.kind, name: line.name })}
                >
                  {line.label}
                </button>
              ) : (
                line.label
              )}
            </th>
            {line.cells.map((cell, i) => (
              <td key={i}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

const Kinds = ({ report, ...selection }: Selection & { readonly report: StateReport }) => {
  const [filter, setFilter] = useState("")
  const { hidden, tables } = useMemo(() => kindTables(report, filter), [report, filter])
  return (
    <>
      <div class="tools">
        <Filter label="Filter" value={filter} onInput={setFilter} />
      </div>
      {report.components.length === 0 && <p>{`${shownText(report.name)} shares nothing.`}</p>}
      {tables.map((table) => (
        <Kind key={table.kind} table={table} {...selection} />
      ))}
      {hidden > 0 && <p>{`${hidden} more are not shown.`}</p>}
    </>
  )
}

/** The rows of the selected component, such as the peers of a map. */
const Rows = ({ id, rows }: { readonly id: Id; readonly rows: ReadonlyArray<ComponentReport> | undefined }) => {
  const [filter, setFilter] = useState("")
  const table = useMemo(() => rowTable(rows ?? [], filter), [rows, filter])
  const title = shownText(`${id.kind} ${id.name}`)
  if (rows === undefined) return <p>{`Waiting for ${title}`}</p>
  if (rows.length === 0) return <p>{`${title} is not open any more.`}</p>
  const more = [
    ...(table.hidden > 0 ? [`${table.hidden} more rows match and are not shown.`] : []),
    ...(table.unknown > 0 ? [`${table.unknown} more rows are not in the report.`] : []),
  ].join(" ")
  return (
    <div class="rows">
      <div class="tools">
        <Filter label="Filter rows" value={filter} onInput={setFilter} />
      </div>
      <div class="scroll log" tabIndex={0} role="group" aria-label={`Table of ${title}`}>
        <table>
          <caption>{title}</caption>
          <TableHead columns={table.columns} />
          <tbody>
            {table.lines.map((cells, i) => (
              <tr key={i}>
                {cells.map((cell, j) =>
                  j === 0 ? (
                    <th scope="row" key={j} title={cell}>
                      {cell}
                    </th>
                  ) : (
                    <td key={j}>{cell}</td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {more !== "" && <p>{more}</p>}
    </div>
  )
}

/** State that the asked node shares with others. Asked for only while it is shown. */
export const SharedState = ({ shared, store }: { readonly shared: SharedView; readonly store: DashboardStore }) => {
  const { isOpen, problem, report, rows, selected } = shared
  return (
    <section aria-labelledby="state-title">
      <h2 id="state-title">Shared state</h2>
      <div class="tools">
        <button type="button" aria-expanded={isOpen} onClick={() => store.toggleShared()}>
          {isOpen ? "Hide the shared state" : "Show the shared state"}
        </button>
      </div>
      {isOpen && problem !== undefined && (
        <p role="alert" class="lost">
          {problem}
        </p>
      )}
      {isOpen && report === undefined && problem === undefined && <p>Waiting for the first report</p>}
      {isOpen && report !== undefined && (
        <>
          <Kinds report={report} selected={selected} onSelect={(id) => store.selectComponent(id)} />
          {selected !== undefined && <Rows key={`${selected.kind} ${selected.name}`} id={selected} rows={rows} />}
          <p class="hint">
            {`As ${shownText(report.name)} sees it; behind: steps of this node that a peer lacks, for a map those of the slowest peer`}
          </p>
        </>
      )}
    </section>
  )
}
