/** `coterie members`: the members as one node sees them. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { NodeReport, PeerReport } from "../Report.ts"
import { type ExitCode, exits } from "./exits.ts"
import type { AdminClient } from "./AdminClient.ts"
import type { CommandError } from "./CommandError.ts"
import { onlyClient, output, type Session } from "./Session.ts"
import { millis, seconds, table, unknown } from "./text.ts"

/** Time between two questions of `--watch`. People read along. */
const watchInterval = Duration.seconds(2)

/** Link of a node to itself. */
const self = "self"

const row = ({ addresses, connection, link, name, status }: PeerReport): ReadonlyArray<string> => [
  name,
  status,
  link,
  millis(connection?.roundTrip?.medianMillis),
  seconds(connection?.heardAgoMillis),
  addresses[0] ?? unknown,
]

/** Returns the table of a node and its peers. */
export const lines = ({ addresses, name, peers, status }: NodeReport): ReadonlyArray<string> =>
  table(
    ["NAME", "STATUS", "LINK", "RTT", "HEARD", "ADDRESS"],
    [
      // A node that is alone or a member is alive, like a peer.
      [
        name,
        status.phase === "leaving" || status.phase === "stopped" ? status.phase : "alive",
        self,
        unknown,
        unknown,
        addresses[0] ?? unknown,
      ],
      ...peers.map(row),
    ],
  )

export const document = ({ addresses, generation, metadata, name, peers }: NodeReport) => ({
  schema: 1,
  node: { name, generation, addresses, metadata },
  members: peers,
})

const show = (session: Session, client: AdminClient) =>
  Effect.flatMap(
    client.ask((api) => api.node.self({ query: {} })),
    (report) => output(session, document(report), () => lines(report)),
  )

export const run = Effect.fnUntraced(function* (
  session: Session,
  { watch }: { readonly watch: boolean },
): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  yield* show(session, client)
  if (!watch) return exits.yes
  const again = Effect.delay(show(session, client), watchInterval)
  return yield* Effect.forever(session.json ? again : Effect.andThen(session.print(""), again))
})
