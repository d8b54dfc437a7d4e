/** Handshakes, by which a server finds out who has dialed. */
import type * as Net from "node:net"
import type { Arrival } from "./AcceptQueue.ts"
import type { RefusalReason } from "./Refusal.ts"

/** End of a handshake. A dialer that only goes away ends its handshake without an outcome. */
export type Outcome<A extends Arrival> =
  /** The dialer has proved that it may connect. */
  | { readonly _tag: "Proved"; readonly arrival: A }
  /** The dialer may connect without a proof. */
  | { readonly _tag: "Unproved"; readonly arrival: A }
  | {
      readonly _tag: "Refused"
      readonly reason: Extract<RefusalReason, "protocol" | "secret" | "certificate">
      /** Id of the key that the dialer has named, or `unknown` if it is no id. */
      readonly key?: string | undefined
      /** Description by this node. Never text of the other side. */
      readonly detail?: string | undefined
    }

/** Handshakes of one kind. */
export interface Handshakes<A extends Arrival> {
  /**
   * Starts a handshake on a socket that is paused, and of which the first bytes may be in its buffer. Calls `finish` at most once: with
   * the connection, or with a refusal, after which the server destroys the socket. The caller has a listener for errors of the socket,
   * and its deadline.
   */
  readonly start: (raw: Net.Socket, finish: (outcome: Outcome<A>) => void) => void
}

/** Beginning of a connection at a server. */
export type Beginning<A extends Arrival> =
  /** With a handshake that proves nothing and ends at once, on a socket that was not read. */
  | { readonly _tag: "Unread"; readonly handshakes: Handshakes<A> }
  /** With the handshake for the first byte. Without one the connection is refused as `plaintext`. */
  | { readonly _tag: "FirstByte"; readonly choose: (byte: number | undefined) => Handshakes<A> | undefined }

/** First byte of a connection of TLS: the type of a record of the handshake. */
const tlsByte = 0x16

/** Begins with TLS, and refuses all other connections. */
export const tlsOnly = <A extends Arrival>(handshakes: Handshakes<A>): Beginning<A> => ({
  _tag: "FirstByte",
  choose: (byte) => (byte === tlsByte ? handshakes : undefined),
})

/** First byte of a connection of plain TCP: the first byte of the length of a frame, which is less than 16 KiB. */
const plainByte = 0x00

/** Begins with TLS or with plain TCP, whichever the dialer begins with. */
export const tlsOrPlain = <A extends Arrival>(handshakes: Handshakes<A>): Beginning<A | Arrival> => ({
  _tag: "FirstByte",
  choose: (byte) => (byte === tlsByte ? handshakes : byte === plainByte ? tcpHandshakes : undefined),
})

/** Plain TCP, which proves nothing. */
export const tcpHandshakes: Handshakes<Arrival> = {
  start: (raw, finish) => {
    raw.allowHalfOpen = true
    finish({ _tag: "Unproved", arrival: { socket: raw, raw } })
  },
}

/** Begins with plain TCP. */
export const tcpOnly: Beginning<Arrival> = { _tag: "Unread", handshakes: tcpHandshakes }
