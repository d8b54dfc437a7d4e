/** The babble of one run, shared by all lives of its babblers: it is finite, and it ends. */
import type { Kind } from "./babble.ts"

export class BabbleBudget {
  /** Number of times that each kind was said. */
  readonly said = new Map<Kind, number>()
  private left: number
  private readonly babblers: ReadonlyArray<string>
  private readonly gone = new Set<string>()

  constructor(options: {
    /** Number of times that the babblers speak, all together. */
    readonly count: number
    /** Names of the babblers. */
    readonly babblers: ReadonlyArray<string>
  }) {
    this.left = options.count
    this.babblers = options.babblers
  }

  /** Returns `true` if the babblers have said everything. */
  get isSpent(): boolean {
    return this.left <= 0
  }

  /** Returns `true` if each babbler has gone after the babble was spent. */
  get isOver(): boolean {
    return this.babblers.every((name) => this.gone.has(name))
  }

  /** Takes one from the budget. */
  spend(kind: Kind): void {
    this.left -= 1
    this.said.set(kind, (this.said.get(kind) ?? 0) + 1)
  }

  /** Ends the babble. */
  stop(): void {
    this.left = 0
  }

  /** Counts a babbler that has ended after the babble. */
  end(name: string): void {
    this.gone.add(name)
  }
}
