/** The HTTP server of docs/recipes/socket-routing.md. */
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { PeerRpcClient } from "@coterie/rpc"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Socket } from "effect/socket"
import { createServer } from "node:http"
import * as Presence from "./presence.ts"
import * as Routing from "./socketRouting.ts"

const User = Schema.Struct({ user: Schema.String })

// #region connect
/** `GET /connect?user=NAME` opens a socket of the user. The name is not checked: require a token instead. */
const connect = Effect.gen(function* () {
  const { user } = yield* HttpServerRequest.schemaSearchParams(User)
  const request = yield* HttpServerRequest.HttpServerRequest
  const { add } = yield* Routing.Sockets
  const socket = yield* request.upgrade
  const { write } = yield* socket.writer
  yield* add({ user, write })
  const pull = yield* Socket.readerString(socket)
  // Ends with the socket, which is no error.
  yield* Effect.ignore(Effect.forever(pull))
  return HttpServerResponse.empty()
})

// #endregion

/** `POST /send/NAME` writes the body to the sockets of the user. Answers 409 if no instance says that it wrote it. */
const send = Effect.gen(function* () {
  const { user } = yield* HttpRouter.schemaPathParams(User)
  const request = yield* HttpServerRequest.HttpServerRequest
  const { send } = yield* Routing.Sockets
  yield* send(user, yield* request.text)
  return HttpServerResponse.empty()
}).pipe(Effect.catchTag("NotDelivered", (error) => HttpServerResponse.json(error, { status: 409 })))

// By default a stop waits 20 seconds for open sockets.
const listening = { port: Number(process.argv[2] ?? 8080), gracefulShutdownTimeout: "1 second" } as const

const Http = HttpRouter.serve(
  Layer.merge(HttpRouter.add("GET", "/connect", Effect.scoped(connect)), HttpRouter.add("POST", "/send/:user", send)),
).pipe(Layer.provide(NodeHttpServer.layer(createServer, listening)))

/** Runs until the node has stopped. Users can connect and peers can ask once everything before is built. */
export const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped).pipe(
  Effect.provide(Layer.merge(Http, Cluster.layerStart)),
  Effect.provide(Routing.layer.pipe(Layer.provide(Layer.merge(Presence.layer, PeerRpcClient.layer())))),
  Effect.provide(Cluster.layerFromEnv({ cluster: "sockets", start: "manual" })),
  Effect.provide(NodeTransport.layerFromEnv()),
)

if (import.meta.main) NodeRuntime.runMain(main)
