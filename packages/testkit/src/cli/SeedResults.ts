/** Results of seeds, combined in the order of the seeds, in whatever order they arrive. */
import * as Effect from "effect/Effect"
import { SummaryBuilder } from "../internal/SummaryBuilder.ts"
import { Hash } from "../kernel/Hash.ts"
import * as Scenario from "../Scenario.ts"
import type * as Swarm from "../Swarm.ts"
import type { ScenarioInfo } from "./protocol.ts"
import type { Counts, FailureReport } from "./report.ts"

/** Result of a scenario with one seed, with the report if it failed. */
export interface ScenarioResult {
  readonly result: Swarm.SeedResult
  readonly failure: FailureReport | undefined
}

export interface Totals extends Counts {
  readonly seeds: number
  readonly failures: ReadonlyArray<FailureReport>
  readonly scenarios: ReadonlyArray<Counts & { readonly name: string }>
  /** Goals of each scenario that were never reached. */
  readonly never: ReadonlyArray<{ readonly scenario: string; readonly what: Swarm.Summary["never"][number] }>
}

/** Counts of the results that have arrived, including those that wait for an earlier seed. */
export interface Received {
  readonly seeds: number
  readonly failures: number
  readonly virtualSeconds: number
}

const sum = (records: ReadonlyArray<Readonly<Record<string, number>>>): Record<string, number> => {
  const total = new Map<string, number>()
  for (const record of records) {
    for (const [key, count] of Object.entries(record)) total.set(key, (total.get(key) ?? 0) + count)
  }
  return Object.fromEntries([...total].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const either = (records: ReadonlyArray<Readonly<Record<string, boolean>>>): Record<string, boolean> => {
  const total: Record<string, boolean> = {}
  for (const record of records) {
    for (const [name, happened] of Object.entries(record)) total[name] = happened || total[name] === true
  }
  return total
}

const counts = ({ faultsFired, marks, seeds, steps, traceHash, virtualSeconds }: Swarm.Summary): Counts => ({
  runs: seeds,
  steps,
  virtualSeconds,
  traceHash,
  faultsFired,
  marks,
})

export class SeedResults {
  private readonly scenarios: ReadonlyArray<ScenarioInfo>
  private readonly enough: number
  private readonly builders: ReadonlyArray<SummaryBuilder>
  private readonly hash = new Hash()
  private readonly waiting = new Map<number, ReadonlyArray<ScenarioResult>>()
  private readonly failures: Array<FailureReport> = []
  private counted: Received = { seeds: 0, failures: 0, virtualSeconds: 0 }
  private next: number
  private seeds = 0

  constructor(options: {
    readonly scenarios: ReadonlyArray<ScenarioInfo>
    /** First of the consecutive seeds. */
    readonly from: number
    /** Number of failures after which the results of further seeds are left out. */
    readonly enough: number
  }) {
    const { enough, from, scenarios } = options
    this.scenarios = scenarios
    this.enough = enough
    this.next = from
    this.builders = scenarios.map(
      ({ faults, name }) => new SummaryBuilder(Scenario.scenario(name, { faults }, () => Effect.void)),
    )
  }

  /** Adds the results of a seed. Returns the number of seeds that this call has combined. */
  add(seed: number, results: ReadonlyArray<ScenarioResult>): number {
    const { failures, seeds, virtualSeconds } = this.counted
    this.counted = {
      seeds: seeds + 1,
      failures: failures + results.filter(({ failure }) => failure !== undefined).length,
      virtualSeconds: results.reduce((seconds, { result }) => seconds + result.virtualSeconds, virtualSeconds),
    }
    this.waiting.set(seed, results)
    const before = this.next
    for (
      let ready = this.waiting.get(this.next);
      ready !== undefined && !this.isFull();
      ready = this.waiting.get(this.next)
    ) {
      this.combine(this.next++, ready)
    }
    return this.next - before
  }

  private combine(seed: number, results: ReadonlyArray<ScenarioResult>): void {
    this.waiting.delete(seed)
    this.seeds++
    for (const [index, { failure, result }] of results.entries()) {
      this.builders[index]?.add(result)
      this.hash.text(result.traceHash)
      if (failure !== undefined) this.failures.push(failure)
    }
  }

  /** Returns `true` if there are enough failures. Seeds after the seed of the last failure are left out. */
  isFull(): boolean {
    return this.failures.length >= this.enough
  }

  received(): Received {
    return this.counted
  }

  /** Combines the results that wait for a seed whose result will not arrive. */
  flush(): void {
    for (const [seed, results] of [...this.waiting].sort(([a], [b]) => a - b)) {
      if (!this.isFull()) this.combine(seed, results)
    }
  }

  totals(): Totals {
    const summaries = this.builders.map((builder) => builder.summary())
    const nameAt = (index: number): string => this.scenarios[index]?.name ?? ""
    return {
      seeds: this.seeds,
      failures: this.failures,
      runs: summaries.reduce((runs, summary) => runs + summary.seeds, 0),
      steps: summaries.reduce((steps, summary) => steps + summary.steps, 0),
      virtualSeconds: summaries.reduce((seconds, summary) => seconds + summary.virtualSeconds, 0),
      traceHash: this.hash.digest(),
      faultsFired: sum(summaries.map(({ faultsFired }) => faultsFired)),
      marks: either(summaries.map(({ marks }) => marks)),
      scenarios: summaries.map((summary, index) => ({ name: nameAt(index), ...counts(summary) })),
      never: summaries.flatMap(({ never }, index) => never.map((what) => ({ scenario: nameAt(index), what }))),
    }
  }
}
