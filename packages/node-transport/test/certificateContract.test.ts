import * as Certificates from "@coterie/node-transport/Certificates"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as TransportContract from "@coterie/testkit/TransportContract"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { makeServer } from "../src/internal/certificates/certificateTls.ts"
import { credentialsOf } from "../src/internal/certificates/credentials.ts"
import { Authority } from "./Authority.ts"
import { issue, materialOf, trust, unchecked } from "./certificateNodes.ts"
import { openSockets, serve } from "./rawServer.ts"

const authority = Authority.root()
const material = materialOf(issue(authority), [authority])
const other = Authority.root("another authority")
const otherMaterial = materialOf(issue(other), [other])

/** A TLS server that has a certificate and reads nothing. */
const silentPeer = Effect.gen(function* () {
  const proved = yield* Deferred.make<void>()
  const now = yield* Clock.currentTimeMillis
  const tls = makeServer(yield* Effect.orDie(Effect.fromResult(credentialsOf(material, now))))
  tls.on("secureConnection", (socket) => {
    socket.on("error", () => {})
    Deferred.doneUnsafe(proved, Effect.void)
  })
  const { address, reset } = yield* serve((raw) => tls.emit("connection", raw))
  return { address, reset: Effect.andThen(Deferred.await(proved), reset) }
})

TransportContract.suite({
  name: "NodeTransport with certificates, over loopback",
  live: true,
  proves: "Certificate",
  run: Effect.provide(Logger.layer([])),
  harness: Effect.gen(function* () {
    const certificates = yield* Effect.orDie(Certificates.make(material))
    return {
      transport: (port) =>
        Layer.orDie(
          // The contract has 200 connections of one host at once. On a busy machine their handshakes take longer than 5 seconds.
          NodeTransport.layerTls({
            host: "127.0.0.1",
            port,
            trust,
            withdrawWithin: 50,
            connectTimeout: "1 minute",
            handshakeTimeout: "1 minute",
            strangers: { waiting: 400, waitingPerHost: 200 },
          }),
        ).pipe(Layer.provide(unchecked(certificates)), Layer.provide(Logger.layer([]))),
      silentPeer,
      open: openSockets,
      withdraw: Effect.orDie(certificates.set(otherMaterial)),
    }
  }),
})
