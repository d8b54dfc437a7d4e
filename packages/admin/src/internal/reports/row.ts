/** Makes the row of a node from its inspection, and reads the rows of other nodes. */
import type { Inspection, PeerInspection } from "@coterie/core/Inspection"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { maxRowLength, maxRowPeers, Row, schemaVersion } from "../../Report.ts"
import { version } from "../version.ts"
import { hex, isIsolated, statusReport } from "./nodeReport.ts"

/** Letters of the statuses and of the states of links. */
const letters: { readonly [Word in PeerInspection["status"] | PeerInspection["link"]]: string } = {
  alive: "a",
  suspect: "s",
  failed: "f",
  disconnected: "d",
  up: "u",
  indirect: "i",
  down: "d",
}

const microsPerMilli = 1_000

/** Returns the entries of the peers that have a value, by the position of the peer. */
const sparse = <A>(
  peers: ReadonlyArray<PeerInspection>,
  read: (peer: PeerInspection) => A | undefined,
): Readonly<Record<string, A>> => {
  const found: Record<string, A> = {}
  for (const [i, peer] of peers.entries()) {
    const value = read(peer)
    if (value !== undefined) found[i] = value
  }
  return found
}

/** Orders members before failed and disconnected peers, so that a bound drops the latter first. */
const membersFirst = (peers: ReadonlyArray<PeerInspection>): ReadonlyArray<PeerInspection> => {
  const isMember = ({ status }: PeerInspection) => status === "alive" || status === "suspect"
  return [...peers.filter(isMember), ...peers.filter((peer) => !isMember(peer))].slice(0, maxRowPeers)
}

/** Makes a row. `unchangedMillis` is the time since the last change of the view. */
export const makeRow = (inspection: Inspection, unchangedMillis: number): Row => {
  const { lagMillis, localHealth, partition, self, status, uptimeMillis, viewHash, wallTime } = inspection
  const peers = membersFirst(inspection.peers)
  return {
    schema: schemaVersion,
    name: self.name,
    generation: self.generation,
    version,
    phase: statusReport(status).phase,
    at: wallTime,
    uptimeMillis: Math.round(uptimeMillis),
    unchangedMillis: Math.round(unchangedMillis),
    isolated: isIsolated(inspection),
    ...(partition === undefined ? {} : { partition: partition.slice(0, maxRowPeers) }),
    viewHash: hex(viewHash),
    localHealth,
    lagMillis: Math.round(lagMillis),
    names: peers.map(({ name }) => name),
    generations: peers.map(({ generation }) => generation),
    status: peers.map(({ status }) => letters[status]).join(""),
    link: peers.map(({ link }) => letters[link]).join(""),
    roundTripMicros: peers.map(({ connection }) =>
      connection?.roundTrip === undefined ? -1 : Math.round(connection.roundTrip.medianMillis * microsPerMilli),
    ),
    heardMillis: peers.map(({ connection }) => (connection === undefined ? -1 : Math.round(connection.heardAgoMillis))),
    through: sparse(peers, ({ through }) => through),
    dial: sparse(peers, ({ dial }) =>
      dial === undefined
        ? undefined
        : {
            address: dial.address,
            reason: dial.reason,
            agoMillis: Math.round(dial.agoMillis),
            attempts: dial.attempts,
          },
    ),
    failedMillis: sparse(peers, ({ failedForMillis }) =>
      failedForMillis === undefined ? undefined : Math.round(failedForMillis),
    ),
  }
}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Row))

/**
 * Reads the row of another node. Fails with the problem if the text is too long, is no row, has columns of different
 * lengths, or is the row of a node with another name.
 */
export const readRow = (text: string, from: string): Result.Result<Row, string> => {
  if (text.length > maxRowLength) return Result.fail(`the answer is longer than ${maxRowLength} characters`)
  const decoded = decode(text)
  if (Result.isFailure(decoded)) return Result.fail("the answer is not a row")
  const row = decoded.success
  if (row.name !== from) return Result.fail("the answer has the name of another node")
  const lengths = [row.generations, row.status, row.link, row.roundTripMicros, row.heardMillis]
  if (lengths.some(({ length }) => length !== row.names.length))
    return Result.fail("the columns differ in their lengths")
  if (new Set(row.names).size !== row.names.length) return Result.fail("the answer has a name twice")
  return Result.succeed(row)
}

/** Returns the row as text. A row beyond the bound loses its optional columns and then its last peers. */
export const writeRow = (row: Row): string => {
  for (const bounded of smaller(row)) {
    const text = JSON.stringify(bounded)
    if (text.length <= maxRowLength) return text
  }
  return JSON.stringify(firstPeers(row, 0))
}

function* smaller(row: Row): Iterable<Row> {
  yield row
  const bare = { ...row, dial: {}, through: {}, failedMillis: {} }
  for (let count = row.names.length; count > 0; count = Math.floor(count / 2)) yield firstPeers(bare, count)
}

const firstPeers = (row: Row, count: number): Row => ({
  ...row,
  ...(row.partition === undefined ? {} : { partition: row.partition.slice(0, count) }),
  names: row.names.slice(0, count),
  generations: row.generations.slice(0, count),
  status: row.status.slice(0, count),
  link: row.link.slice(0, count),
  roundTripMicros: row.roundTripMicros.slice(0, count),
  heardMillis: row.heardMillis.slice(0, count),
})
