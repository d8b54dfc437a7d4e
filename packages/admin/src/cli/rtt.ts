/** `coterie rtt`: the measured round-trip times of links. */
import * as Effect from "effect/Effect"
import type { PairRoundTrip } from "../CommandOutput.ts"
import { compareNames } from "@coterie/core/Peer"
import * as Report from "../Report.ts"
import * as Cluster from "./cluster.ts"
import type { AdminClient } from "./AdminClient.ts"
import { type CommandError, misuse, refused } from "./CommandError.ts"
import { type ExitCode, exits } from "./exits.ts"
import { onlyClient, output, type Session } from "./Session.ts"
import { millis, printable, table, unknown } from "./text.ts"

/** Number of pairs that are shown without a name. */
const slowest = 5

const microsPerMilli = 1_000

/** Returns the pairs of members that both or one of them lists, slowest first. Both rows of a link have the same time. */
export const pairsOf = (rows: ReadonlyArray<Report.Row>): ReadonlyArray<PairRoundTrip> => {
  const pairs = new Map<string, PairRoundTrip>()
  for (const row of rows) {
    for (const [i, peer] of row.names.entries()) {
      if (row.status[i] !== "a" && row.status[i] !== "s") continue
      const [a = "", b = ""] = [row.name, peer].sort(compareNames)
      const key = JSON.stringify([a, b])
      const micros = row.roundTripMicros[i] ?? -1
      const linked = row.link[i] === "u"
      const median = linked && micros >= 0 ? micros / microsPerMilli : pairs.get(key)?.medianMillis
      pairs.set(key, {
        a,
        b,
        linked: linked || pairs.get(key)?.linked === true,
        ...(median === undefined ? {} : { medianMillis: median }),
      })
    }
  }
  return [...pairs.values()].sort((x, y) => (y.medianMillis ?? -1) - (x.medianMillis ?? -1))
}

/** Returns the times of one pair as one of its nodes has measured them. */
const measured = ({ name, peers }: Report.NodeReport, other: string): PairRoundTrip => {
  const peer = peers.find((each) => each.name === other)
  const roundTrip = peer?.connection?.roundTrip
  return {
    a: name,
    b: other,
    linked: peer?.link === "up",
    ...(roundTrip === undefined
      ? {}
      : {
          medianMillis: roundTrip.medianMillis,
          minMillis: roundTrip.minMillis,
          maxMillis: roundTrip.maxMillis,
          samples: roundTrip.samples,
        }),
  }
}

const reportOf = (client: AdminClient, name: string): Effect.Effect<Report.NodeReport, CommandError> =>
  client.ask((api) => api.node.nodeByName({ query: { name } }))

/** Asks the node with the lower name first, because that one measures with every heartbeat. */
const pair = Effect.fnUntraced(function* (client: AdminClient, a: string, b: string) {
  if (a === b) return yield* Effect.fail(misuse("rtt needs the names of two members"))
  const [first, second] = compareNames(a, b) < 0 ? [a, b] : [b, a]
  const one = measured(yield* reportOf(client, first), second)
  if (one.medianMillis !== undefined) return one
  const two = measured(yield* reportOf(client, second), first)
  return two.medianMillis === undefined ? { ...one, linked: one.linked && two.linked } : two
})

const lines = (pairs: ReadonlyArray<PairRoundTrip>): ReadonlyArray<string> =>
  pairs.length === 0
    ? ["no link has a measured round-trip time yet"]
    : table(
        ["A", "B", "MIN", "MEDIAN", "MAX", "SAMPLES"],
        pairs.map(({ a, b, linked, maxMillis, medianMillis, minMillis, samples }) => [
          a,
          b,
          millis(minMillis),
          linked ? millis(medianMillis) : "no link",
          millis(maxMillis),
          samples === undefined ? unknown : String(samples),
        ]),
      )

export const run = Effect.fnUntraced(function* (
  session: Session,
  { names: [a, b] }: { readonly names: ReadonlyArray<string> },
): Effect.fn.Return<ExitCode, CommandError> {
  if (a !== undefined && b !== undefined) {
    const client = yield* onlyClient(session)
    const one = yield* pair(client, a, b)
    yield* output(session, { schema: 1, pairs: [one] }, () => lines([one]))
    return one.linked ? exits.yes : exits.no
  }
  const rows = Report.rows(yield* Cluster.ask(session))
  const all = pairsOf(rows)
  if (a !== undefined && !rows.some(({ name, names }) => name === a || names.includes(a))) {
    return yield* Effect.fail(refused(`no member knows ${printable(a)}`))
  }
  const pairs =
    a === undefined
      ? all.filter(({ medianMillis }) => medianMillis !== undefined).slice(0, slowest)
      : all.filter((each) => each.a === a || each.b === a)
  yield* output(session, { schema: 1, pairs }, () => lines(pairs))
  return exits.yes
})
