/** HTTP server with the API, the sockets of clients, health and metrics. */
import { Cluster } from "@coterie/core"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"
import { Profiles } from "../recipes/cacheInvalidation.ts"
import { instancesOf, Users } from "../recipes/presence.ts"
import { Api } from "./Api.ts"
import { Delivery } from "./Delivery.ts"
import { Reports } from "./Reports.ts"
import * as Socket from "./Socket.ts"
import { Stopping } from "./Stopping.ts"

const handlers = HttpApiBuilder.group(
  Api,
  "chat",
  Effect.fn(function* (handlers) {
    const delivery = yield* Delivery
    const users = yield* Users
    const online = Effect.map(users.list, (list) => {
      const here = [...list.values()].filter(({ leaving }) => !leaving)
      return Object.fromEntries(here.map((user) => [user.key, instancesOf(user).map(({ name }) => name)]))
    })
    const profiles = yield* Profiles
    const reports = yield* Reports
    return handlers.handleAll({
      online: () => online,
      send: ({ payload }) => delivery.send(payload),
      profile: ({ params }) => Effect.orDie(Effect.map(profiles.name(params.user), (name) => ({ name }))),
      rename: ({ params, payload }) => Effect.orDie(profiles.rename(params.user, payload.name)),
      stats: () => reports.stats,
      report: () => reports.last,
    })
  }),
)

/** Responds with 200 if clients may be routed here. An instance without peers serves the clients that it has. */
const health = HttpRouter.add(
  "GET",
  "/health",
  Effect.gen(function* () {
    const cluster = yield* Cluster.Cluster
    const { hasBegun } = yield* Stopping
    const status = yield* cluster.status
    const isReady = !hasBegun() && (status._tag === "Member" || status._tag === "Alone")
    return yield* HttpServerResponse.json({ ready: isReady, status }, { status: isReady ? 200 : 503 })
  }),
)

/**
 * Ends the connection after each response while this instance stops. A client that keeps asking would keep the server
 * open.
 */
const endConnections = HttpRouter.middleware(
  Effect.map(
    Stopping,
    ({ hasBegun }) =>
      (response) =>
        Effect.map(response, (response) =>
          hasBegun() ? HttpServerResponse.setHeader(response, "connection", "close") : response,
        ),
  ),
  { global: true },
)

export interface Options {
  readonly host: string
  /** Port to listen on, or 0 for any free port. */
  readonly port: number
}

export const layer = ({ host, port }: Options) =>
  HttpRouter.serve(
    Layer.mergeAll(
      HttpApiBuilder.layer(Api).pipe(Layer.provide(handlers)),
      Socket.layer,
      endConnections,
      health,
      PrometheusMetrics.layerHttp(),
    ),
    { disableLogger: true },
  ).pipe(Layer.provide(NodeHttpServer.layer(createServer, { host, port })))
