/**
 * Messages under a name, beside the inbox: a lane has its own flow control and goes to those who read it. Topics and requests
 * are made of lanes (docs/messages.md, section "Lanes").
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { OptionsError, SendError } from "./ClusterError.ts"
import type { Message, SessionEnded } from "./Message.ts"
import type { PeerRef } from "./Peer.ts"

/** How a message is sent to one peer. */
export interface SendOptions {
  /**
   * Succeed when the peer's reader took the message, not when the link accepted it. If that is not known in the end, as after a
   * lost link, it fails, and the message may have been taken or not. A reader of a lane that loses what does not fit
   * (`dropping`, `sliding`) has taken it all the same. Default: `false`.
   */
  readonly confirm?: boolean | undefined
  /** How long to wait for that, from the beginning. Default: `limits.confirmTimeout`. */
  readonly timeout?: Duration.Input | undefined
}

/** A message was accepted, or taken if that was asked for. */
export interface Sent {
  /** The session on which it went, as this node numbers them. When that is over, what the peer had not read of it is lost. */
  readonly session: number
}

/** What became of a message to many, peer by peer. */
export interface BroadcastReport {
  /** Names of the peers whose link accepted the message. */
  readonly sent: ReadonlyArray<string>
  /** Why it did not for the others. */
  readonly failed: ReadonlyArray<SendError>
}

/** How a lane is read. */
export interface ReadOptions {
  /**
   * What is to happen with a message that does not fit the buffer of this reader.
   *
   * - `suspend` (default): its sender waits; no other one does, and nothing else of that sender. The buffer is
   *   `limits.laneWindow` for each peer.
   * - `dropping`: it is lost. `sliding`: the oldest in the buffer is lost. Both are counted (docs/metrics.md).
   */
  readonly strategy?: "suspend" | "dropping" | "sliding" | undefined
  /** Messages in the buffer with `dropping` and `sliding`. Defaults to 1,024. */
  readonly capacity?: number | undefined
}

/** A message that its reader could not use. */
export interface DeadLetter {
  readonly lane: string
  readonly message: Message
  /** What is wrong with it. */
  readonly reason: string
}

/** A lane, to be written and read. Nothing is held for it until it is read. */
export interface Lane {
  readonly name: string
  /** Sends to one peer that reads the lane: `notReading` if it does not. */
  readonly send: (peer: PeerRef, payload: Uint8Array | string, options?: SendOptions) => Effect.Effect<Sent, SendError>
  /**
   * Sends to every peer that reads the lane and reports for each of these. A peer that has just connected and has not said yet
   * what it reads is waited for, and so is one whose reader is slow, for `limits.slowPeerTimeout`. One that has no link now
   * fails as `notConnected`, for it may read the lane. This node's own readers get nothing.
   */
  readonly publish: (payload: Uint8Array | string) => Effect.Effect<BroadcastReport, SendError>
  /**
   * What comes from peers, from when the stream is run; each run is a reader of its own. When a session with a peer is
   * over, the stream says so after its last message (not with `dropping` and `sliding`). Ends when this node has left.
   */
  readonly read: (options?: ReadOptions) => Stream.Stream<Message | SessionEnded, OptionsError>
  /** The same reader from now on, for as long as the scope is open: for who must not miss what comes before the stream is run. */
  readonly open: (
    options?: ReadOptions,
  ) => Effect.Effect<Stream.Stream<Message | SessionEnded>, OptionsError, Scope.Scope>
  /** Says that a message cannot be used: it is counted (docs/metrics.md), and goes to who watches {@link Lane.deadLetters}. */
  readonly deadLetter: (message: Message, reason: string) => Effect.Effect<void>
  /**
   * The messages of this lane that could not be used, from when the stream is run. Who is more than
   * 1,024 behind misses the oldest.
   */
  readonly deadLetters: Stream.Stream<DeadLetter>
}
