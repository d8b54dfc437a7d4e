/** The HTTP server of the admin service, its bounds and the order in which it ends. */
import type { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs/promises"
import * as Http from "node:http"
import * as Https from "node:https"
import { type Access, CurrentAccess } from "../internal/http/Access.ts"
import * as Routes from "../internal/http/routes.ts"
import { Admin } from "../internal/Service.ts"
import { type ListenAddress, urlOf } from "./listenAddress.ts"
import { OpenResponses } from "./OpenResponses.ts"
import { removeStale } from "./staleSocket.ts"

/** Time for which requests may go on after the server has begun to close. Only a question to the cluster takes longer. */
const gracefulShutdown = Duration.seconds(1)

/** Bounds of the server. A request has at most 8 KiB of headers and 16 KiB of body, so that it is there within seconds. */
const serverOptions = {
  requestTimeout: 10_000,
  headersTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 8_192,
}

/** Maximum number of connections: 64 event streams, and the requests of people, probes and scrapers. */
const maxConnections = 256

/**
 * Time without any progress after which a connection ends, in milliseconds. An event stream has a heartbeat every 15 seconds,
 * so only a client that does not read is cut.
 */
const idleTimeout = 20_000

/** Names have up to 128 bytes and three characters for each byte in a path. Longer parameters are not found. */
const routerConfig = { maxParamLength: 512 }

export interface Tls {
  readonly certificate: string
  readonly key: Redacted.Redacted
}

export interface Options {
  readonly listen: ListenAddress
  readonly tls: Tls | undefined
  readonly access: Access
}

/** URL of the running server. */
export class BoundUrl extends Context.Service<BoundUrl, string>()("@coterie/admin/BoundUrl") {}

const createServer = (tls: Tls | undefined): Http.Server | Https.Server => {
  const server =
    tls === undefined
      ? Http.createServer(serverOptions)
      : Https.createServer({ ...serverOptions, cert: tls.certificate, key: Redacted.value(tls.key) })
  server.maxConnections = maxConnections
  server.timeout = idleTimeout
  return server
}

const boundUrl = (listen: ListenAddress, isEncrypted: boolean) =>
  Layer.effect(
    BoundUrl,
    Effect.map(HttpServer.HttpServer, ({ address }) => {
      if (listen._tag === "Socket") return listen.text
      return urlOf(listen.host, "port" in address ? address.port : listen.port, isEncrypted)
    }),
  )

/** Sets the mode of the file of a socket. */
const socketMode = (listen: ListenAddress): Effect.Effect<void> =>
  listen._tag === "Socket" && listen.mode !== undefined
    ? Effect.orDie(Effect.tryPromise(() => Fs.chmod(listen.path, listen.mode ?? 0)))
    : Effect.void

/**
 * Ends the event streams, waits for the open responses, and cuts the connections that remain after the time for open requests.
 * Built after the server, so that its finalizer runs before the server closes.
 */
const ending = (server: Http.Server | Https.Server) => {
  const responses = new OpenResponses(server)
  return Layer.effectDiscard(
    Effect.flatMap(Admin, ({ closeStreams }) =>
      Effect.addFinalizer(() =>
        Effect.suspend(() => {
          // No connection begins after this, so that the timer finds all of them.
          server.maxConnections = 0
          // The timer does not keep a process that has nothing else to do.
          setTimeout(() => server.closeAllConnections(), Duration.toMillis(gracefulShutdown)).unref()
          return Effect.andThen(closeStreams, responses.close)
        }),
      ),
    ),
  )
}

/** Serves the routes. */
export const layer = ({
  access,
  listen,
  tls,
}: Options): Layer.Layer<BoundUrl, ServeError | OptionsError, Admin | Cluster> => {
  const isEncrypted = tls !== undefined
  const server = createServer(tls)
  const at = listen._tag === "Socket" ? { path: listen.path } : { host: listen.host, port: listen.port }
  const serverLayer = NodeHttpServer.layer(() => server, { ...at, gracefulShutdownTimeout: gracefulShutdown })
  const routes = Layer.provide(Routes.admin, Layer.succeed(CurrentAccess, access))
  const served = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true, routerConfig }).pipe(
    Layer.provideMerge(boundUrl(listen, isEncrypted)),
    Layer.provideMerge(Layer.effectDiscard(socketMode(listen))),
    Layer.provide(serverLayer),
    Layer.provide(Layer.succeed(HttpMiddleware.TracerDisabledWhen, isProbe)),
  )
  const prepared = listen._tag === "Socket" ? Layer.effectDiscard(removeStale(listen.path)) : Layer.empty
  return Layer.provideMerge(ending(server), served).pipe(Layer.provide(prepared))
}

/** Tests for requests that machines send all the time. */
const isProbe = ({ url }: { readonly url: string }): boolean => url.startsWith("/health/") || url.startsWith("/metrics")

const problems: { readonly [code: string]: string } = {
  EADDRINUSE: "another process uses the address",
  EACCES: "this process may not use the address",
  EADDRNOTAVAIL: "this machine does not have the address",
  ENOTFOUND: "the host is unknown",
}

/** Describes why a server cannot listen. */
export const listenProblem = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  return problems[code] ?? (cause instanceof Error ? cause.message : String(cause))
}
