/**
 * Detects an inbox without a reader. Its messages, and then their senders, wait without any error. The log therefore
 * has a warning once messages have waited for `limits.slowPeerTimeout` without a reader. The warning is repeated only
 * after a reader has started and ended.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { awaitLatch } from "../internal/yieldingAwait.ts"

export interface Options {
  /** Time that messages wait before the warning, in milliseconds. */
  readonly timeout: number
  /** Returns the number of links with waiting messages, including ended links. */
  readonly waiting: () => number
}

export class UnreadInbox {
  private readonly options: Options
  private readers = 0
  /** Number of readers that have ended so far. */
  private ended = 0
  /** `true` if the log has a warning since the last reader. */
  private isReported = false
  private readonly isSuspected = Latch.makeUnsafe(false)

  constructor(options: Options) {
    this.options = options
  }

  /** Returns a stream whose runs count as readers of the inbox. */
  count<A, E>(stream: Stream.Stream<A, E>): Stream.Stream<A, E> {
    const reader = Effect.acquireRelease(
      Effect.sync(() => this.begin()),
      () => Effect.sync(() => this.end()),
    )
    return Stream.unwrap(Effect.as(reader, stream))
  }

  /** Returns an effect whose runs count as readers of the inbox. */
  during<A, E>(receive: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      this.begin()
      return Effect.ensuring(
        receive,
        Effect.sync(() => this.end()),
      )
    })
  }

  /** Records that a message has arrived. */
  arrived(): void {
    if (this.readers === 0 && !this.isReported) this.isSuspected.openUnsafe()
  }

  private begin(): void {
    this.readers++
    this.isReported = false
  }

  private end(): void {
    this.readers--
    this.ended++
    if (this.options.waiting() > 0) this.arrived()
  }

  /** Logs the warning. Never ends. */
  readonly run: Effect.Effect<never> = Effect.suspend(() => Effect.forever(UnreadInbox.reportOnce(this)))

  private static readonly reportOnce = Effect.fnUntraced(function* (inbox: UnreadInbox) {
    yield* awaitLatch(inbox.isSuspected)
    const { timeout, waiting } = inbox.options
    const { ended } = inbox
    yield* Effect.sleep(timeout)
    inbox.isSuspected.closeUnsafe()
    const count = waiting()
    // When the readers of this moment end, the messages that still wait raise the suspicion again.
    if (count === 0 || inbox.readers > 0) return
    if (inbox.ended !== ended) return inbox.arrived()
    inbox.isReported = true
    yield* Effect.logWarning(
      `the inbox has no reader, and messages of ${count} ${count === 1 ? "link" : "links"} wait in it; ` +
        "their senders will wait, too. Run cluster.inbox while the node runs, even if only to discard the messages",
    )
  })
}
