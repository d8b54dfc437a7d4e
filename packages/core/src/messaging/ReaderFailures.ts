/**
 * Log lines about readers that failed. Each stream of a reader reports its end to the node, so the log shows the
 * failure of a reader even if no code observes its fiber. The number of lines is bounded, because a reader that is
 * restarted for each message may fail as often as peers send.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { LogBudget } from "../internal/LogBudget.ts"
import { inboxName } from "../protocol/constants.ts"

export interface Options {
  readonly log: LogBudget
  /** Context of the node, which has its log. The context of a reader may differ. */
  readonly context: Context.Context<never>
  /** Tests whether the node is running. */
  readonly isRunning: () => boolean
  /** Called for each reader that failed. */
  readonly onFailed: (lane: string) => void
}

export class ReaderFailures {
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /**
   * Returns a stream that reports runs that end with an error or a defect, including an error of the code that
   * processes the elements.
   */
  watch<A, E>(lane: string, stream: Stream.Stream<A, E>): Stream.Stream<A, E> {
    return Stream.onExit(stream, (exit) => (Exit.isFailure(exit) ? this.failed(lane, exit.cause) : Effect.void))
  }

  private failed(lane: string, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { context, isRunning, log, onFailed } = this.options
      // An interrupted reader has not failed.
      if (!isRunning() || (!Cause.hasFails(cause) && !Cause.hasDies(cause))) return Effect.void
      onFailed(lane)
      const line = log.write({ level: "Warn", kind: "reader failed", subject: lane, text: lineOf(lane), cause })
      return Effect.provideContext(line, context)
    })
  }
}

const lineOf = (lane: string): string =>
  lane === inboxName
    ? "the reader of the inbox failed; read cluster.inbox again, because messages and then their senders wait until then"
    : `the reader of "${lane}" failed; start it again, because it gets no messages until then`
