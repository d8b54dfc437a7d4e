/**
 * The receiving end of one lane of one link: it puts fragments together and gives credit back as its reader takes
 * messages. Pure accounting without Effect (docs/protocol.md, section "Lanes and credit").
 *
 * With these rules a lane holds at most `window + messageBytes` at the receiver: a message larger than
 * the window flows only while it is the oldest that was not taken.
 */
import type { ByeCode, Data } from "../protocol/Frame.ts"
import { dataOverhead, maxFragmentBytes } from "../protocol/Frame.ts"
import { detachBuffer } from "../internal/detachBuffer.ts"
import { minWindow } from "../Limits.ts"

/** What a frame with this payload costs. */
export const cost = (payloadBytes: number): number => payloadBytes + dataOverhead

/** The largest payload of one frame on a lane with this window: half of it, so that credit always comes. */
export const fragmentBytes = (window: number): number =>
  Math.min(maxFragmentBytes, Math.floor(window / 2) - dataOverhead)

/**
 * The least payload of a fragment that is not the last: what the smallest window allows. Without it a message
 * could come in any number of pieces, and each takes memory beyond its bytes.
 */
export const minFragmentBytes = fragmentBytes(minWindow)

/** A message that arrived whole, and what is to be given back when it is taken. */
export interface InboundMessage {
  readonly _tag: "Arrived"
  readonly payload: Uint8Array
  readonly cost: number
  /** The number under which the sender wants to know that it was taken. */
  readonly confirm: number | undefined
  /** The span that sent it. */
  readonly trace: Uint8Array | undefined
}

/** The peer broke the rules of the lane. */
export interface Broken {
  readonly _tag: "Broken"
  readonly code: Extract<ByeCode, "creditExceeded" | "malformed" | "oversize">
  readonly message: string
}

/** The receiving end of a lane. */
export interface ReceiveLane {
  /** Takes in a frame: a whole message, a violation, or nothing yet. */
  readonly receive: (frame: Data) => InboundMessage | Broken | undefined
  /** The reader took a message of this cost. */
  readonly taken: (cost: number) => void
  /** Nobody reads any more: what still comes is counted, and not kept. */
  readonly close: () => void
  /** The credit to send now, if it is worth a frame; counts as sent. */
  readonly grant: () => number
  /** Bytes held: complete and not taken, and incomplete. */
  readonly held: () => number
  /** What of the window the sender used and has not got back. */
  readonly used: () => number
}

const broken = (code: Broken["code"], message: string): Broken => ({ _tag: "Broken", code, message })

export const make = (options: { readonly window: number; readonly messageBytes: number }): ReceiveLane => {
  // What the sender may still send.
  let allowance = options.window
  // Cost of messages that are complete and not taken, and of the fragments of the incomplete one.
  let queued = 0
  let partialCost = 0
  let partial:
    | { readonly first: Data; readonly total: number; readonly chunks: Array<Uint8Array>; bytes: number }
    | undefined
  let isOpen = true
  // The last message that is to be confirmed had this number.
  let confirms = 0

  const complete = (payload: Uint8Array, total: number, { confirm, trace }: Data): InboundMessage => {
    queued += total
    return { _tag: "Arrived", payload, cost: total, confirm, trace }
  }

  return {
    receive: (frame) => {
      const { abort, confirm, first, last, payload, total } = frame
      const spent = cost(payload.length)
      if (!abort) {
        if (spent > allowance) return broken("creditExceeded", "more data than credit")
        allowance -= spent
      }
      if (abort) {
        if (partial === undefined) return broken("malformed", "an abort without a message")
        partial = undefined
        partialCost = 0
        return undefined
      }
      if (first !== (partial === undefined)) {
        return broken("malformed", first ? "a message began within another" : "a fragment without a first")
      }
      if (confirm !== undefined) {
        if (confirm !== (confirms + 1) >>> 0) return broken("malformed", `confirm ${confirm} after ${confirms}`)
        confirms = confirm
      }
      if (first && last) return complete(payload, spent, frame)
      if (partial === undefined) {
        if (total === undefined || total > options.messageBytes) {
          return broken("oversize", `a message of ${total} bytes; the limit is ${options.messageBytes}`)
        }
        partial = { first: frame, total, chunks: [], bytes: 0 }
      }
      if (!last && payload.length < minFragmentBytes) return broken("malformed", "a fragment that is too small")
      if (isOpen) partial.chunks.push(payload)
      partial.bytes += payload.length
      partialCost += spent
      if (partial.bytes > partial.total || (last && partial.bytes !== partial.total)) {
        return broken("malformed", "a message of another length than announced")
      }
      if (!last) return undefined
      const whole = new Uint8Array(isOpen ? partial.total : 0)
      let at = 0
      for (const chunk of partial.chunks) {
        whole.set(chunk, at)
        at += chunk.length
        detachBuffer(chunk)
      }
      const arrived = complete(whole, partialCost, partial.first)
      partial = undefined
      partialCost = 0
      return arrived
    },
    taken: (amount) => {
      queued -= amount
    },
    close: () => {
      isOpen = false
      partial?.chunks.splice(0)
    },
    grant: () => {
      const target = Math.max(0, options.window - queued - (queued > 0 ? partialCost : 0))
      const amount = target - allowance
      if (amount < options.window / 2) return 0
      allowance = target
      return amount
    },
    held: () => (isOpen ? queued + partialCost : 0),
    used: () => options.window - allowance,
  }
}
