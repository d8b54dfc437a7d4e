/**
 * Messages of peers, as they arrive in the inbox or on a lane.
 *
 * @since 0.1.0
 */
import type { ExternalSpan } from "effect/Tracer"
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
   * Number of the session in which the message arrived. Messages of one lane and session arrive in order, without gaps and
   * none twice. Between two sessions with a peer some messages may have been lost.
   */
  readonly session: number
  /**
   * Bytes as the peer sent them. They belong to this message alone, but may share memory with other messages. Copy bytes that
   * are kept for long.
   */
  readonly payload: Uint8Array
  /** Payload decoded as UTF-8. Invalid bytes become U+FFFD. */
  readonly text: string
  /** Span in which the message was sent, if the sender traces its messages (`tracing` of its options). */
  readonly span: ExternalSpan | undefined
}

/**
 * Marker of the begin of a session with a peer. It comes before the first message of the session. A reader that opens a lane
 * gets one for each session that is open at that moment, so it can greet every peer to which this node has a link.
 *
 * When more than 2,048 markers wait for a reader that stands still, this node drops the oldest sessions that began and ended
 * meanwhile without a message for the reader, with both markers. It keeps the newest ended session of each peer
 * ({@link SessionEnded}).
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
 * Marker of messages that the buffer of a reader with `dropping` or `sliding` has lost, in the place where they are missing.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessagesLost {
  readonly _tag: "MessagesLost"
  /** Number of the messages that are lost, of all peers together. 0 if only the marker of an end of a session is. */
  readonly count: number
}

/**
 * Marker of the end of a session with a peer: all of its messages have been read, and the next message may follow a gap.
 *
 * **Details**
 *
 * It stands for all earlier sessions with the peer, too. The markers of such a session may have been dropped
 * ({@link SessionStarted}), also if the reader sent messages in it (`Sent.session`). Each session with a peer of this name that has
 * a smaller number, and of which the reader has had no `SessionStarted`, is over. So a reader that waits for an answer compares
 * `sent.session <= ended.session`.
 *
 * The newest end of each peer stays, for up to 16,384 peers that come and go while the reader stands still.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionEnded {
  readonly _tag: "SessionEnded"
  readonly from: PeerId
  readonly session: number
}
