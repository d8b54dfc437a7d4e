/** `coterie reachability`: the pairs of members without a link, the reasons of their dials, and what to try. */
import * as Effect from "effect/Effect"
import type { PairSide, UnlinkedPair } from "../CommandOutput.ts"
import { compareNames } from "@coterie/core/Peer"
import { nearNames } from "../internal/nearNames.ts"
import * as Report from "../Report.ts"
import { adviceFor } from "./advice.ts"
import * as Cluster from "./cluster.ts"
import { type CommandError, refused } from "./CommandError.ts"
import { type ExitCode, exits } from "./exits.ts"
import { output, type Session } from "./Session.ts"
import { ago, listNames, printable } from "./text.ts"

/** Number of pairs that the text shows before it counts the rest. */
const maxPairs = 20

const links = new Map([
  ["u", "up"],
  ["i", "indirect"],
  ["d", "down"],
])

const statuses = new Map([
  ["a", "alive"],
  ["s", "suspect"],
  ["f", "failed"],
  ["d", "disconnected"],
])

/** Returns the view that a row has of another member. */
const sideOf = (name: string, row: Report.Row | undefined, other: string): PairSide => {
  const i = row?.names.indexOf(other) ?? -1
  if (row === undefined || i < 0) return { name, answered: row !== undefined }
  const link = links.get(row.link[i] ?? "")
  const status = statuses.get(row.status[i] ?? "")
  const [dial, through] = [row.dial[i], row.through[i]]
  return {
    name,
    answered: true,
    ...(status === undefined ? {} : { status }),
    ...(link === undefined ? {} : { link }),
    ...(through === undefined ? {} : { through }),
    ...(dial === undefined ? {} : { dial }),
  }
}

/** Returns the names that answered and run, and the members that somebody lists as alive. */
const membersOf = (rows: ReadonlyArray<Report.Row>): ReadonlyArray<string> => {
  const names = new Set<string>()
  for (const row of rows) {
    if (row.phase === "stopped") continue
    names.add(row.name)
    for (const [i, name] of row.names.entries()) {
      if (row.status[i] === "a" || row.status[i] === "s") names.add(name)
    }
  }
  for (const row of rows) if (row.phase === "stopped") names.delete(row.name)
  return [...names].sort(compareNames)
}

/** Returns the pairs of members of which at least one answered, and not both sides have a link. */
export const unlinkedPairs = (rows: ReadonlyArray<Report.Row>): ReadonlyArray<UnlinkedPair> => {
  const members = membersOf(rows)
  const byName = new Map(rows.map((row) => [row.name, row]))
  const pairs: Array<{ readonly a: PairSide; readonly b: PairSide }> = []
  const unlinked = new Map<string, number>()
  for (const [i, a] of members.entries()) {
    for (const b of members.slice(i + 1)) {
      const [rowA, rowB] = [byName.get(a), byName.get(b)]
      if (rowA === undefined && rowB === undefined) continue
      const [there, back] = [sideOf(a, rowA, b), sideOf(b, rowB, a)]
      if ((there.link === "up" || !there.answered) && (back.link === "up" || !back.answered)) continue
      pairs.push({ a: there, b: back })
      for (const name of [a, b]) unlinked.set(name, (unlinked.get(name) ?? 0) + 1)
    }
  }
  // A member has links to others if it lacks fewer links than there are other members.
  const isLinked = (name: string) => (unlinked.get(name) ?? 0) < members.length - 1
  return pairs.map(({ a, b }) => ({
    a,
    b,
    advice: adviceFor({ a, b, othersReachBoth: isLinked(a.name) && isLinked(b.name) }),
  }))
}

/** Returns the name of the member that the user means. */
const known = (name: string, rows: ReadonlyArray<Report.Row>): Effect.Effect<string, CommandError> => {
  const names = new Set(rows.flatMap((row) => [row.name, ...row.names]))
  if (names.has(name)) return Effect.succeed(name)
  const near = nearNames(name, names)
  const meant = near.length === 0 ? "" : `; did you mean ${listNames(near)}?`
  return Effect.fail(refused(`no member knows ${printable(name)}${meant}`))
}

const dialText = ({ dial, link, name, status, through }: PairSide, other: string): string => {
  const [from, to] = [printable(name), printable(other)]
  if (status === "disconnected") return `${from} is disconnected from ${to}`
  if (link === "up") return `${from} has its side of a link to ${to}`
  const via = through === undefined ? "" : ` (${printable(through)} reaches it)`
  if (dial === undefined) return link === undefined ? "" : `${from} has not dialed ${to}${via}`
  const attempts = `${dial.attempts} ${dial.attempts === 1 ? "attempt" : "attempts"}`
  const place = printable(dial.address)
  return `${from} dials ${to} at ${place}: ${printable(dial.reason)} ${ago(dial.agoMillis)} ago (${attempts})${via}`
}

const sideText = (side: PairSide, other: string): string => {
  if (!side.answered) return `${printable(side.name)} did not answer`
  const text = dialText(side, other)
  return text === "" ? `${printable(side.name)} does not list ${printable(other)}` : text
}

/** Returns the text of a pair in one sentence, without the advice. */
export const pairText = ({ a, b }: UnlinkedPair): string =>
  `${printable(a.name)} and ${printable(b.name)} have no link: ${sideText(a, b.name)}; ${sideText(b, a.name)}`

/** Returns the text of a pair. */
export const pairLines = ({ a, advice, b }: UnlinkedPair): ReadonlyArray<string> => [
  `${printable(a.name)} – ${printable(b.name)}`,
  `  ${sideText(a, b.name)}`,
  `  ${sideText(b, a.name)}`,
  ...advice.map((sentence) => `  ${sentence}`),
]

const lines = (pairs: ReadonlyArray<UnlinkedPair>, { unanswered }: Report.ClusterReport): ReadonlyArray<string> => {
  const rest = pairs.length - maxPairs
  return [
    ...(pairs.length === 0 ? ["every pair of members that was asked has a link"] : []),
    ...pairs.slice(0, maxPairs).flatMap(pairLines),
    ...(rest > 0 ? [`${rest} more pairs; --json has all`] : []),
    ...unanswered.map(({ name, reason }) => `${printable(name)} did not answer (${printable(reason)})`),
  ]
}

export const run = Effect.fnUntraced(function* (
  session: Session,
  { names }: { readonly names: ReadonlyArray<string> },
): Effect.fn.Return<ExitCode, CommandError> {
  const report = yield* Cluster.ask(session)
  const rows = Report.rows(report)
  for (const name of names) yield* known(name, rows)
  const pairs = unlinkedPairs(rows).filter(({ a, b }) => names.every((name) => name === a.name || name === b.name))
  yield* output(session, { schema: 1, pairs, unanswered: report.unanswered }, () => lines(pairs, report))
  return pairs.length === 0 ? exits.yes : exits.no
})
