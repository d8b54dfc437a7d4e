/**
 * Receiving end of one lane of one link (docs/protocol.md, section "Lanes and credit"). It reassembles fragments,
 * checks that the sender does not exceed its credit, and computes the credit to grant as the reader reads messages.
 * Pure accounting without Effect.
 *
 * The receiver holds at most `window + messageBytes` per lane. A message larger than the window continues to arrive
 * only while it is the oldest unread message.
 */
import type { Data } from "../protocol/Frame.ts"
import { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import { cost, minFragmentBytes } from "./cost.ts"
import { Reassembly } from "./Reassembly.ts"

/** Message that has arrived completely. */
export interface InboundMessage {
  readonly payload: Uint8Array
  /** Credit to return to the sender when the reader has read the message, in bytes. */
  readonly cost: number
  /** Number of the acknowledgement that the sender requests; `undefined` if it requests none. */
  readonly confirm: number | undefined
  /** Span that sent the message. */
  readonly trace: Uint8Array | undefined
  /** `true` if no other reader, and no sender of this process, has the payload. */
  readonly isOwned: boolean
}

/** Message of which some fragments have arrived. */
interface PartialMessage {
  readonly first: Data
  readonly total: number
  /** Memory of the message. `undefined` after the lane was closed. */
  memory: Reassembly | undefined
  bytes: number
}

/** Options of {@link ReceiveLane}. */
export interface Options {
  /** Initial and maximum credit of the sender, in bytes. */
  readonly window: number
  /** Maximum size of a message, in bytes. */
  readonly messageBytes: number
  /** `true` to free the memory of fragments that were copied into their message. Defaults to `true`. */
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
  /** Memory of a message whose first fragment is arriving. */
  private arriving: Reassembly | undefined
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
      return { payload, cost: spent, confirm, trace: frame.trace, isOwned: true }
    }
    return this.receiveFragment(frame, spent)
  }

  /**
   * Returns the place in its message for a fragment of this size that has not arrived completely. Returns `undefined`
   * for a complete message, and for a frame that breaks a rule, which {@link receive} reports.
   */
  place(first: boolean, total: number | undefined, size: number): Uint8Array | undefined {
    const { partial } = this
    if (!this.isOpen || cost(size) > this.allowance || first !== (partial === undefined)) return undefined
    if (partial !== undefined) {
      if (partial.bytes + size > partial.total) return undefined
      return partial.memory?.place(size, this.room(partial.bytes))
    }
    if (total === undefined || total > this.messageBytes) return undefined
    this.arriving = this.newReassembly(total)
    return this.arriving.place(size, this.room(0))
  }

  /** Records that the reader has read messages of this cost. */
  onRead(amount: number): void {
    this.unread -= amount
  }

  /** Discards further payloads, because the lane has no reader any more. The rules of the lane still apply. */
  close(): void {
    this.isOpen = false
    this.arriving = undefined
    if (this.partial !== undefined) this.partial.memory = undefined
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
      const memory = this.arriving?.hasInPlace(payload) === true ? this.arriving : this.newReassembly(total)
      this.arriving = undefined
      partial = this.partial = { first: frame, total, memory: this.isOpen ? memory : undefined, bytes: 0 }
    }
    if (!last && payload.length < minFragmentBytes) return malformed("a fragment below the minimum size")
    const bytes = partial.bytes + payload.length
    if (bytes > partial.total || (last && bytes !== partial.total)) {
      return malformed("the length of a message differs from the announced length")
    }
    partial.memory?.append(payload, this.room(partial.bytes))
    partial.bytes = bytes
    this.partialCost += spent
    return last ? this.finish(partial) : undefined
  }

  private newReassembly(total: number): Reassembly {
    return new Reassembly({ total, detachBuffers: this.detaches })
  }

  /**
   * Returns the number of bytes for which a partial message gets memory when it must grow. The sender can send as much
   * with its present credit. A message that waits for no other one doubles, so that growing copies each byte about once.
   */
  private room(bytes: number): number {
    const credited = bytes + this.allowance
    return this.unread > 0 ? credited : Math.max(credited, 2 * bytes)
  }

  private finish({ first, memory }: PartialMessage): InboundMessage {
    const payload = memory?.complete() ?? nothing
    const whole = this.partialCost
    this.unread += whole
    this.partial = undefined
    this.partialCost = 0
    return { payload, cost: whole, confirm: first.confirm, trace: first.trace, isOwned: true }
  }
}

const nothing = new Uint8Array(0)

const malformed = (message: string): ProtocolViolation => new ProtocolViolation("malformed", message)
