/**
 * The log of a node, with a budget for each kind of line. Lines beyond the budget are omitted. When the budget is
 * available again, one line reports the number of omitted lines.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Severity } from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import { LineBudget } from "./LineBudget.ts"
import { monotonicMillis } from "./time.ts"

/**
 * One line of the log.
 *
 * @category options
 * @since 0.1.0
 */
export interface Line {
  /** Level of the line. */
  readonly level: Severity
  /** Kind of the line. Each kind has its own budget, so the kinds must come from a small fixed set. */
  readonly kind: string
  /** Peer, host or address that the line is about. With `undefined`, only the budget of the kind counts. */
  readonly subject: string | undefined
  /**
   * Maximum number of lines about one subject in a period. It must be the same for all lines of a kind. Defaults to 10.
   */
  readonly linesPerSubject?: number
  /** Message of the line. */
  readonly text: string
  /** Cause that is logged with the line. */
  readonly cause?: Cause.Cause<unknown>
  /** Annotations in addition to `cluster` and `node`. */
  readonly annotations?: Readonly<Record<string, unknown>>
}

export class LogBudget {
  private readonly clock: Clock.Clock
  private readonly scope: Scope.Scope
  private readonly kinds = new Map<string, LineBudget>()

  constructor(clock: Clock.Clock, scope: Scope.Scope) {
    this.clock = clock
    this.scope = scope
  }

  /** Writes the line, unless it is beyond the budget of its kind. */
  write(line: Line): Effect.Effect<void> {
    return Effect.suspend(() => {
      const budget = this.budgetOf(line)
      const now = monotonicMillis(this.clock)
      if (budget.take(now, line.subject)) {
        return Effect.annotateLogs(Effect.logWithLevel(line.level)(...messageOf(line)), line.annotations ?? {})
      }
      if (budget.size() > 1) return Effect.void
      const report = Effect.ensuring(Effect.sleep(budget.remaining(now)), this.report(line, budget))
      return Effect.asVoid(Effect.forkIn(report, this.scope, { startImmediately: true }))
    })
  }

  private budgetOf({ kind, linesPerSubject }: Line): LineBudget {
    const known = this.kinds.get(kind)
    if (known !== undefined) return known
    const budget = new LineBudget(linesPerSubject)
    this.kinds.set(kind, budget)
    return budget
  }

  private report({ kind, level }: Line, budget: LineBudget): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.logWithLevel(level)(`omitted log lines of the kind "${kind}": ${budget.takeOmitted()}`),
    )
  }
}

const messageOf = ({ cause, text }: Line): ReadonlyArray<unknown> => (cause === undefined ? [text] : [text, cause])

/** Makes the log of a node. Closing the scope reports the lines omitted until then. */
export const make: Effect.Effect<LogBudget, never, Scope.Scope> = Effect.gen(function* () {
  return new LogBudget(yield* Clock.Clock, yield* Effect.scope)
})
