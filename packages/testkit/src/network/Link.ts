/** What a connection consists of. */
import type * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import type { Host } from "./Host.ts"
import type { Way } from "./Way.ts"
import type { Event, Process } from "./World.ts"

/**
 * What travels. `bytes` carries data; `dial`, `accepted`, `end` and `reset` are what TCP calls SYN, SYN-ACK, FIN and
 * RST; `severed` is an end that the sender did not send.
 */
export type Kind = "dial" | "accepted" | "bytes" | "end" | "reset" | "severed"

/** No bytes. */
export const nothing = new Uint8Array(0)

export class Segment {
  readonly kind: Kind
  readonly bytes: Uint8Array
  /** Counted from 1 where there are bytes, or else 0. */
  readonly id: number
  /** When it will arrive, if nothing is before it. */
  at = 0
  /** From where it has left the sender's side. */
  lag = 0
  /** How often it was lost. */
  losses = 0
  /** Waits to be sent again. */
  retry: Event | undefined = undefined
  /** The one behind it. */
  next: Segment | undefined = undefined

  constructor(kind: Kind, bytes: Uint8Array, id: number) {
    this.kind = kind
    this.bytes = bytes
    this.id = id
  }
}

/** Who an end belongs to before anybody accepted it. */
const nobody: Process = { enqueue: () => undefined }

/** One end of a connection: what it sends, and what has come for it. */
export class End {
  readonly link: Link
  readonly host: Host
  /** To the peer. */
  readonly way: Way
  process: Process = nobody
  /** `closing`: the scope is closed and the rest is being sent. `gone`: nothing will come of it. */
  state: "opening" | "open" | "closing" | "gone" = "opening"
  /** What `pull` and `write` fail with, once there is a reason. */
  error: Transport.TransportError | undefined = undefined

  /** The bytes that may be under way and not pulled. */
  readonly capacity: number
  /** Written and not under way yet; `offset` bytes of the first are. */
  outbox: Array<Uint8Array> = []
  offset = 0
  /** Nothing is written any more. */
  ended = false
  endSent = false
  /** Under way to the peer, in order of arrival. */
  first: Segment | undefined = undefined
  last: Segment | undefined = undefined
  /** Bytes under way. */
  flying = 0
  /** Since when the first was not delivered. */
  since = 0
  /** The arrival of the first, or when it is given up. */
  event: Event | undefined = undefined
  /** The first found its way closed. */
  stalled = false
  /** Nothing of what is sent will ever arrive. */
  mute = false
  /** Resumes a suspended `write`. */
  writer: (() => void) | undefined = undefined
  /** When the first arrives. Made once, because there is one for each segment. */
  readonly due: () => void

  inbox: Array<Uint8Array> = []
  /** Bytes in the inbox. */
  unread = 0
  /** The peer has ended. */
  endReceived = false
  /** `pull` has said so. */
  done = false
  /** Resumes a suspended `pull`, or `connect`. */
  waiter: (() => void) | undefined = undefined
  /** The end of `linger`, or of the time to connect. */
  timer: Event | undefined = undefined

  constructor(link: Link, way: Way, capacity: number, due: (end: End) => void) {
    this.link = link
    this.host = way.from
    this.way = way
    this.capacity = capacity
    this.due = () => due(this)
  }

  get peer(): End {
    const { acceptor, dialer } = this.link
    return this === dialer ? acceptor : dialer
  }

  /** Bytes that wait here and on the way. */
  get held(): number {
    return this.outbox.reduce((sum, chunk) => sum + chunk.length, -this.offset) + this.flying + this.unread
  }
}

/** A connection. */
export class Link {
  /** Counted from 1. */
  readonly id: number
  readonly address: Address.Address
  readonly dialer: End
  readonly acceptor: End

  constructor(
    id: number,
    address: Address.Address,
    there: Way,
    back: Way,
    sendBuffer: number,
    due: (end: End) => void,
  ) {
    this.id = id
    this.address = address
    this.dialer = new End(this, there, there.capacity(sendBuffer), due)
    this.acceptor = new End(this, back, back.capacity(sendBuffer), due)
  }

  /** `opening` until both sides have it, `open` while both have it, then `closing`. */
  get state(): "opening" | "open" | "closing" {
    const { acceptor, dialer } = this
    if (dialer.state === "open" && acceptor.state === "open") return "open"
    return dialer.state === "opening" ? "opening" : "closing"
  }
}
