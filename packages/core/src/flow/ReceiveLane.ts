/**
 * Receiving end of one lane of one link: reassembles fragments, checks that the sender keeps to its credit, and computes the
 * credit to grant as the reader reads messages (docs/protocol.md, section "Lanes and credit"). Pure accounting without
 * Effect.
 *
 * A lane holds at most `window + messageBytes` at the receiver: a message larger than the window continues to flow only
 * while it is the oldest message that the reader has not read.
 */
import { detachBuffer } from "../internal/detachBuffer.ts"
import type { Data } from "../protocol/Frame.ts"
import { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import { cost, minFragmentBytes } from "./cost.ts"

/** Message that has arrived whole. */
export interface InboundMessage {
  readonly payload: Uint8Array
  /** Credit to give back to the sender when the reader has read the message, in bytes. */
  readonly cost: number
  /** Number under which the sender wants the message acknowledged. */
  readonly confirm: number | undefined
  /** Span that sent the message. */
  readonly trace: Uint8Array | undefined
}

/** Message of which fragments have arrived. */
interface PartialMessage {
  readonly first: Data
  readonly total: number
  readonly chunks: Array<Uint8Array>
  bytes: number
}

/** Options of {@link ReceiveLane}. */
export interface Options {
  /** Bytes of credit that the sender has at the start, and at most. */
  readonly window: number
  /** Maximum size of a message, in bytes. */
  readonly messageBytes: number
  /** Frees the memory of fragments when their message is put together. Defaults to `true`. */
  readonly detachBuffers?: boolean | undefined
}

/** Receiving end of one lane. */
export class ReceiveLane {
  private readonly window: number
  private readonly messageBytes: number
  private readonly detaches: boolean
  /** Credit that the sender still has. */
  private allowance: number
  /** Cost of the messages that arrived whole and are not read. */
  private unread = 0
  /** Cost of the fragments of the partial message. */
  private partialCost = 0
  private partial: PartialMessage | undefined
  private isOpen = true
  /** Number of the last message that is to be acknowledged. */
  private lastConfirm = 0

  constructor({ detachBuffers = true, messageBytes, window }: Options) {
    this.detaches = detachBuffers
    this.window = window
    this.messageBytes = messageBytes
    this.allowance = window
  }

  /** Accepts a frame. Returns the message that the frame completes, a violation, or `undefined` if more fragments follow. */
  receive(frame: Data): InboundMessage | ProtocolViolation | undefined {
    if (frame.abort) return this.abort()
    const { confirm, first, payload } = frame
    const spent = cost(payload.length)
    if (spent > this.allowance) return new ProtocolViolation("creditExceeded", "more data than credit")
    this.allowance -= spent
    if (first !== (this.partial === undefined)) {
      return malformed(first ? "a message began within another" : "a fragment without a first")
    }
    if (confirm !== undefined) {
      if (confirm !== (this.lastConfirm + 1) >>> 0) return malformed(`confirm ${confirm} after ${this.lastConfirm}`)
      this.lastConfirm = confirm
    }
    if (first && frame.last) {
      this.unread += spent
      return { payload, cost: spent, confirm, trace: frame.trace }
    }
    return this.receiveFragment(frame, spent)
  }

  /** Records that the reader has read messages of this cost. */
  onRead(amount: number): void {
    this.unread -= amount
  }

  /** Stops keeping what arrives, because nobody reads the lane any more. The rules of the lane still hold. */
  close(): void {
    this.isOpen = false
    this.partial?.chunks.splice(0)
  }

  /** Returns the credit to grant now, or 0 if it is not worth a frame. The returned credit counts as granted. */
  grant(): number {
    // The partial message may exceed the window only while no whole message waits before it.
    const target = Math.max(0, this.window - this.unread - (this.unread > 0 ? this.partialCost : 0))
    const amount = target - this.allowance
    if (amount < this.window / 2) return 0
    this.allowance = target
    return amount
  }

  /** Returns the bytes of the window that the sender has used and this side has not granted again. */
  used(): number {
    return this.window - this.allowance
  }

  private abort(): ProtocolViolation | undefined {
    if (this.partial === undefined) return malformed("an abort without a message")
    this.partial = undefined
    this.partialCost = 0
    return undefined
  }

  private receiveFragment(frame: Data, spent: number): InboundMessage | ProtocolViolation | undefined {
    const { last, payload, total } = frame
    let { partial } = this
    if (partial === undefined) {
      if (total === undefined || total > this.messageBytes) {
        return new ProtocolViolation("oversize", `a message of ${total} bytes; the limit is ${this.messageBytes}`)
      }
      partial = this.partial = { first: frame, total, chunks: [], bytes: 0 }
    }
    if (!last && payload.length < minFragmentBytes) return malformed("a fragment that is too small")
    if (this.isOpen) partial.chunks.push(payload)
    partial.bytes += payload.length
    this.partialCost += spent
    if (partial.bytes > partial.total || (last && partial.bytes !== partial.total)) {
      return malformed("a message of another length than announced")
    }
    return last ? this.reassemble(partial) : undefined
  }

  private reassemble({ chunks, first, total }: PartialMessage): InboundMessage {
    const payload = new Uint8Array(this.isOpen ? total : 0)
    let at = 0
    for (const chunk of chunks) {
      payload.set(chunk, at)
      at += chunk.length
      if (this.detaches) detachBuffer(chunk)
    }
    const whole = this.partialCost
    this.unread += whole
    this.partial = undefined
    this.partialCost = 0
    return { payload, cost: whole, confirm: first.confirm, trace: first.trace }
  }
}

const malformed = (message: string): ProtocolViolation => new ProtocolViolation("malformed", message)
