/** Handshakes in which the dialer proves a key of the ring. */
import type { Arrival } from "../accept/AcceptQueue.ts"
import type { Handshakes } from "../accept/Handshakes.ts"
import { TlsHandshakes } from "../accept/TlsHandshakes.ts"
import { errorCode } from "../socket/errorCode.ts"
import { type FindKey, makeServer } from "./secretTls.ts"

/** A TLS socket, the socket of TCP below it, and the id of the key that the other side has proved. */
export interface SecretArrival extends Arrival {
  readonly key: string
}

export const secretHandshakes = (findKey: FindKey): Handshakes<SecretArrival> => {
  const { namedKey, provedKey, tls } = makeServer(findKey)
  return new TlsHandshakes<SecretArrival>(tls, {
    proved: (socket, raw) => {
      const key = provedKey(socket)
      return key === undefined
        ? { _tag: "Refused", reason: "secret" }
        : { _tag: "Proved", arrival: { socket, raw, key } }
    },
    failed: (socket, cause) => {
      // The dialer went away.
      if (errorCode(cause) === "ECONNRESET") return undefined
      const detail = namedKey(socket)
      // TLS asks for a key only once it knows that both sides have a version and a cipher in common.
      return detail === undefined
        ? { _tag: "Refused", reason: "protocol" }
        : { _tag: "Refused", reason: "secret", detail }
    },
  })
}
