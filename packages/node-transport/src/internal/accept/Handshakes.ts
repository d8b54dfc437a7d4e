/** How a server finds out who has dialed. */
import type * as Net from "node:net"
import type { Arrival } from "./AcceptQueue.ts"

/** End of a handshake. A dialer that only goes away ends its handshake without an outcome. */
export type Outcome<A extends Arrival> =
  | { readonly _tag: "Proved"; readonly arrival: A }
  | {
      readonly _tag: "Refused"
      readonly reason: "protocol" | "secret" | "certificate"
      /** Id of a key of the ring, or a description by this node. Never text of the other side. */
      readonly detail?: string | undefined
    }

/** Handshakes of one kind. */
export interface Handshakes<A extends Arrival> {
  /**
   * Starts a handshake on a socket that was not read. Calls `finish` at most once: with the connection, or with a refusal, after which
   * the server destroys the socket. The caller has a listener for errors of the socket, and its deadline.
   */
  readonly start: (raw: Net.Socket, finish: (outcome: Outcome<A>) => void) => void
}

/** Plain TCP, which proves nothing. */
export const tcpHandshakes: Handshakes<Arrival> = {
  start: (raw, finish) => {
    raw.allowHalfOpen = true
    finish({ _tag: "Proved", arrival: { socket: raw, raw } })
  },
}
