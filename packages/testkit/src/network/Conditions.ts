/** Present conditions of the network, shared by all directions. */
import * as Distribution from "../Distribution.ts"
import type { Network } from "../FaultPlan.ts"
import type { Draws } from "../kernel/Draws.ts"
import type { ConditionCounters } from "./ConditionCounters.ts"

/** Time that each segment takes from one host to another. */
export type Latency = (from: string, to: string) => Distribution.Distribution

/** Returns the smallest possible sample. */
export const minimum = (distribution: Distribution.Distribution): number => {
  if (typeof distribution === "number") return distribution
  if ("uniform" in distribution) return Math.min(...distribution.uniform)
  if ("logUniform" in distribution) return Math.min(...distribution.logUniform)
  if ("exponential" in distribution) return distribution.exponential.min
  const { is, otherwise } = distribution.tail
  return Math.min(minimum(is), minimum(otherwise))
}

/** Rounds down to a whole number that is not negative. A recorded draw may be any number. */
export const toWhole = (value: number): number => (value > 0 ? Math.floor(value) : 0)

export class Conditions {
  readonly draws: Draws
  readonly counters: ConditionCounters
  plan: Network = {}
  /** Replaces the delay of the plan. */
  latency: Latency | undefined
  /** Number of changes. After each change a direction draws its constants again. */
  epoch = 0
  private readonly distances = new Map<string, number>()

  constructor(draws: Draws, counters: ConditionCounters) {
    this.draws = draws
    this.counters = counters
  }

  set(plan: Network): void {
    this.plan = plan
    this.epoch++
    this.distances.clear()
  }

  /** Draws a constant in parts of `unit`. Returns 0 without a draw where the distribution is always 0. */
  once(name: string, distribution: Distribution.Distribution | undefined, unit = 1): number {
    if (distribution === undefined || Distribution.isZero(distribution)) return 0
    return toWhole(
      this.draws.stream(name).draw((random) => toWhole(Math.ceil(Distribution.sample(distribution, random) * unit))),
    )
  }

  /** Returns the distance of two hosts, which is the same in both directions. */
  distance(from: string, to: string): number {
    const { distance } = this.plan
    if (Distribution.isZero(distance)) return 0
    const pair = from < to ? `${from}-${to}` : `${to}-${from}`
    const known = this.distances.get(pair)
    if (known !== undefined) return known
    const drawn = this.once(`distance ${pair}`, distance)
    if (drawn > 0) this.counters.distance++
    this.distances.set(pair, drawn)
    return drawn
  }
}
