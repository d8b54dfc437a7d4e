/** Limit on the babble of one run, shared by all lives of its babblers. The babble is finite, and it ends. */
import type { Kind } from "./babble.ts"

export class BabbleBudget {
  /** Number of times that the babblers sent each kind. */
  readonly said = new Map<Kind, number>()
  private left: number
  private readonly babblers: ReadonlyArray<string>
  private readonly gone = new Set<string>()

  constructor(options: {
    /** Number of times that the babblers speak, in total. */
    readonly count: number
    /** Names of the babblers. */
    readonly babblers: ReadonlyArray<string>
  }) {
    this.left = options.count
    this.babblers = options.babblers
  }

  /** Returns `true` if the babblers have spent the budget. */
  get isSpent(): boolean {
    return this.left <= 0
  }

  /** Returns `true` if each babbler has ended after the budget was spent. */
  get isOver(): boolean {
    return this.babblers.every((name) => this.gone.has(name))
  }

  /** Spends one unit of the budget. */
  spend(kind: Kind): void {
    this.left -= 1
    this.said.set(kind, (this.said.get(kind) ?? 0) + 1)
  }

  /** Ends the babble. */
  stop(): void {
    this.left = 0
  }

  /** Records that a babbler has ended after the babble. */
  end(name: string): void {
    this.gone.add(name)
  }
}
