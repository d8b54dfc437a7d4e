/** Requests to the admin services of other nodes. Each failure has a reason of `Report.Unanswered`. */
import * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import * as RequestLost from "@coterie/rpc/RequestLost"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import * as Schema from "effect/Schema"
import { maxNodeReportLength, NodeReport, type Row, schemaVersion, type UnansweredReason } from "../../Report.ts"
import { readRow } from "../reports/row.ts"
import { AdminRpcs, RelayFailed } from "./AdminRpcs.ts"
import type { Failure, Requests } from "./Question.ts"

type Client = PeerRpcClient.FromGroup<typeof AdminRpcs>

const decodeReport = Schema.decodeUnknownResult(Schema.fromJsonString(NodeReport))

const unanswered = (reason: UnansweredReason, message: string): Failure => ({ reason, message })

export class PeerRequests implements Requests {
  private readonly context: Context.Context<PeerRpcClient.PeerRpcClient>

  constructor(client: PeerRpcClient.PeerRpcClient["Service"]) {
    this.context = Context.make(PeerRpcClient.PeerRpcClient, client)
  }

  readonly row = (name: string): Effect.Effect<Row, Failure> => Effect.flatMap(this.rowText(name), rowOf(name))

  readonly rowText = (name: string): Effect.Effect<string, Failure> =>
    this.request(name, (client) => client.Row({ schema: schemaVersion }))

  readonly relay = (via: string, name: string, within: Duration.Duration): Effect.Effect<Row, Failure> =>
    Effect.flatMap(
      this.request(via, (client) =>
        client.Relay({ schema: schemaVersion, to: name, withinMillis: Duration.toMillis(within) }),
      ),
      rowOf(name),
    )

  readonly inspect = (name: string): Effect.Effect<NodeReport, Failure> =>
    Effect.flatMap(
      this.request(name, (client) => client.Inspect({ schema: schemaVersion, ping: true })),
      (text) => {
        if (text.length > maxNodeReportLength) return Effect.fail(unanswered("unreadable", "the report is too long"))
        const decoded = decodeReport(text)
        return Result.isSuccess(decoded) && decoded.success.name === name
          ? Effect.succeed(decoded.success)
          : Effect.fail(unanswered("unreadable", "the answer is not a report of the node"))
      },
    )

  private request(
    name: string,
    ask: (client: Client) => Effect.Effect<string, RpcClientError | RelayFailed>,
  ): Effect.Effect<string, Failure> {
    const asked = Effect.scoped(
      Effect.flatMap(PeerRpcClient.make(AdminRpcs, name, { disableTracing: true }), (client) => ask(client)),
    )
    return Effect.flatMap(Effect.exit(Effect.provideContext(asked, this.context)), (exit) => {
      if (Exit.isSuccess(exit)) return Effect.succeed(exit.value)
      const error = Cause.findErrorOption(exit.cause)
      if (error._tag === "Some") return Effect.fail(failureOf(error.value))
      // The handler was interrupted because the node stops, or a node of another version answers with a defect.
      return Effect.fail(
        Cause.hasInterrupts(exit.cause)
          ? unanswered("lost", "the node stopped its admin service")
          : unanswered("notServing", "the node cannot answer the request"),
      )
    })
  }
}

const rowOf =
  (name: string) =>
  (text: string): Effect.Effect<Row, Failure> => {
    const row = readRow(text, name)
    return Result.isSuccess(row) ? Effect.succeed(row.success) : Effect.fail(unanswered("unreadable", row.failure))
  }

const relayReasons: ReadonlySet<string> = new Set(["timeout", "notServing", "noLink", "lost", "unreadable"])

const isReason = (reason: string): reason is UnansweredReason => relayReasons.has(reason)

const failureOf = (error: RpcClientError | RelayFailed): Failure => {
  if (error instanceof RelayFailed) {
    return unanswered(isReason(error.reason) ? error.reason : "lost", error.message)
  }
  const cause = RequestLost.causeOf(error)
  if (cause === undefined) return unanswered("notServing", error.message)
  return unanswered(reasonOf(cause), cause.message)
}

const reasonOf = (cause: RequestLost.Cause): UnansweredReason => {
  switch (cause.reason._tag) {
    case "NotReading":
    case "IncompatibleFormat":
      return "notServing"
    case "NotConnected":
    case "UnknownPeer":
    case "PeerLeft":
    case "Replaced":
      return "noLink"
    default:
      return "lost"
  }
}
