/** The table of the members: what each says about itself, and what the asked node knows about it. */
import type { ClusterReport, NodeReport } from "../../src/Report.ts"
import { maxMembers } from "./Matrix.ts"

export interface Member {
  readonly name: string
  /** Phase of a node that answered, otherwise the reason why there is no answer. */
  readonly status: string
  readonly answered: boolean
  /** Links that are up, and the peers that the node lists as alive or suspected. */
  readonly links: string
  /** Median of the round-trip times of its links, in microseconds. */
  readonly micros: number | undefined
  readonly lagMillis: number | undefined
  readonly localHealth: number | undefined
  readonly version: string
  readonly uptimeMillis: number | undefined
  /** Bytes of the link between the asked node and this one. */
  readonly bytes: { readonly in: number; readonly out: number } | undefined
}

/** Returns the middle value of sorted numbers. */
export const median = (sorted: ReadonlyArray<number>): number | undefined => sorted[sorted.length >> 1]

const linksOf = (row: ClusterReport["rows"][number]): string => {
  let up = 0
  let all = 0
  for (const [k, status] of [...row.status].entries()) {
    if (status !== "a" && status !== "s") continue
    all++
    if (row.link[k] === "u") up++
  }
  return `${up} of ${all}`
}

/** Returns the measured round-trip times of the links of a row, sorted. */
const roundTrips = (row: ClusterReport["rows"][number]): ReadonlyArray<number> =>
  row.roundTripMicros.filter((micros, k) => micros >= 0 && row.link[k] === "u").sort((a, b) => a - b)

/** Returns the median and the highest round-trip time of all links, in milliseconds. */
export const roundTripsOf = (
  report: ClusterReport,
): { readonly median: number | undefined; readonly max: number | undefined } => {
  const all = report.rows.flatMap(roundTrips).sort((a, b) => a - b)
  const [middle, last] = [median(all), all.at(-1)]
  return {
    median: middle === undefined ? undefined : middle / 1_000,
    max: last === undefined ? undefined : last / 1_000,
  }
}

/** Returns the rows of the table, by name: the members that answered, and those that did not. */
export const membersOf = (report: ClusterReport, self: NodeReport | undefined): ReadonlyArray<Member> => {
  const connections = new Map(self?.peers.map(({ connection, name }) => [name, connection]))
  const answered = report.rows.map((row): Member => {
    const connection = connections.get(row.name)
    return {
      name: row.name,
      status: row.phase,
      answered: true,
      links: linksOf(row),
      micros: median(roundTrips(row)),
      lagMillis: row.lagMillis,
      localHealth: row.localHealth,
      version: row.version,
      uptimeMillis: row.uptimeMillis,
      bytes: connection === undefined ? undefined : { in: connection.bytesIn, out: connection.bytesOut },
    }
  })
  const silent = report.unanswered.map(({ name, reason }): Member => ({
    name,
    status: reason,
    answered: false,
    links: "",
    micros: undefined,
    lagMillis: undefined,
    localHealth: undefined,
    version: "",
    uptimeMillis: undefined,
    bytes: undefined,
  }))
  return [...answered, ...silent].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)).slice(0, maxMembers)
}

/** Returns the text of a duration with its largest unit. */
export const durationText = (millis: number): string => {
  const seconds = Math.floor(millis / 1_000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** Returns the text of a number of bytes. */
export const bytesText = (bytes: number): string => {
  if (bytes < 1_024) return `${bytes} B`
  if (bytes < 1_024 * 1_024) return `${(bytes / 1_024).toFixed(0)} KiB`
  return `${(bytes / 1_024 / 1_024).toFixed(1)} MiB`
}
