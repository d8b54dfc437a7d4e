/** Transports of Coterie on loopback: TCP, a secret, and certificates. */
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { Transport } from "../../packages/core/src/Transport.ts"
import * as Certificates from "../../packages/node-transport/src/Certificates.ts"
import * as Keyring from "../../packages/node-transport/src/Keyring.ts"
import * as NodeTransport from "../../packages/node-transport/src/NodeTransport.ts"
import { name, type Proofs } from "./proofs.ts"
import { host } from "./sockets.ts"

/** Layer of a transport. It fails if the proofs cannot be used. */
type TransportLayer = Layer.Layer<Transport, Keyring.KeyringError | Certificates.CertificatesError>

/** Bounds for connections that no benchmark reaches. One host dials all of them, which the defaults would slow down. */
const connections = { connectionsPerSecond: 1_000_000, connectionsBurst: 1_000_000 }
const handshakes = { ...connections, handshakesPerSecond: 1_000_000 }

export const tcp = (): TransportLayer => NodeTransport.layerTcp({ host, port: 0, strangers: connections })

export const secret = ({ secret }: Proofs): TransportLayer =>
  Layer.provide(
    NodeTransport.layerSecret({ host, port: 0, strangers: handshakes }),
    Keyring.layer(Redacted.make(secret)),
  )

export const certificates = ({ authority, certificate, key }: Proofs): TransportLayer =>
  Layer.provide(
    NodeTransport.layerTls({ host, port: 0, trust: [name], strangers: handshakes }),
    Certificates.layer({ certificate, key: Redacted.make(key), authorities: authority }),
  )
