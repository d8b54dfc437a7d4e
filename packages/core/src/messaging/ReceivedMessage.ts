/** A message of a peer for its readers. The text and the span are decoded on access. */
import type { ExternalSpan } from "effect/Tracer"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import { detachBuffer, isDetachable } from "../internal/detachBuffer.ts"
import * as Releasable from "../internal/releasable.ts"
import * as Trace from "../internal/trace.ts"
import type { Message } from "../Message.ts"
import type { PeerId } from "../Peer.ts"

const decoder = new TextDecoder()

export class ReceivedMessage implements Message {
  readonly _tag = "Message"
  readonly from: PeerId
  readonly session: number
  readonly payload: Uint8Array
  // Not enumerable, unlike a TypeScript private field, so that tests and logs show a message without it.
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

/** A message that is the only one with its payload. */
class OwnedMessage extends ReceivedMessage implements Releasable.Releasable {
  [Releasable.release](): void {
    detachBuffer(this.payload)
  }
}

/** Returns the message for its reader. */
export const make = (from: PeerId, session: number, { isOwned, payload, trace }: InboundMessage): ReceivedMessage =>
  isOwned && isDetachable(payload)
    ? new OwnedMessage(from, session, payload, trace)
    : new ReceivedMessage(from, session, payload, trace)
