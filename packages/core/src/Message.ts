/**
 * What arrives in the inbox.
 */
import type { Peer } from "./Peer.ts"

/** One message from one peer. */
export interface Message {
  /** Who sent it, as it was known when the message arrived. */
  readonly from: Pick<Peer, "name" | "generation">
  /**
   * The bytes as they were sent. They are this message's own, but may share memory with other messages:
   * copy what is kept for long.
   */
  readonly payload: Uint8Array
  /** The payload read as UTF-8; bytes that are none become U+FFFD. */
  readonly text: string
}

const decoder = new TextDecoder()

class MessageImpl implements Message {
  readonly from: Message["from"]
  readonly payload: Uint8Array
  constructor(from: Message["from"], payload: Uint8Array) {
    this.from = from
    this.payload = payload
  }
  get text(): string {
    return decoder.decode(this.payload)
  }
}

export const make = (from: Message["from"], payload: Uint8Array): Message => new MessageImpl(from, payload)

const encoder = new TextEncoder()

/** Bytes as they are, text in UTF-8. */
export const toBytes = (payload: Uint8Array | string): Uint8Array =>
  typeof payload === "string" ? encoder.encode(payload) : payload
