/** Log lines about refused connections, in a form that tools such as fail2ban read. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AcceptObserver, Refusal } from "./Refusal.ts"
import { RefusalLines } from "./RefusalLines.ts"

/** Returns the text of a line. Docs/operations.md promises it. */
export const textOf = ({ address, reason }: Pick<Refusal, "address" | "reason">): string =>
  `refused a connection from ${address}: ${reason}`

/** Makes an observer that logs in the context of the caller, at most `linesPerMinute` lines and one more. */
export const logRefusals = (linesPerMinute: number): Effect.Effect<AcceptObserver, never, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const log = new RefusalLog(new RefusalLines(linesPerMinute), (line) => void Effect.runForkWith(context)(line))
    yield* Effect.addFinalizer(() => log.close)
    return { refused: log.refused }
  })

class RefusalLog {
  private readonly lines: RefusalLines
  private readonly run: (line: Effect.Effect<void>) => void
  private timer: NodeJS.Timeout | undefined = undefined

  constructor(lines: RefusalLines, run: (line: Effect.Effect<void>) => void) {
    this.lines = lines
    this.run = run
  }

  readonly refused = (refusal: Refusal): void => {
    const now = performance.now()
    const hasLine = this.lines.take(refusal.address, now)
    if (hasLine) this.run(lineOf(refusal))
    if (this.timer !== undefined) return
    this.timer = setTimeout(() => this.run(this.finish), this.lines.remaining(now))
    this.timer.unref()
  }

  /** Writes the line about the refusals until now. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    clearTimeout(this.timer)
    return this.finish
  })

  private readonly finish: Effect.Effect<void> = Effect.suspend(() => {
    this.timer = undefined
    const text = this.lines.finish()
    return text === undefined ? Effect.void : Effect.logWarning(text)
  })
}

const lineOf = (refusal: Refusal): Effect.Effect<void> => {
  const { detail, key } = refusal
  return Effect.annotateLogs(Effect.logWarning(textOf(refusal)), {
    ...(key === undefined ? {} : { key }),
    ...(detail === undefined ? {} : { detail }),
  })
}
