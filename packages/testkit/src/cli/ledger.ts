/**
 * Puts the results of seeds together in the order of the seeds, in whatever order they come.
 */
import * as Effect from "effect/Effect"
import * as Hash from "../kernel/Hash.ts"
import * as Scenario from "../Scenario.ts"
import * as Swarm from "../Swarm.ts"
import type { Known } from "./protocol.ts"
import type { Counts, Failure } from "./summary.ts"

/** How a scenario went with one seed, and what there is to say of it if it failed. */
export interface Entry {
  readonly result: Swarm.SeedResult
  readonly failure: Failure | undefined
}

export interface Totals extends Counts {
  readonly seeds: number
  readonly failures: ReadonlyArray<Failure>
  readonly scenarios: ReadonlyArray<Counts & { readonly name: string }>
  /** By scenario, what was to happen and did not. */
  readonly never: ReadonlyArray<{ readonly scenario: string; readonly what: Swarm.Summary["never"][number] }>
}

export interface Ledger {
  /** Takes what a seed gave for each of the scenarios, and tells how many seeds it has now put together. */
  readonly take: (seed: number, entries: ReadonlyArray<Entry>) => number
  /** Whether there are as many failures as were asked for. What comes after the seed that made it full is left out. */
  readonly full: () => boolean
  /** How many seeds and failures have come, and how much virtual time, also of what still waits for an earlier seed. */
  readonly seen: () => { readonly seeds: number; readonly failures: number; readonly virtualSeconds: number }
  /** Takes what waits for a seed that will not come. */
  readonly close: () => void
  readonly totals: () => Totals
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

/** A ledger for scenarios and consecutive seeds. It is full with so many failures. */
export const make = (scenarios: ReadonlyArray<Known>, from: number, enough: number): Ledger => {
  const tallies = scenarios.map(({ faults, name }) =>
    Swarm.tally(Scenario.scenario(name, { faults }, () => Effect.void)),
  )
  const hash = Hash.make()
  const waiting = new Map<number, ReadonlyArray<Entry>>()
  const failures: Array<Failure> = []
  const seen = { seeds: 0, failures: 0, virtualSeconds: 0 }
  let next = from
  let seeds = 0

  const full = (): boolean => failures.length >= enough
  const add = (seed: number, entries: ReadonlyArray<Entry>): void => {
    waiting.delete(seed)
    seeds++
    for (const [index, { failure, result }] of entries.entries()) {
      tallies[index]?.add(result)
      hash.text(result.traceHash)
      if (failure !== undefined) failures.push(failure)
    }
  }

  return {
    take: (seed, entries) => {
      seen.seeds++
      for (const { failure, result } of entries) {
        seen.virtualSeconds += result.virtualSeconds
        if (failure !== undefined) seen.failures++
      }
      waiting.set(seed, entries)
      const before = next
      for (let ready = waiting.get(next); ready !== undefined && !full(); ready = waiting.get(next)) add(next++, ready)
      return next - before
    },
    full,
    seen: () => ({ ...seen }),
    close: () => {
      for (const [seed, entries] of [...waiting].sort(([a], [b]) => a - b)) if (!full()) add(seed, entries)
    },
    totals: () => {
      const summaries = tallies.map((tally) => tally.summary())
      return {
        seeds,
        failures,
        runs: summaries.reduce((runs, summary) => runs + summary.seeds, 0),
        steps: summaries.reduce((steps, summary) => steps + summary.steps, 0),
        virtualSeconds: summaries.reduce((seconds, summary) => seconds + summary.virtualSeconds, 0),
        traceHash: hash.digest(),
        faultsFired: sum(summaries.map(({ faultsFired }) => faultsFired)),
        marks: either(summaries.map(({ marks }) => marks)),
        scenarios: summaries.map((summary, index) => ({ name: scenarios[index]?.name ?? "", ...counts(summary) })),
        never: summaries.flatMap(({ never }, index) =>
          never.map((what) => ({ scenario: scenarios[index]?.name ?? "", what })),
        ),
      }
    },
  }
}
