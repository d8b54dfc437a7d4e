/** `coterie info`: one node. */
import * as Effect from "effect/Effect"
import type { NodeReport } from "../Report.ts"
import type { CommandError } from "./CommandError.ts"
import { type ExitCode, exits } from "./exits.ts"
import { onlyClient, output, type Session } from "./Session.ts"
import { ago, list, listNames, printable, seconds, table, time, unknown } from "./text.ts"

const pairs = (entries: ReadonlyArray<readonly [string, string]>): ReadonlyArray<string> => {
  const width = Math.max(...entries.map(([key]) => key.length))
  return entries.map(([key, value]) => `${key.padEnd(width)}  ${printable(value)}`)
}

const counts = ({ peers }: NodeReport): string => {
  const up = peers.filter(({ link }) => link === "up").length
  const members = peers.filter(({ status }) => status === "alive" || status === "suspect").length
  const failed = peers.filter(({ status }) => status === "failed").length
  return `${members} (${up} with a link)${failed === 0 ? "" : `, ${failed} failed`}`
}

const phase = ({ status: { message, phase, reason } }: NodeReport): string =>
  [phase, ...(reason === undefined ? [] : [`(${reason})`]), ...(message === undefined ? [] : [`- ${message}`])].join(
    " ",
  )

/** Returns the description of a node. */
export const lines = (report: NodeReport): ReadonlyArray<string> => {
  const { addressesDialed, metadata, protocol, queues } = report
  const full = queues.filter(({ size }) => size > 0)
  return [
    ...pairs([
      ["cluster", report.cluster ?? unknown],
      ["name", report.name],
      ["generation", `${report.generation} (incarnation ${report.incarnation})`],
      ["addresses", list(report.addresses)],
      ["seen as", report.observedHosts.length === 0 ? unknown : list(report.observedHosts)],
      [
        "metadata",
        Object.entries(metadata)
          .map(([key, value]) => `${key}=${value}`)
          .join(" ") || unknown,
      ],
      ["version", `${report.version}, protocol ${protocol.min} to ${protocol.max}`],
      ["phase", phase(report)],
      ["started", `${time(report.startedAt)}, ${ago(report.uptimeMillis)} ago`],
      ["peers", counts(report)],
      ["isolated", report.isolated ? "yes" : "no"],
      ["partition", report.partition === undefined ? "no" : `suspected; lost ${listNames(report.partition)}`],
      ["view", `${report.viewHash}, ${report.viewVersion} changes`],
      ["local health", `${report.localHealth} of 7 (0 is healthy), lag ${seconds(report.lagMillis)}`],
      [
        "queues",
        full.length === 0 ? "empty" : list(full.map(({ limit, name, size }) => `${name} ${size} of ${limit}`)),
      ],
    ]),
    ...(addressesDialed.length === 0 ? [] : ["", ...addressTable(report)]),
  ]
}

const addressTable = ({ addressesDialed }: NodeReport): ReadonlyArray<string> =>
  table(
    ["DIALED", "SOURCE", "STATE", "PEER", "LAST DIAL"],
    addressesDialed.map(({ address, dial, peer, source, state }) => [
      address,
      source,
      state,
      peer ?? unknown,
      dial === undefined ? unknown : `${dial.reason}, ${ago(dial.agoMillis)} ago: ${dial.message}`,
    ]),
  )

export const run = Effect.fnUntraced(function* (
  session: Session,
  { name }: { readonly name: string | undefined },
): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  const report = yield* client.ask((api) =>
    name === undefined ? api.node.self({ query: {} }) : api.node.nodeByName({ query: { name } }),
  )
  yield* output(session, report, () => lines(report))
  return exits.yes
})
