/** `coterie cluster`: the cluster as every member sees it. */
import * as Effect from "effect/Effect"
import * as AdminApi from "../AdminApi.ts"
import * as Report from "../Report.ts"
import * as Verdict from "../Verdict.ts"
import type { CommandError } from "./CommandError.ts"
import { type ExitCode, exits } from "./exits.ts"
import { matrix } from "./matrix.ts"
import type { Color, Session } from "./Session.ts"
import { output } from "./Session.ts"
import { printable } from "./text.ts"

const colors: { readonly [Level in Report.Verdict["level"]]: Color } = {
  ok: "green",
  warning: "yellow",
  critical: "red",
}

/** Part of the time of a request that the members have to answer: the rest is for the request itself. */
const deadlineShare = 0.8

/** Deadline of the service, in milliseconds. A shorter `--timeout` needs a shorter deadline. */
const defaultDeadline = 2_000

/** Asks the services of all URLs, and merges their reports. */
export const ask = Effect.fnUntraced(function* (
  session: Session,
): Effect.fn.Return<Report.ClusterReport, CommandError> {
  const deadline = Math.max(AdminApi.deadlineBounds.minimum, Math.floor(session.timeout * deadlineShare))
  const query = deadline < defaultDeadline ? { deadlineMillis: deadline } : {}
  const reports = yield* Effect.forEach(session.clients, (client) => client.ask((api) => api.node.cluster({ query })), {
    concurrency: "unbounded",
  })
  return merge(reports)
})

/** Merges the reports of several nodes, such as of both sides of a partition. A single report stays as it is. */
export const merge = (reports: ReadonlyArray<Report.ClusterReport>): Report.ClusterReport => {
  const [first] = reports
  if (first === undefined || reports.length === 1) return first ?? nothing
  const rows = Report.newest(reports.flatMap(Report.rows))
  const answered = new Set(rows.map(({ name }) => name))
  const unanswered = new Map(reports.flatMap((report) => report.unanswered).map((each) => [each.name, each]))
  for (const name of answered) unanswered.delete(name)
  const silent = [...unanswered.values()]
  return Report.makeClusterReport({
    askedBy: reports.map(({ askedBy }) => askedBy).join(", "),
    at: Math.max(...reports.map(({ at }) => at)),
    tookMillis: Math.max(...reports.map(({ tookMillis }) => tookMillis)),
    rows,
    unanswered: silent,
    verdict: Verdict.make({ rows, unanswered: silent }),
  })
}

/** Report of no node. */
const nothing: Report.ClusterReport = Report.makeClusterReport({
  askedBy: "",
  at: 0,
  tookMillis: 0,
  rows: [],
  unanswered: [],
  verdict: Verdict.make({ rows: [], unanswered: [] }),
})

/** Returns the verdict and the matrix. */
export const lines = (
  report: Report.ClusterReport,
  paint: Session["paint"] = (_, text) => text,
): ReadonlyArray<string> => {
  const { details, level, sentence, settling } = report.verdict
  return [
    `${paint(colors[level], printable(sentence))}${settling ? " (a member has changed just now; ask again)" : ""}`,
    ...details.map((detail) => `  ${printable(detail)}`),
    ...matrix(Report.rows(report)),
  ]
}

export const run = Effect.fnUntraced(function* (session: Session): Effect.fn.Return<ExitCode, CommandError> {
  const report = yield* ask(session)
  yield* output(session, report, () => lines(report, session.paint))
  return report.verdict.level === "ok" ? exits.yes : exits.no
})
