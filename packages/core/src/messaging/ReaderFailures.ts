/**
 * Log lines about readers that failed. A stream that is read tells its node how it ended, so that a reader which dies in a
 * fiber that nobody watches is told all the same. The lines are bounded: a reader that is started again for each message may
 * fail as often as peers send.
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
  /** Context of the node, whose log has the lines: the reader may have another, or none. */
  readonly context: Context.Context<never>
  /** Returns `true` while the node takes part. */
  readonly isRunning: () => boolean
  /** Called for each reader that failed. */
  readonly onFailed: (lane: string) => void
}

export class ReaderFailures {
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /** Makes a stream whose runs tell if they end with an error or a defect, also one of whoever processes its elements. */
  watch<A, E>(lane: string, stream: Stream.Stream<A, E>): Stream.Stream<A, E> {
    return Stream.onExit(stream, (exit) => (Exit.isFailure(exit) ? this.failed(lane, exit.cause) : Effect.void))
  }

  private failed(lane: string, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { context, isRunning, log, onFailed } = this.options
      // A reader that is stopped has not failed.
      if (!isRunning() || (!Cause.hasFails(cause) && !Cause.hasDies(cause))) return Effect.void
      onFailed(lane)
      const line = log.write({ level: "Warn", kind: "reader failed", subject: lane, text: lineOf(lane), cause })
      return Effect.provideContext(line, context)
    })
  }
}

const lineOf = (lane: string): string =>
  lane === inboxName
    ? "the reader of the inbox failed; messages wait until the inbox is read again, and then their senders wait"
    : `the reader of "${lane}" failed; it gets no messages until it is started again`
