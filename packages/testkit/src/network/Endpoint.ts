/** End of a connection, with its outgoing and incoming bytes. */
import type * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import type { Direction } from "./Direction.ts"
import type { Process, Scheduled } from "./Environment.ts"
import type { Host } from "./Host.ts"
import type { Segment } from "./Segment.ts"

/** Process of an endpoint that no process has accepted yet. */
const noProcess: Process = { enqueue: () => undefined }

/** Connection as seen from its endpoints. */
export interface Connection {
  /** Number of the connection, counted from 1. */
  readonly id: number
  readonly address: Address.Address
  readonly dialer: Endpoint
  readonly acceptor: Endpoint
}

export class Endpoint {
  readonly connection: Connection
  readonly host: Host
  /** Direction to the peer. */
  readonly direction: Direction
  process: Process = noProcess
  /** `closing`: the scope is closed and the remaining bytes are being sent. `gone`: the endpoint has ended. */
  state: "opening" | "open" | "closing" | "gone" = "opening"
  /** Error of `pull` and `write`, once there is one. */
  error: Transport.TransportError | undefined = undefined
  /** `true` if the endpoint ended because its bytes could not be delivered. */
  timedOut = false

  /** Proof that the peer sees, from the time at which this end has a program. */
  proof: Transport.Identity | undefined = undefined
  /** The transport here has asked for another connection in the place of this one. */
  renewing = false
  /** Resumes a fiber that waits for `renewing`. */
  renewer: (() => void) | undefined = undefined
  /** The end of the connection after the withdrawal of a proof. */
  withdrawal: Scheduled | undefined = undefined

  /** Maximum number of bytes that are in flight or not pulled by the peer. */
  readonly sendBuffer: number
  /** Bytes that were written and are not in flight yet, except the first `offset` bytes. */
  outbox: Array<Uint8Array> = []
  offset = 0
  /** `true` once the program has ended the stream. */
  writeEnded = false
  /** `true` once the end of the stream was sent. */
  endSent = false
  /** Segments in flight to the peer, in the order of arrival, from the first to the last. */
  first: Segment | undefined = undefined
  last: Segment | undefined = undefined
  /** Bytes in flight. */
  inFlight = 0
  /** Time at which the first segment began to wait for its delivery. */
  waitingSince = 0
  /** Scheduled arrival of the first segment, or its timeout. */
  pending: Scheduled | undefined = undefined
  /** `true` if the first segment was due while its direction was blocked. */
  stalled = false
  /** `true` if no segment of this endpoint arrives any more. */
  muted = false
  /** Functions that resume suspended writes, in their order. */
  readonly writers = new Set<() => void>()
  /** Delivers the first segment when it is due. Made once per endpoint, because it is called for each segment. */
  readonly onDue: () => void

  inbox: Array<Uint8Array> = []
  /** Bytes in the inbox. */
  unread = 0
  /** `true` once the end of the peer's stream has arrived. */
  endReceived = false
  /** `true` once `pull` has reported the end of the stream. */
  endPulled = false
  /** Resumes a suspended `pull` or `connect`. */
  waiter: (() => void) | undefined = undefined
  /** Scheduled end of the linger time, or of the time to connect. */
  timer: Scheduled | undefined = undefined

  constructor(connection: Connection, direction: Direction, sendBuffer: number, onDue: (endpoint: Endpoint) => void) {
    this.connection = connection
    this.host = direction.from
    this.direction = direction
    this.sendBuffer = sendBuffer
    this.onDue = () => onDue(this)
  }

  get peer(): Endpoint {
    const { acceptor, dialer } = this.connection
    return this === dialer ? acceptor : dialer
  }

  /** Number of bytes in the outbox, in flight, and not pulled. */
  get held(): number {
    return this.outbox.reduce((sum, chunk) => sum + chunk.length, -this.offset) + this.inFlight + this.unread
  }
}
