/** Connections that a node refuses. */

/**
 * Reason for which a connection is refused before its handshake is complete. The log and the metrics show it.
 *
 * - `blocked`: the network lists exclude the address.
 * - `rate`: the host makes too many connections, or too many of them have proved nothing.
 * - `crowd`: too many connections wait, of the host or in all.
 * - `slow`: the connection proved nothing in time.
 * - `plaintext`: the first byte is not that of TLS.
 * - `protocol`: the two sides have no version of TLS or no cipher in common.
 * - `secret`: the dialer has no key of the ring.
 * - `certificate`: the dialer has no certificate that this node trusts.
 */
export type RefusalReason = "blocked" | "rate" | "crowd" | "slow" | "plaintext" | "protocol" | "secret" | "certificate"

export interface Refusal {
  /** Address of the dialer: IPv4 in its dotted form, and IPv6 without a zone. */
  readonly address: string
  readonly reason: RefusalReason
  /** Id of the key that the dialer has named. */
  readonly key?: string | undefined
  /** Description by this node. Never text of the dialer. */
  readonly detail?: string | undefined
}

/** Gets each refusal. A dialer that only goes away is not refused. */
export interface AcceptObserver {
  readonly refused: (refusal: Refusal) => void
}

/** Ignores the refusals. */
export const noObserver: AcceptObserver = { refused: () => {} }
