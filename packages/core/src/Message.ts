/**
 * Messages of peers, as they arrive in the inbox or on a lane.
 *
 * @since 0.1.0
 */
import type { ExternalSpan } from "effect/Tracer"
import * as Releasable from "./internal/releasable.ts"
import type { PeerId } from "./Peer.ts"

/**
 * One message from one peer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Message {
  readonly _tag: "Message"
  /** The sender, as this node knew it when the message arrived. */
  readonly from: PeerId
  /**
   * Number of the session in which the message arrived. Messages of one lane and session arrive in order, without gaps
   * and without duplicates. Messages may be lost between two sessions with a peer.
   */
  readonly session: number
  /**
   * Bytes as the peer sent them. They belong to this message alone, but their memory may be shared with other messages.
   * Copy bytes that the application keeps for a long time. {@link release} gives their memory back.
   */
  readonly payload: Uint8Array
  /** Payload decoded as UTF-8. Invalid bytes become U+FFFD. */
  readonly text: string
  /** Span in which the message was sent, if the sender traces its messages (`tracing` of its options). */
  readonly span: ExternalSpan | undefined
}

/**
 * Frees the memory of the payload of a message that the application has finished with. From then on the length of
 * `payload` is 0, and `text` is empty.
 *
 * **When to use**
 *
 * Use it in a reader of large messages that neither keeps the payload nor passes it on. Without it the garbage
 * collector frees the payload, which costs a receiver of hundreds of megabytes a second more than half of its time.
 *
 * **Details**
 *
 * It frees payloads whose array fills its buffer: those of messages in several fragments, and most of those of 64 KiB.
 * For any other payload it does nothing, and the garbage collector frees it. That is a payload below 8 KiB, a payload
 * that shares its buffer with other bytes, a message that several readers of a lane have, and a message that this node
 * sent to itself.
 *
 * **Gotchas**
 *
 * Other arrays of the same buffer, such as `payload.subarray(0, 16)`, are empty from then on, too. An effect that was
 * forked with the payload, or a send of the payload that has not been written, finds no bytes.
 *
 * **Example** (Count bytes, and free them)
 *
 * ```ts
 * import { Cluster, Message } from "@coterie/core"
 * import { Effect, Stream } from "effect"
 *
 * let bytes = 0
 *
 * const program = Effect.gen(function* () {
 *   const { inbox } = yield* Cluster.Cluster
 *   yield* Stream.runForEachArray(inbox, (messages) =>
 *     Effect.sync(() => {
 *       for (const message of messages) {
 *         bytes += message.payload.length
 *         Message.release(message)
 *       }
 *     }),
 *   )
 * })
 * ```
 *
 * @category memory
 * @since 0.1.0
 */
export const release = (message: Message): void => {
  if (Releasable.isReleasable(message)) message[Releasable.release]()
}

/**
 * Marker of the start of a session with a peer, before the first message of the session. A reader that opens a lane
 * gets one marker for each session that is open at that moment, so it can greet every peer with a link to this node.
 *
 * When more than 2,048 markers wait for a reader that has stopped taking items, this node drops the oldest sessions
 * that started and ended in the meantime without a message for the reader, including both markers. It keeps the newest
 * ended session of each peer ({@link SessionEnded}).
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionStarted {
  readonly _tag: "SessionStarted"
  readonly from: PeerId
  readonly session: number
}

/**
 * Marker of messages that the buffer of a reader with `dropping` or `sliding` has lost, at the position where they are
 * missing.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessagesLost {
  readonly _tag: "MessagesLost"
  /** Number of lost messages, of all peers together. 0 if only the marker of the end of a session is lost. */
  readonly count: number
}

/**
 * Marker of the end of a session with a peer. The reader has read all messages of the session, and there may be a gap
 * before the next message.
 *
 * **Details**
 *
 * The marker also covers all earlier sessions with the peer, whose markers may have been dropped
 * ({@link SessionStarted}), even if the reader sent messages in them (`Sent.session`). A session with a peer of this
 * name is over if it has a smaller number and the reader has received no `SessionStarted` for it. A reader that waits
 * for an answer therefore compares `sent.session <= ended.session`.
 *
 * The newest end of each peer is kept, for up to 16,384 peers that come and go while the reader does not take items.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionEnded {
  readonly _tag: "SessionEnded"
  readonly from: PeerId
  readonly session: number
}
