/**
 * Lanes: named channels of messages, in addition to the inbox. Each lane has its own flow control, and its messages go
 * only to the peers that read it. Topics and requests are built on lanes (docs/messages.md, section "Lanes").
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
   * Completes the send when the peer's reader has taken the message, instead of when the link has accepted it. The send
   * fails if the outcome stays unknown, for example after a lost link. In that case the reader may or may not have
   * taken the message. A reader with the strategy `dropping` or `sliding` counts as having taken each message that
   * arrives. Defaults to `false`.
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
   * Format of the messages of the lane, such as `json`: 1 to 64 bytes without control characters. Readers announce it
   * to all peers. Messages go only to readers with the same format and to readers without a format. All readers of a
   * lane on one node must have the same format. By default a lane has no format and carries any bytes.
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
  /** Also sends the message to the readers of this node. The report then includes this node. Defaults to `false`. */
  readonly self?: boolean | undefined
}

/**
 * Outcome of a send. The link has accepted the message, or with `confirm`, the reader has taken it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sent {
  /**
   * Number of the session in which the message was sent. Messages that the peer has not read when the session ends are
   * lost.
   */
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
   * Treatment of a message that does not fit into the buffer of this reader. Defaults to `suspend`.
   *
   * - `suspend`: the sender of the message waits. Other senders and other lanes of this sender continue. The buffer is
   *   `limits.laneWindowBytes` per peer.
   * - `dropping`: the new message is lost. `sliding`: the oldest message in the buffer is lost. Both are counted
   *   (docs/metrics.md).
   */
  readonly strategy?: "suspend" | "dropping" | "sliding" | undefined
  /** Number of messages in the buffer with `dropping` and `sliding`. Defaults to 1,024. */
  readonly capacity?: number | undefined
}

/**
 * Options of a reader that loses messages instead of making their senders wait. It gets no markers unless
 * {@link GapReadOptions} request them.
 *
 * @category options
 * @since 0.1.0
 */
export interface LossyReadOptions extends ReadOptions {
  readonly strategy: "dropping" | "sliding"
}

/**
 * Options of a reader that marks where messages may be missing. With `dropping` and `sliding` it gets `MessagesLost`
 * where its buffer lost messages, and `SessionEnded`. With `suspend` it gets the markers of sessions, as it always
 * does.
 *
 * @category options
 * @since 0.1.0
 */
export interface GapReadOptions extends ReadOptions {
  readonly gaps: true
}

/**
 * An element of a lane: a message, or the start or end of a session with a peer.
 *
 * @category models
 * @since 0.1.0
 */
export type LaneItem = Message | SessionStarted | SessionEnded

/**
 * Options of a reader that also gets the changes of the view, in one order with the messages.
 *
 * @category options
 * @since 0.1.0
 */
export interface ViewReadOptions extends ReadOptions {
  readonly strategy?: "suspend" | undefined
  /**
   * Adds the view to the stream: first a `Snapshot`, and then each change. Messages, markers of sessions and changes
   * arrive in the order in which they happened on this node, so `Joined` comes before the session of a peer starts. A
   * reader that is more than `limits.eventBuffer` changes behind gets `Lagged` and a `Snapshot` instead of them. It
   * never misses a message.
   */
  readonly view: true
}

/**
 * Additional element of a lane that is read with its view.
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
  /** Number of the session with the peer. The markers, `Message.session` and `Sent.session` use the same number. */
  readonly session: number
  /**
   * Number of the opening, counted by this node. If the peer closes the lane and opens it again, the number changes.
   * Messages that were sent to the earlier opening may then be lost, although the session continues. The number may be
   * the same in two sessions, so compare {@link ReadingPeer.session} as well.
   */
  readonly opening: number
}

/**
 * A message that its reader could not decode or use.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeadLetter {
  readonly lane: string
  readonly message: Message
  /** Description of the problem. */
  readonly reason: string
}

