/**
 * A message of a peer as readers get it. Text and span are decoded when they are asked for.
 */
import type { ExternalSpan } from "effect/Tracer"
import * as Trace from "../internal/trace.ts"
import type { Message } from "../Message.ts"
import type { PeerId } from "../Peer.ts"

const decoder = new TextDecoder()

export class ReceivedMessage implements Message {
  readonly _tag = "Message"
  readonly from: PeerId
  readonly session: number
  readonly payload: Uint8Array
  // Not enumerable, unlike a private field of TypeScript: tests and logs see a message without it.
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
