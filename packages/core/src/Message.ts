/**
 * What a peer said, as it arrives in the inbox or on a lane.
 */
import type { ExternalSpan } from "effect/Tracer"
import * as Trace from "./internal/trace.ts"
import type { PeerId } from "./Peer.ts"

/** One message from one peer. */
export interface Message {
  readonly _tag: "Message"
  /** Who sent it, as it was known when the message arrived. */
  readonly from: PeerId
  /**
   * Numbers the sessions that this node has with its peers. Of one lane the messages of one session come in order, without
   * gap, none twice; between two sessions with a peer some may have been lost.
   */
  readonly session: number
  /**
   * The bytes as they were sent. They are this message's own, but may share memory with other messages:
   * copy what is kept for long.
   */
  readonly payload: Uint8Array
  /** The payload read as UTF-8; bytes that are none become U+FFFD. */
  readonly text: string
  /** The span that sent it, if the sender traces its messages (`tracing` of its options). */
  readonly span: ExternalSpan | undefined
}

/** A session with a peer is over, and all of its messages have been read: what comes next may follow a gap. */
export interface SessionEnded {
  readonly _tag: "SessionEnded"
  readonly from: PeerId
  readonly session: number
}

const decoder = new TextDecoder()

class MessageImpl implements Message {
  readonly _tag = "Message"
  readonly from: PeerId
  readonly session: number
  readonly payload: Uint8Array
  readonly #trace: Uint8Array | undefined
  constructor(from: PeerId, session: number, payload: Uint8Array, trace: Uint8Array | undefined) {
    this.from = from
    this.session = session
    this.payload = payload
    this.#trace = trace
  }
  get text(): string {
    return decoder.decode(this.payload)
  }
  get span(): ExternalSpan | undefined {
    return this.#trace === undefined ? undefined : Trace.decode(this.#trace)
  }
}

export const make = (from: PeerId, session: number, payload: Uint8Array, trace: Uint8Array | undefined): Message =>
  new MessageImpl(from, session, payload, trace)

const encoder = new TextEncoder()

/** Bytes as they are, text in UTF-8. */
export const toBytes = (payload: Uint8Array | string): Uint8Array =>
  typeof payload === "string" ? encoder.encode(payload) : payload