/**
 * A lane, for sending and reading. A lane uses no resources until it is read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lane {
  readonly name: string
  /**
   * Format of the messages of this lane, as given to `cluster.lane`. If a peer reads the lane with another format, a
   * send to it fails with `IncompatibleFormat`, and the report of a publish lists that error. `undefined` for bytes of
   * any format, which a peer never refuses.
   */
  readonly format: string | undefined
  /**
   * Sends a message to one peer that reads the lane, or to the readers of this node. Fails with `NotReading` if the
   * peer does not read it.
   */
  readonly send: (peer: PeerRef, payload: Uint8Array | string, options?: SendOptions) => Effect.Effect<Sent, SendError>
  /**
   * Waits until this node would accept a message to the peer at once: there is credit for a frame of any size, and no
   * other send waits. Fails with the same errors as {@link Lane.send}.
   *
   * **When to use**
   *
   * Use it to encode the newest state at the moment at which it can be sent, instead of sending an older state that
   * waited for credit.
   *
   * **Gotchas**
   *
   * It reserves nothing. A send in the same step is accepted at once. A send after sends of other fibers may wait.
   */
  readonly ready: (peer: PeerRef) => Effect.Effect<void, SendError>
  /**
   * Sends a message to every peer that reads the lane, and reports the outcome for each. It waits up to
   * `limits.slowPeerTimeout` for a peer that has just connected and has not listed its lanes yet, and for a peer whose
   * reader is slow. After that it skips the peer at once until the peer makes progress. A peer without a link may read
   * the lane, so it is reported as `NotConnected`. The readers of this node get the message only with `self`.
   */
  readonly publish: (
    payload: Uint8Array | string,
    options?: PublishOptions,
  ) => Effect.Effect<BroadcastReport, SendError>
  /**
   * Reads the messages of peers from the moment the stream runs. Each run is a separate reader. `SessionStarted` comes
   * before the first message of a session with a peer, and `SessionEnded` after its last message, except with
   * `dropping` and `sliding`. With `view`, the stream includes the changes of the view. The stream ends when this node
   * has left.
   */
  readonly read: {
    (options: GapReadOptions): Stream.Stream<LaneItem | MessagesLost, OptionsError>
    (options: LossyReadOptions): Stream.Stream<Message, OptionsError>
    (options: ViewReadOptions): Stream.Stream<LaneItem | ViewItem, OptionsError>
    (options?: ReadOptions): Stream.Stream<LaneItem, OptionsError>
  }
  /**
   * Opens the lane now and keeps it open until the scope closes, so that messages that arrive before the stream runs
   * are not missed. The stream is the same as that of {@link Lane.read}.
   */
  readonly open: {
    (options: GapReadOptions): Effect.Effect<Stream.Stream<LaneItem | MessagesLost>, OptionsError, Scope.Scope>
    (options: LossyReadOptions): Effect.Effect<Stream.Stream<Message>, OptionsError, Scope.Scope>
    (options: ViewReadOptions): Effect.Effect<Stream.Stream<LaneItem | ViewItem>, OptionsError, Scope.Scope>
    (options?: ReadOptions): Effect.Effect<Stream.Stream<LaneItem>, OptionsError, Scope.Scope>
  }
  /**
   * Returns the nodes that read the lane, ordered by name: this node, and the peers whose link is up, according to
   * their last announcement. A peer whose link has just come up is missing until it has listed its lanes, which takes
   * half a round trip.
   */
  readonly readers: Effect.Effect<ReadonlyArray<ReadingPeer>>
  /**
   * The readers of the lane now and after each change. A slow subscriber gets the newest list and skips intermediate
   * ones. The stream ends when this node has left.
   */
  readonly readerChanges: Stream.Stream<ReadonlyArray<ReadingPeer>>
  /**
   * Reports that a message cannot be used: counts it (docs/metrics.md) and publishes it to {@link Lane.deadLetters}.
   */
  readonly deadLetter: (message: Message, reason: string) => Effect.Effect<void>
  /**
   * Messages of this lane that could not be used, from the moment the stream runs. A subscriber that is more than 1,024
   * messages behind misses the oldest.
   */
  readonly deadLetters: Stream.Stream<DeadLetter>
}
