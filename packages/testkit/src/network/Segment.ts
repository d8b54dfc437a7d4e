/** Segment on its way from one endpoint of a connection to the other. */
import type { Scheduled } from "./Environment.ts"

/**
 * Kind of a segment. `bytes` carries data. `dial`, `accepted`, `end` and `reset` are the SYN, SYN-ACK, FIN and RST of
 * TCP. `severed` is an end that the sender did not send.
 */
export type Kind = "dial" | "accepted" | "bytes" | "end" | "reset" | "severed"

/** Bytes of a segment without data. */
export const noBytes = new Uint8Array(0)

export class Segment {
  readonly kind: Kind
  readonly bytes: Uint8Array
  /** Number of the segment, counted from 1 for segments with data. 0 for all others. */
  readonly id: number
  /** Time of arrival, unless an earlier segment of the same direction arrives later. */
  arrivesAt = 0
  /** Time from the departure at the sender's queue to the arrival. */
  latency = 0
  /** Number of losses so far. */
  losses = 0
  /** Pending retransmission of a segment that a full queue dropped. */
  retry: Scheduled | undefined = undefined
  /** Next segment behind this one. */
  next: Segment | undefined = undefined

  constructor(kind: Kind, bytes: Uint8Array, id: number) {
    this.kind = kind
    this.bytes = bytes
    this.id = id
  }
}
