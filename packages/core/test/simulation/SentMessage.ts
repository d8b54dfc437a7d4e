/** Messages that nodes of a simulation sent, with the knowledge of their senders about them. */

/** Name of a lane; `undefined` is the inbox. */
export type LaneName = string | undefined

/** Life of a node. */
export interface Life {
  readonly name: string
}

/**
 * Knowledge of a sender about one receiver of a message.
 *
 * - `accepted`: the link accepted the message.
 * - `taken`: the reader took the message.
 * - `refused`: the message was not sent to the receiver.
 * - `passed over`: the result does not mention the receiver.
 * - `unknown`: the message may have been sent or not.
 */
export type Fate = "accepted" | "taken" | "refused" | "passed over" | "unknown"

/** Messages that one life sends on one lane, one after another. */
export interface Sequence {
  readonly id: number
  readonly life: Life
  readonly lane: LaneName
  readonly messages: Array<SentMessage>
}

export interface SentMessage {
  readonly sequence: Sequence
  /** Index in the sequence. */
  readonly number: number
  /** Name of the receiver of a message to one peer. */
  readonly to: string | undefined
  /** Life of that receiver at the start of the send. */
  readonly life: Life | undefined
  /** Fate for each receiver by name; `undefined` until the send has a result. */
  fate: ((receiver: string) => Fate) | undefined
  readonly receivedBy: Set<Life>
}

export const describeSequence = ({ id, lane, life }: Sequence): string =>
  `${id} of ${life.name} on ${lane ?? "the inbox"}`
