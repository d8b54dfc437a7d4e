/** The details of a verdict, one observation per line. */
import { printable } from "../printable.ts"
import { clockLines } from "./clocks.ts"
import type { ClusterMatrix } from "./ClusterMatrix.ts"
import { ago, list, listNames } from "./text.ts"

/** Number of lines of one kind before the rest is counted. */
const maxLines = 20

/** Distrust of a node in its own timing above which it is a detail. It is between 0 and 7, and single delays cause 1 or 2. */
const maxLocalHealth = 2

export const detailsOf = (matrix: ClusterMatrix): ReadonlyArray<string> => [
  ...bounded(matrix.silent.map(({ name, reason }) => `${printable(name)} did not answer (${printable(reason)})`)),
  ...bounded(
    matrix.oneSided.map(
      ([a, b]) => `${printable(a)} has no link to ${printable(b)}, which still has its side of a link`,
    ),
  ),
  ...viewGroups(matrix),
  ...bounded([...matrix.failed].map(([name, millis]) => `${printable(name)} failed ${ago(millis)} ago, and is dialed`)),
  ...bounded(states(matrix)),
  ...bounded(generations(matrix)),
  ...bounded(clockLines(matrix.sortedRows)),
  ...versions(matrix),
]

const bounded = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length <= maxLines ? lines : [...lines.slice(0, maxLines), `${lines.length - maxLines} more lines like this`]

const viewGroups = ({ views }: ClusterMatrix): ReadonlyArray<string> =>
  views.length < 2 ? [] : [`views differ: ${views.map((group) => listNames(group)).join(" | ")}`]

const states = ({ sortedRows }: ClusterMatrix): ReadonlyArray<string> =>
  sortedRows.flatMap((row) => {
    const name = printable(row.name)
    return [
      ...(row.isolated ? [`${name} is isolated`] : []),
      ...(row.partition === undefined ? [] : [`${name} suspects a partition`]),
      ...(row.localHealth > maxLocalHealth ? [`${name} distrusts its own timing (${row.localHealth} of 7)`] : []),
    ]
  })

const generations = ({ otherGenerations }: ClusterMatrix): ReadonlyArray<string> =>
  [...otherGenerations].map(([peer, names]) => `${listNames(names)} list another generation of ${printable(peer)}`)

const versions = ({ sortedRows }: ClusterMatrix): ReadonlyArray<string> => {
  const byVersion = new Map<string, Array<string>>()
  for (const { name, version } of sortedRows) byVersion.set(version, [...(byVersion.get(version) ?? []), name])
  if (byVersion.size < 2) return []
  const sorted = [...byVersion].sort(([a], [b]) => (a < b ? -1 : 1))
  return [`versions differ: ${list(sorted.map(([version, names]) => `${printable(version)} (${listNames(names)})`))}`]
}
