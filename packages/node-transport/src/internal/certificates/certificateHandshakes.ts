/** Handshakes in which both sides present a certificate. */
import type * as Net from "node:net"
import type { Arrival } from "../accept/AcceptQueue.ts"
import type { Handshakes } from "../accept/Handshakes.ts"
import { TlsHandshakes } from "../accept/TlsHandshakes.ts"
import { errorCode } from "../socket/errorCode.ts"
import { makeServer } from "./certificateTls.ts"
import type { CertificateSessions } from "./CertificateSessions.ts"
import type { Credentials } from "./credentials.ts"
import type { PeerProof } from "./judge.ts"

/** A TLS socket, the socket of TCP below it, and the certificate that the other side has proved. */
export interface CertificateArrival extends Arrival {
  readonly proof: PeerProof
}

export interface CertificateServer {
  readonly handshakes: Handshakes<CertificateArrival>
  /** Ends the updates of the server. */
  readonly close: () => void
}

export const certificateHandshakes = (sessions: CertificateSessions): CertificateServer => {
  const server = makeServer(sessions.credentials)
  sessions.add(server)
  /** Credentials at the start of each handshake, with which TLS checks the chain. */
  const began = new WeakMap<Net.Socket, Credentials>()
  const tls = new TlsHandshakes<CertificateArrival>(server, {
    proved: (socket, raw) => {
      const verdict = sessions.judge(socket, began.get(raw) ?? sessions.credentials)
      return verdict._tag === "Trusted"
        ? { _tag: "Proved", arrival: { socket, raw, proof: verdict.proof } }
        : { _tag: "Refused", reason: "certificate", detail: verdict.detail }
    },
    failed: (socket, cause) => {
      // The dialer went away.
      if (errorCode(cause) === "ECONNRESET") return undefined
      // TLS chooses a cipher once both sides have a version and a cipher in common. A dialer that refuses the certificate of this node
      // with an alert is no stranger's fault.
      return socket.getCipher() === undefined ? { _tag: "Refused", reason: "protocol" } : undefined
    },
  })
  return {
    handshakes: {
      start: (raw, finish) => {
        began.set(raw, sessions.credentials)
        tls.start(raw, finish)
      },
    },
    close: () => sessions.remove(server),
  }
}
