/**
 * Receiving end of one lane of one link (docs/protocol.md, section "Lanes and credit"). It reassembles fragments,
 * checks that the sender does not exceed its credit, and computes the credit to grant as the reader reads messages.
 * Pure accounting without Effect.
 *
 * The receiver holds at most `window + messageBytes` per lane. A message larger than the window continues to arrive
 * only while it is the oldest unread message.
 */
import { detachBuffer } from "../internal/detachBuffer.ts"
import type { Data } from "../protocol/Frame.ts"
import { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import { cost, minFragmentBytes } from "./cost.ts"

/** Message that has arrived completely. */
export interface InboundMessage {
  readonly payload: Uint8Array
  /** Credit to return to the sender when the reader has read the message, in bytes. */
  readonly cost: number
  /** Number of the acknowledgement that the sender requests; `undefined` if it requests none. */
  readonly confirm: number | undefined
  /** Span that sent the message. */
  readonly trace: Uint8Array | undefined
}

/** Message of which some fragments have arrived. */
interface PartialMessage {
  readonly first: Data
  readonly total: number
  readonly chunks: Array<Uint8Array>
  bytes: number
}

/** Options of {@link ReceiveLane}. */
export interface Options {
  /** Initial and maximum credit of the sender, in bytes. */
  readonly window: number
  /** Maximum size of a message, in bytes. */
  readonly messageBytes: number
  /** `true` to free the memory of fragments when their message is reassembled. Defaults to `true`. */
  readonly detachBuffers?: boolean | undefined
}

/** Receiving end of one lane. */
export class ReceiveLane {
  private readonly window: number
  private readonly messageBytes: number
  private readonly detaches: boolean
  /** Remaining credit of the sender. */
  private allowance: number
  /** Cost of the complete messages that the reader has not read. */
  private unread = 0
  /** Cost of the fragments of the partial message. */
  private partialCost = 0
  private partial: PartialMessage | undefined
  private isOpen = true
  /** Number of the last message with a requested acknowledgement. */
  private lastConfirm = 0

  constructor({ detachBuffers = true, messageBytes, window }: Options) {
    this.detaches = detachBuffers
    this.window = window
    this.messageBytes = messageBytes
    this.allowance = window
  }

  /**
   * Accepts a frame. Returns the message that the frame completes, a violation, or `undefined` if more fragments
   * follow.
   */
  receive(frame: Data): InboundMessage | ProtocolViolation | undefined {
    if (frame.abort) return this.abort()
    const { confirm, first, payload } = frame
    const spent = cost(payload.length)
    if (spent > this.allowance)
      return new ProtocolViolation("creditExceeded", "the data exceeds the credit of the lane")
    this.allowance -= spent
    if (first !== (this.partial === undefined)) {
      return malformed(first ? "a message begins before the last one ends" : "a fragment without a first fragment")
    }
    if (confirm !== undefined) {
      if (confirm !== (this.lastConfirm + 1) >>> 0) return malformed(`confirm ${confirm} follows ${this.lastConfirm}`)
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

  /** Discards further payloads, because the lane has no reader any more. The rules of the lane still apply. */
  close(): void {
    this.isOpen = false
    this.partial?.chunks.splice(0)
  }

  /**
   * Returns the credit to grant now, or 0 if the amount is not worth a frame. The returned credit counts as granted.
   */
  grant(): number {
    // The partial message may exceed the window only while no complete message waits before it.
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
    if (!last && payload.length < minFragmentBytes) return malformed("a fragment below the minimum size")
    if (this.isOpen) partial.chunks.push(payload)
    partial.bytes += payload.length
    this.partialCost += spent
    if (partial.bytes > partial.total || (last && partial.bytes !== partial.total)) {
      return malformed("the length of a message differs from the announced length")
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
