/**
 * The inbox without a reader. Messages wait in it, and then their senders, without an error of anybody; so the log tells it
 * once messages have waited for `limits.slowPeerTimeout` while nobody reads. It is told again only after a reader came and
 * went.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { awaitLatch } from "../internal/yieldingAwait.ts"

export interface Options {
  /** Time for which messages wait before it is told, in milliseconds. */
  readonly timeout: number
  /** Returns the number of links and ended links from which messages wait. */
  readonly waiting: () => number
}

export class UnreadInbox {
  private readonly options: Options
  private readers = 0
  /** Number of readers that there have been. */
  private started = 0
  /** `true` if it was told since the last reader. */
  private isTold = false
  private readonly isSuspected = Latch.makeUnsafe(false)

  constructor(options: Options) {
    this.options = options
  }

  /** Makes a stream whose runs count as readers of the inbox. */
  count<A, E>(stream: Stream.Stream<A, E>): Stream.Stream<A, E> {
    const reader = Effect.acquireRelease(
      Effect.sync(() => this.begin()),
      () => Effect.sync(() => this.end()),
    )
    return Stream.unwrap(Effect.as(reader, stream))
  }

  /** Makes an effect whose runs count as readers of the inbox. */
  during<A, E>(receive: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      this.begin()
      return Effect.ensuring(
        receive,
        Effect.sync(() => this.end()),
      )
    })
  }

  /** Records that a message has come. */
  arrived(): void {
    if (this.readers === 0 && !this.isTold) this.isSuspected.openUnsafe()
  }

  private begin(): void {
    this.readers++
    this.started++
    this.isTold = false
  }

  private end(): void {
    this.readers--
    if (this.options.waiting() > 0) this.arrived()
  }

  /** Tells in the log that nobody reads. Never ends. */
  readonly run: Effect.Effect<never> = Effect.suspend(() => Effect.forever(UnreadInbox.tellOnce(this)))

  private static readonly tellOnce = Effect.fnUntraced(function* (inbox: UnreadInbox) {
    yield* awaitLatch(inbox.isSuspected)
    const { timeout, waiting } = inbox.options
    const { started } = inbox
    yield* Effect.sleep(timeout)
    inbox.isSuspected.closeUnsafe()
    const count = waiting()
    if (count === 0) return
    if (inbox.started !== started) return inbox.arrived()
    inbox.isTold = true
    yield* Effect.logWarning(
      `nobody reads the inbox, and messages of ${count} ${count === 1 ? "link" : "links"} wait in it; ` +
        "their senders will wait, too. Run cluster.inbox for as long as the node lives, also if only to drain it",
    )
  })
}
