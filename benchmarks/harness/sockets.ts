/**
 * Sockets of Node over TCP, over TLS 1.3 with a pre-shared key, and over TLS 1.3 with certificates of both ends. TLS
 * has the versions, the ciphers and the checks of the transports of Coterie, so that a difference to them is a cost of
 * Coterie.
 */
import * as Crypto from "node:crypto"
import { once } from "node:events"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Proofs } from "./proofs.ts"

export const host = "127.0.0.1"

/** Ways to get a socket: listen and connect. */
export interface Sockets {
  readonly listen: (accept: (socket: Net.Socket) => void) => Net.Server
  readonly connect: (port: number) => Promise<Net.Socket>
}

const open = async (port: number): Promise<Net.Socket> => {
  const socket = Net.connect({ host, port, noDelay: true })
  await once(socket, "connect")
  return socket
}

/** Makes sockets of TCP. */
export const tcp = (): Sockets => ({
  listen: (accept) => Net.createServer({ noDelay: true }, accept).listen(0, host),
  connect: open,
})

const versions = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } as const

/** Options of the accepting end. The transports send no tickets, because a ticket outlives the proof. */
const accepting = { ...versions, noDelay: true, secureOptions: Crypto.constants.SSL_OP_NO_TICKET } as const

const startTls = async (port: number, options: Tls.ConnectionOptions): Promise<Tls.TLSSocket> => {
  const socket = Tls.connect({ ...versions, ...options, socket: await open(port) })
  await once(socket, "secureConnect")
  return socket
}

/** Returns the socket if its handshake used the key, and no certificate. */
const requireKey = (socket: Tls.TLSSocket): Tls.TLSSocket => {
  if (!socket.isSessionReused() || socket.getPeerX509Certificate() !== undefined) {
    throw new Error("the other end did not prove the secret")
  }
  return socket
}

/** Makes sockets of TLS 1.3 with a pre-shared key. */
export const secret = ({ secret }: Proofs): Sockets => {
  const identity = "bench"
  const psk = Buffer.from(secret, "base64")
  const context = {
    // Node's key callbacks cannot name a hash, and OpenSSL takes SHA-256.
    ciphers: "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
    // An empty list, because the roots of the system are trusted without one.
    ca: [],
  }
  const secureContext = Tls.createSecureContext({ ...versions, ...context })
  return {
    listen: (accept) => {
      const server = Tls.createServer({
        ...accepting,
        ...context,
        pskCallback: (_, id) => (id === identity ? psk : null),
      })
      server.on("secureConnection", (socket) => accept(requireKey(socket)))
      return server.listen(0, host)
    },
    connect: async (port) =>
      requireKey(
        await startTls(port, {
          secureContext,
          rejectUnauthorized: true,
          checkServerIdentity: () => new Error("the other end presented a certificate"),
          pskCallback: () => ({ identity, psk }),
        }),
      ),
  }
}

/** Makes sockets of TLS 1.3 on which both ends present a certificate. */
export const certificates = ({ authority, certificate, key }: Proofs): Sockets => {
  const context = { cert: certificate, key, ca: authority }
  const secureContext = Tls.createSecureContext({ ...versions, ...context })
  return {
    listen: (accept) =>
      Tls.createServer({ ...accepting, ...context, requestCert: true, rejectUnauthorized: true }, accept).listen(
        0,
        host,
      ),
    connect: (port) =>
      // The transports do not compare the address that they dial with the certificate.
      startTls(port, { secureContext, rejectUnauthorized: true, checkServerIdentity: () => undefined }),
  }
}
