/**
 * Lanes: messages under a name, beside the inbox. A lane has a flow control of its own, and its messages go to the peers that
 * read it. Topics and requests are made of lanes (docs/messages.md, section "Lanes").
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { OptionsError, SendError } from "./ClusterError.ts"
import type { ClusterEvent, ViewChange } from "./ClusterEvent.ts"
import type { Message, MessagesLost, SessionEnded, SessionStarted } from "./Message.ts"
import type { PeerId, PeerRef } from "./Peer.ts"

/**
 * Options of a message to one peer.
 *
 * @category options
 * @since 0.1.0
 */
export interface SendOptions {
  /**
   * Makes the send succeed when the peer's reader has taken the message, instead of when the link has accepted it. The send
   * fails if the outcome stays unknown, as after a lost link; the message may have been taken or not. A reader with the
   * strategy `dropping` or `sliding` counts as having taken each message that arrives. Defaults to `false`.
   */
  readonly confirm?: boolean | undefined
  /** Time to wait for the confirmation, from the start of the send. Defaults to `limits.confirmTimeout`. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * Options of a lane.
 *
 * @category options
 * @since 0.1.0
 */
export interface LaneOptions {
  /**
   * Format of the messages of the lane, such as `json`: 1 to 64 bytes without control characters. Readers announce it to all
   * peers, and messages go only to readers of this format and to those without one. All readers of a lane on one node have the
   * same format. Defaults to none: bytes of any format.
   */
  readonly format?: string | undefined
}

/**
 * Options of a message to many.
 *
 * @category options
 * @since 0.1.0
 */
export interface PublishOptions {
  /** Sends the message to the readers of this node, too. The report then has the name of this node. Defaults to `false`. */
  readonly self?: boolean | undefined
}

/**
 * Outcome of a send: the link has accepted the message, or the reader has taken it if `confirm` was set.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sent {
  /** Number of the session in which the message was sent. When the session is over, what the peer has not read of it is lost. */
  readonly session: number
}

/**
 * Outcome of a message to many, for each peer.
 *
 * @category models
 * @since 0.1.0
 */
export interface BroadcastReport {
  /** Names of the peers whose link has accepted the message. */
  readonly sent: ReadonlyArray<string>
  /** Errors of the other peers. */
  readonly failed: ReadonlyArray<SendError>
}

/**
 * Options of a reader of a lane.
 *
 * @category options
 * @since 0.1.0
 */
export interface ReadOptions {
  /**
   * Treatment of a message that does not fit the buffer of this reader. Defaults to `suspend`.
   *
   * - `suspend`: the sender of the message waits. Other senders, and other lanes of this sender, do not. The buffer is
   *   `limits.laneWindowBytes` for each peer.
   * - `dropping`: the message is lost. `sliding`: the oldest message in the buffer is lost. Both are counted
   *   (docs/metrics.md).
   */
  readonly strategy?: "suspend" | "dropping" | "sliding" | undefined
  /** Number of messages in the buffer with `dropping` and `sliding`. Defaults to 1,024. */
  readonly capacity?: number | undefined
}

/**
 * Options of a reader that loses messages instead of making their senders wait. It gets no markers unless it asks for
 * them with {@link GapReadOptions}.
 *
 * @category options
 * @since 0.1.0
 */
export interface LossyReadOptions extends ReadOptions {
  readonly strategy: "dropping" | "sliding"
}

/**
 * Options of a reader that tells where messages may be missing, whatever its strategy is. With `dropping` and `sliding` it has
 * `MessagesLost` where its buffer lost messages, and `SessionEnded`; with `suspend` it has the markers of sessions as always.
 *
 * @category options
 * @since 0.1.0
 */
export interface GapReadOptions extends ReadOptions {
  readonly gaps: true
}

/**
 * An element of a lane: a message, the begin or end of a session with a peer.
 *
 * @category models
 * @since 0.1.0
 */
export type LaneItem = Message | SessionStarted | SessionEnded

/**
 * Options of a reader that gets the changes of the view, too, in one order with the messages.
 *
 * @category options
 * @since 0.1.0
 */
export interface ViewReadOptions extends ReadOptions {
  readonly strategy?: "suspend" | undefined
  /**
   * Adds the view to the stream: always first a `Snapshot`, and then each change. Messages, markers of sessions and changes come in the
   * order in which they happened on this node, so a peer has `Joined` before its session starts. A reader that is more than
   * `limits.eventBuffer` changes behind gets `Lagged` and a `Snapshot` instead of them. It never misses a message.
   */
  readonly view: true
}

/**
 * An element of a lane that is read with its view.
 *
 * @category models
 * @since 0.1.0
 */
