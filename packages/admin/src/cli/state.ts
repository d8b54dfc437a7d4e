/** `coterie state`: what a node shares with others. */
import * as Effect from "effect/Effect"
import type { ComponentReport, StateReport } from "../Report.ts"
import type { CommandError } from "./CommandError.ts"
import { type ExitCode, exits } from "./exits.ts"
import { onlyClient, output, type Session } from "./Session.ts"
import { bytes, printable, table, time, unknown } from "./text.ts"

type Fact = ComponentReport["facts"][string]

/** Returns a fact as text. Times and bytes are known by their names. */
const text = (name: string, fact: Fact | undefined): string => {
  if (fact === undefined) return unknown
  if (typeof fact !== "number") return String(fact)
  if (name === "at") return time(fact)
  return name === "bytes" || name.endsWith("Bytes") ? bytes(fact) : String(fact)
}

const summary = (components: ReadonlyArray<ComponentReport>): ReadonlyArray<string> =>
  table(
    ["KIND", "NAME", "FACTS"],
    components.map(({ facts, kind, name }) => [
      kind,
      name,
      Object.entries(facts)
        .map(([name, fact]) => `${name} ${text(name, fact)}`)
        .join(", "),
    ]),
  )

const details = ({ facts, kind, name, rows }: ComponentReport): ReadonlyArray<string> => {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  return [
    `${printable(kind)} ${printable(name)}`,
    ...table(
      ["", ""],
      Object.entries(facts).map(([name, fact]) => [name, text(name, fact)]),
    ).slice(1),
    ...(rows.length === 0
      ? []
      : [
          "",
          ...table(
            columns.map((column) => column.toUpperCase()),
            rows.map((row) => columns.map((column) => text(column, row[column]))),
          ),
        ]),
  ]
}

const nothing = ({ kind, name }: Filter): string =>
  kind === undefined ? "nothing is shared" : `there is no ${[kind, name ?? ""].map(printable).join(" ").trim()}`

/** Returns the components of a kind, in full if their name is given too. */
export const lines = (report: StateReport, filter: Filter): ReadonlyArray<string> => {
  const { components, omitted } = report
  const isFull = filter.name !== undefined
  if (components.length === 0) return [nothing(filter)]
  return [
    ...(isFull
      ? components.flatMap((component, i) => [...(i === 0 ? [] : [""]), ...details(component)])
      : summary(components)),
    ...(omitted.components === 0 ? [] : [`${omitted.components} more are not shown`]),
    ...(isFull && omitted.rows > 0 ? [`${omitted.rows} more rows are not shown`] : []),
  ]
}

export interface Filter {
  readonly kind: string | undefined
  readonly name: string | undefined
}

/** Returns a report with the components that were asked for. */
export const filter = (report: StateReport, { kind, name }: Filter): StateReport => ({
  ...report,
  components: report.components.filter(
    (component) => (kind === undefined || component.kind === kind) && (name === undefined || component.name === name),
  ),
})

export const run = Effect.fnUntraced(function* (
  session: Session,
  wanted: Filter,
): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  // A line for each component needs no rows.
  const rows = session.json || wanted.name !== undefined ? undefined : 0
  // A service of an earlier version ignores the query.
  const report = filter(yield* client.ask((api) => api.node.state({ query: { ...wanted, rows } })), wanted)
  yield* output(session, report, () => lines(report, wanted))
  return report.components.length === 0 ? exits.no : exits.yes
})
