import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as TransportContract from "@coterie/testkit/TransportContract"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { keyOf } from "../src/internal/secret/ring.ts"
import { makeServer } from "../src/internal/secret/secretTls.ts"
import { openSockets, serve } from "./rawServer.ts"

const secret = Redacted.make("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=")

/** A TLS server that has the secret and reads nothing. */
const silentPeer = Effect.gen(function* () {
  const proved = yield* Deferred.make<void>()
  const { tls } = makeServer(() => Result.getOrUndefined(keyOf(secret)))
  tls.on("secureConnection", (socket) => {
    socket.on("error", () => {})
    Deferred.doneUnsafe(proved, Effect.void)
  })
  const { address, reset } = yield* serve((raw) => tls.emit("connection", raw))
  return { address, reset: Effect.andThen(Deferred.await(proved), reset) }
})

TransportContract.suite({
  name: "NodeTransport with a secret, over loopback",
  live: true,
  run: Effect.provide(Logger.layer([])),
  harness: Effect.succeed({
    transport: (port) =>
      // The contract has 200 connections of one host at once. On a busy machine their handshakes take longer than 5 seconds.
      NodeTransport.layerSecret({
        host: "127.0.0.1",
        port,
        connectTimeout: "1 minute",
        handshakeTimeout: "1 minute",
        strangers: { waiting: 400, waitingPerHost: 200 },
      }).pipe(Layer.provide(Layer.orDie(Keyring.layer(secret))), Layer.provide(Logger.layer([]))),
    silentPeer,
    open: openSockets,
  }),
})
