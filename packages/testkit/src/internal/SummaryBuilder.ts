/** Builder of the summary of one scenario from the results of its seeds, in the order in which they are added. */
import * as FaultPlan from "../FaultPlan.ts"
import { Hash } from "../kernel/Hash.ts"
import type { Scenario } from "../Scenario.ts"
import * as SimulationError from "../SimulationError.ts"
import type { Found, SeedResult, Summary } from "./swarmResults.ts"

/**
 * Minimum number of seeds after which every configured kind of fault must have occurred. With fewer, its absence may be
 * chance.
 */
export const coverageSeeds = 100

export class SummaryBuilder {
  private readonly scenario: Scenario
  private readonly hash = new Hash()
  private readonly failures: Array<Found> = []
  private readonly faultsFired = new Map<string, number>()
  private readonly marks = new Map<string, boolean>()
  private seeds = 0
  private virtualSeconds = 0
  private steps = 0

  constructor(scenario: Scenario) {
    this.scenario = scenario
  }

  add(result: SeedResult): void {
    this.seeds++
    this.virtualSeconds += result.virtualSeconds
    this.steps += result.steps
    this.hash.text(result.traceHash)
    for (const [kind, count] of Object.entries(result.faultsFired)) {
      this.faultsFired.set(kind, (this.faultsFired.get(kind) ?? 0) + count)
    }
    for (const [name, happened] of Object.entries(result.marks)) {
      this.marks.set(name, happened || (this.marks.get(name) ?? false))
    }
    if (result.found !== undefined) this.failures.push(result.found)
  }

  summary(): Summary {
    return {
      seeds: this.seeds,
      failures: this.failures,
      never: [...this.missedMarks(), ...this.missedFaults()],
      virtualSeconds: this.virtualSeconds,
      steps: this.steps,
      traceHash: this.hash.digest(),
      faultsFired: Object.fromEntries([...this.faultsFired].sort(([a], [b]) => (a < b ? -1 : 1))),
      marks: Object.fromEntries(this.marks),
    }
  }

  private missedMarks(): ReadonlyArray<SimulationError.NeverHappened> {
    return [...this.marks].flatMap(([name, happened]) =>
      happened
        ? []
        : [
            new SimulationError.NeverHappened({
              what: name,
              message:
                `"${name}" never happened in ${this.seeds} seeds of "${this.scenario.name}": the scenario does not reach it. ` +
                "Run more seeds, make it more likely, or remove the goal.",
            }),
          ],
    )
  }

  private missedFaults(): ReadonlyArray<SimulationError.NeverHappened> {
    const { scenario, seeds } = this
    if (seeds < coverageSeeds) return []
    const missed = FaultPlan.kinds(scenario.options.faults).filter((kind) => !this.faultsFired.has(kind))
    if (missed.length === 0) return []
    const kinds = missed.length === 1 ? `the fault ${missed.join("")} is` : `the faults ${missed.join(", ")} are`
    return [
      new SimulationError.NeverHappened({
        what: missed.join(", "),
        message:
          `${kinds} configured and never occurred in ${seeds} seeds of "${scenario.name}", which ended after ` +
          `${(this.virtualSeconds / seeds).toFixed(1)} s of virtual time on average: let the scenario run longer, raise the rate, or remove the kind from the plan.`,
      }),
    ]
  }
}
