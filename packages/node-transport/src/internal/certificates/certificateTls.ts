/**
 * TLS 1.3 in which both sides present a certificate, as docs/protocol.md specifies in the chapter "Transport with certificates".
 */
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import { type Duplex, duplexPair } from "node:stream"
import * as Tls from "node:tls"
import { errorCode } from "../socket/errorCode.ts"
import { type Credentials, tlsOptions } from "./credentials.ts"

const ignore = () => {}

/** Makes a server that is given its sockets and never listens. */
export const makeServer = (credentials: Credentials): Tls.Server =>
  new Tls.Server({
    ...serverOptions(credentials),
    requestCert: true,
    // Written out, as on the dialing side: `judge` refuses every socket that is not authorized, and says why. Node would have
    // destroyed the socket by then.
    rejectUnauthorized: false,
  })

/** Presents other credentials from now on. They were used for a context before, so that this does not throw halfway. */
export const useCredentials = (server: Tls.Server, credentials: Credentials): void =>
  server.setSecureContext(serverOptions(credentials))

const serverOptions = ({ lists, material }: Credentials): Tls.SecureContextOptions => ({
  ...tlsOptions(material, lists),
  // A ticket would let its holder in after its authority was removed.
  secureOptions: Crypto.constants.SSL_OP_NO_TICKET,
})

/** Starts TLS on a socket that is connected. The caller judges the peer. */
export const startTls = (socket: Duplex, { context }: Credentials): Tls.TLSSocket =>
  Tls.connect({
    socket,
    secureContext: context,
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    // As in `makeServer`.
    rejectUnauthorized: false,
    // The address that was dialed is never compared: it comes from gossip or DNS.
    checkServerIdentity: () => undefined,
  })

/** Time of the handshake with itself, which takes some milliseconds. */
const selfTestMillis = 5_000

/**
 * Connects the credentials with themselves. Returns the error of OpenSSL at the side that does not accept them, or `undefined` if both
 * accept them. Finds what no other check knows, such as a key that is too weak.
 */
export const selfTest = (credentials: Credentials): Effect.Effect<string | undefined> =>
  Effect.callback<string | undefined>((resume) => {
    const [near, far] = duplexPair()
    const results: Array<string | undefined> = []
    const finish = (problem: string | undefined) => {
      clearTimeout(timer)
      near.destroy()
      far.destroy()
      resume(Effect.succeed(problem))
    }
    const timer = setTimeout(() => finish("no answer"), selfTestMillis)
    const judged = (socket: Tls.TLSSocket) => {
      const problem = socket.authorized ? undefined : String(socket.authorizationError)
      results.push(problem)
      if (problem !== undefined || results.length === 2) finish(problem)
    }
    const failed = (cause: Error) => finish(errorCode(cause) ?? cause.message)
    const server = makeServer(credentials)
    server.on("secureConnection", (socket) => {
      socket.on("error", ignore)
      judged(socket)
    })
    server.on("tlsClientError", failed)
    server.emit("connection", far)
    const dialer = startTls(near, credentials)
    dialer.on("error", failed)
    dialer.on("secureConnect", () => judged(dialer))
    return Effect.sync(() => finish(undefined))
  })