export type ViewItem = ViewChange | Extract<ClusterEvent, { readonly _tag: "Snapshot" | "Lagged" }>

/**
 * A node that reads a lane: a peer with a link, or this node.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadingPeer extends PeerId {
  /** Number of the session with the peer. It is that of the markers, of `Message.session` and of `Sent.session`. */
  readonly session: number
  /**
   * Number of the opening, counted by this node. A lane that the peer has closed and opened again has another number: what
   * was sent to the opening before may be lost, although the session goes on.
   */
  readonly opening: number
}

/**
 * A message that its reader could not use.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeadLetter {
  readonly lane: string
  readonly message: Message
  /** Description of what is wrong with the message. */
  readonly reason: string
}

/**
 * A lane, to send on and to read. Nothing is held for a lane until it is read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lane {
  readonly name: string
  /**
   * Format of the messages of this lane, as given to `cluster.lane`. A message goes to no peer that reads the lane with another
   * format: the send fails, or the report says, `IncompatibleFormat`. `undefined` for bytes of any format, which are never
   * refused.
   */
  readonly format: string | undefined
  /**
   * Sends a message to one peer that reads the lane, or to the readers of this node. Fails with `NotReading` if the peer does not
   * read it.
   */
  readonly send: (peer: PeerRef, payload: Uint8Array | string, options?: SendOptions) => Effect.Effect<Sent, SendError>
  /**
   * Waits until this node would accept a message to the peer at once: there is credit for a frame of any size, and no other send
   * waits. Fails as {@link Lane.send} would.
   *
   * **When to use**
   *
   * Use it to encode the newest state when it can go, instead of an older state that waits for credit.
   *
   * **Gotchas**
   *
   * It reserves nothing. A send of the same step goes at once; one that comes after sends of other fibers may wait.
   */
  readonly ready: (peer: PeerRef) => Effect.Effect<void, SendError>
  /**
   * Sends a message to every peer that reads the lane, and reports the outcome for each. Waits for up to
   * `limits.slowPeerTimeout` for a peer that has just connected and has not said yet what it reads, and for a peer whose
   * reader is slow. After that it skips the peer at once, until the peer goes on. A peer without a link now may read the lane,
   * so it is reported as `NotConnected`. The readers of this node get nothing, unless `self` is set.
   */
  readonly publish: (
    payload: Uint8Array | string,
    options?: PublishOptions,
  ) => Effect.Effect<BroadcastReport, SendError>
  /**
   * Reads the messages of peers, from when the stream is run. Each run is a reader of its own. Before the first message of a
   * session with a peer comes `SessionStarted`, and after its last message `SessionEnded`, except with `dropping` and `sliding`.
   * With `view` the changes of the view come in the same stream. The stream ends when this node has left.
   */
  readonly read: {
    (options: GapReadOptions): Stream.Stream<LaneItem | MessagesLost, OptionsError>
    (options: LossyReadOptions): Stream.Stream<Message, OptionsError>
    (options: ViewReadOptions): Stream.Stream<LaneItem | ViewItem, OptionsError>
    (options?: ReadOptions): Stream.Stream<LaneItem, OptionsError>
  }
  /**
   * Reads as {@link Lane.read} from now on, for as long as the scope is open, so that no message before the run of the stream is
   * missed.
   */
  readonly open: {
    (options: GapReadOptions): Effect.Effect<Stream.Stream<LaneItem | MessagesLost>, OptionsError, Scope.Scope>
    (options: LossyReadOptions): Effect.Effect<Stream.Stream<Message>, OptionsError, Scope.Scope>
    (options: ViewReadOptions): Effect.Effect<Stream.Stream<LaneItem | ViewItem>, OptionsError, Scope.Scope>
    (options?: ReadOptions): Effect.Effect<Stream.Stream<LaneItem>, OptionsError, Scope.Scope>
  }
  /**
   * Returns the nodes that read the lane, ordered by name: the peers whose link is up, as they last told it, and this node. A
   * peer whose link has just come up is missing until it has listed its lanes, which takes half a round trip.
   */
  readonly readers: Effect.Effect<ReadonlyArray<ReadingPeer>>
  /**
   * The readers of the lane now and after each change. A slow subscriber gets the newest list and skips those between. The
   * stream ends when this node has left.
   */
  readonly readerChanges: Stream.Stream<ReadonlyArray<ReadingPeer>>
  /** Reports that a message cannot be used: counts it (docs/metrics.md) and publishes it to {@link Lane.deadLetters}. */
  readonly deadLetter: (message: Message, reason: string) => Effect.Effect<void>
  /**
   * Messages of this lane that could not be used, from when the stream is run. A reader that is more than 1,024 messages
   * behind misses the oldest.
   */
  readonly deadLetters: Stream.Stream<DeadLetter>
}
