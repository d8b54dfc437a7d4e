/**
 * Processes the sets of addresses that the discovery finds: passes the valid addresses to the dialer, and logs the
 * problems of the others.
 */
import * as Effect from "effect/Effect"
import type { Address } from "../Address.ts"
import type { LogBudget } from "../internal/LogBudget.ts"
import { parseAddresses } from "./parseAddresses.ts"

export class DiscoveredAddresses {
  private readonly limit: number
  private readonly log: LogBudget
  private readonly onAddresses: (addresses: ReadonlyArray<Address>) => void
  /** Problems of the current set. A problem of several consecutive sets is logged once. */
  private problems = new Set<string>()

  /** Takes the maximum number of addresses used from one set, and the callback that gets the valid addresses. */
  constructor(limit: number, log: LogBudget, onAddresses: (addresses: ReadonlyArray<Address>) => void) {
    this.limit = limit
    this.log = log
    this.onAddresses = onAddresses
  }

  /** Replaces the current set of addresses. */
  accept(found: ReadonlyArray<string>): Effect.Effect<void> {
    return this.use(found)
  }

  private readonly use = Effect.fnUntraced(function* (this: DiscoveredAddresses, found: ReadonlyArray<string>) {
    const { addresses, problems } = parseAddresses(found.slice(0, this.limit))
    const before = this.problems
    this.problems = new Set(problems.map(({ message }) => message))
    if (found.length > this.limit) {
      this.problems.add(`found ${found.length} addresses and uses only the first ${this.limit} (limits.discovered)`)
    }
    for (const problem of this.problems) {
      if (before.has(problem)) continue
      yield* this.log.write({ level: "Warn", kind: "discovery", subject: undefined, text: `discovery: ${problem}` })
    }
    this.onAddresses(addresses)
  })
}
