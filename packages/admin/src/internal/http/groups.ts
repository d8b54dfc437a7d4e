/** Handlers of the groups of the API. */
import { Cluster } from "@coterie/core/Cluster"
import type { Peer } from "@coterie/core/Peer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Option from "effect/Option"
import { AdminApi, Busy, Caller, InvalidMetadata, JoinFailed } from "../../AdminApi.ts"
import type { PeerReport } from "../../Report.ts"
import { unknownMember } from "../AdminService.ts"
import { annotateWithNode } from "../annotateWithNode.ts"
import { printable } from "../printable.ts"
import { peerReport } from "../reports/nodeReport.ts"
import { Admin } from "../Service.ts"
import { eventStreamResponse } from "./eventStream.ts"
import { PendingJoins } from "./PendingJoins.ts"

/** Time after which a join is answered as pending. People wait for it. */
const joinTimeout = Duration.seconds(5)

const isNamed = (name: string) => (peer: { readonly name: string }) => peer.name === name

export const layerNode = HttpApiBuilder.group(
  AdminApi,
  "node",
  Effect.fnUntraced(function* (handlers) {
    const admin = yield* Admin
    const member = (name: string) =>
      Effect.flatMap(admin.inspection, (found) => {
        const peer = found.peers.find(isNamed(name))
        return peer === undefined ? Effect.fail(unknownMember(name, found)) : Effect.succeed(peerReport(peer))
      })
    return handlers
      .handle("self", ({ query }) => admin.self({ ping: query.ping === "true" }))
      .handle("state", ({ query }) => admin.state(query))
      .handle("members", ({ query }) =>
        query.name === undefined
          ? Effect.map(admin.inspection, ({ peers }) => peers.map(peerReport))
          : Effect.map(member(query.name), (peer) => [peer]),
      )
      .handle("member", ({ params }) => member(params.name))
      .handle("node", ({ params }) => admin.node(params.name))
      .handle("nodeByName", ({ query }) => admin.node(query.name))
      .handleRaw("cluster", ({ query }) =>
        Effect.map(
          admin.clusterJson({
            deadline: query.deadlineMillis === undefined ? undefined : Duration.millis(query.deadlineMillis),
          }),
          (json) => HttpServerResponse.text(json, { contentType: "application/json" }),
        ),
      )
      .handleRaw("events", ({ headers }) => Effect.map(admin.events(headers["last-event-id"]), eventStreamResponse))
  }),
)

/** Returns a function that writes a change and its sender to the log. */
const auditOf =
  ({ inspection }: Admin["Service"]) =>
  (action: string): Effect.Effect<void, never, Caller> =>
    Effect.flatMap(Caller, ({ address, role, token }) =>
      annotateWithNode(
        inspection,
        Effect.annotateLogs(Effect.logInfo(`admin: ${printable(action)}`), { role, token: token ?? "none", address }),
      ),
    )

export const layerActions = HttpApiBuilder.group(
  AdminApi,
  "actions",
  Effect.fnUntraced(function* (handlers) {
    const admin = yield* Admin
    const cluster = yield* Cluster
    const scope = yield* Effect.scope
    const joins = new PendingJoins()
    const audit = auditOf(admin)
    const reportOf = (peer: Peer): Effect.Effect<PeerReport> =>
      Effect.map(admin.inspection, ({ peers }) => {
        const found = peers.find(isNamed(peer.name))
        return found === undefined ? { ...peer, incarnation: 0 } : peerReport(found)
      })
    const join = Effect.fnUntraced(function* (address: string, timeout: Duration.Duration) {
      if (joins.isFull) {
        return yield* new Busy({ message: `${joins.limit} joins have not ended; wait for one of them` })
      }
      // The join continues after its request has ended.
      const fiber = yield* Effect.forkIn(joins.count(cluster.join(address)), scope)
      const joined = yield* Effect.timeoutOption(Fiber.join(fiber), timeout)
      if (Option.isNone(joined)) return { status: "pending" as const, address }
      return { status: "joined" as const, peer: yield* reportOf(joined.value) }
    })
    return handlers
      .handle("join", ({ payload }) => {
        const timeout = payload.timeoutMillis === undefined ? joinTimeout : Duration.millis(payload.timeoutMillis)
        return Effect.andThen(
          audit(`join ${payload.address}`),
          Effect.catchTag(join(payload.address, timeout), "JoinError", ({ address, message, reason }) =>
            Effect.fail(new JoinFailed({ address, reason: reason._tag, message })),
          ),
        )
      })
      .handle("leave", () => Effect.andThen(audit("leave"), Effect.asVoid(Effect.forkIn(cluster.leave, scope))))
      .handle("disconnect", ({ payload: { name } }) =>
        Effect.gen(function* () {
          const found = yield* admin.inspection
          if (!found.peers.some(isNamed(name))) return yield* unknownMember(name, found)
          yield* audit(`disconnect ${name}`)
          yield* cluster.disconnect(name)
        }),
      )
      .handle("metadata", ({ payload }) =>
        Effect.andThen(
          audit(`metadata ${Object.keys(payload).join(" ")}`),
          Effect.mapError(cluster.updateMetadata(payload), ({ message }) => new InvalidMetadata({ message })),
        ),
      )
  }),
)
