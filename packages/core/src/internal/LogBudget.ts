/**
 * The log of a node, with a budget for each kind of line. A line beyond the budget is omitted, and when the budget is full again
 * one line tells how many were.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Severity } from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import { LineBudget } from "./LineBudget.ts"
import { monotonicMillis } from "./time.ts"

/** One line of the log. */
export interface Line {
  readonly level: Severity
  /** Kind of the line. Each kind has a budget, so kinds are a few names that this program chose. */
  readonly kind: string
  /** Peer, host or address that the line is about. */
  readonly subject: string | undefined
  /** Lines about one subject in a period. All lines of a kind have the same. Defaults to 10. */
  readonly linesPerSubject?: number
  readonly text: string
  /** Cause that is written with the line. */
  readonly cause?: Cause.Cause<unknown>
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
      Effect.logWithLevel(level)(`lines of the kind ${kind} that were left out: ${budget.takeOmitted()}`),
    )
  }
}

const messageOf = ({ cause, text }: Line): ReadonlyArray<unknown> => (cause === undefined ? [text] : [text, cause])

/** Makes the log of a node. Closing the scope reports what was omitted until then. */
export const make: Effect.Effect<LogBudget, never, Scope.Scope> = Effect.gen(function* () {
  return new LogBudget(yield* Clock.Clock, yield* Effect.scope)
})
