/** What the network is like at present, for all ways alike. */
import * as Distribution from "../Distribution.ts"
import type { Network } from "../FaultPlan.ts"
import type { Draws } from "../kernel/Draws.ts"
import type { Counters } from "./Counters.ts"

/** The time that each segment takes from one host to another. */
export type Latency = (from: string, to: string) => Distribution.Distribution

/** The least that can come of it. */
export const minimum = (distribution: Distribution.Distribution): number => {
  if (typeof distribution === "number") return distribution
  if ("uniform" in distribution) return Math.min(...distribution.uniform)
  if ("logUniform" in distribution) return Math.min(...distribution.logUniform)
  if ("exponential" in distribution) return distribution.exponential.min
  const { is, otherwise } = distribution.tail
  return Math.min(minimum(is), minimum(otherwise))
}

/** A recorded draw may be anything. */
export const whole = (value: number): number => (value > 0 ? Math.floor(value) : 0)

export class Conditions {
  readonly draws: Draws
  readonly counters: Counters
  plan: Network = {}
  /** In place of the delay of the plan. */
  latency: Latency | undefined
  /** Another one after each change, so that each way draws anew what it draws once. */
  epoch = 0
  private readonly distances = new Map<string, number>()

  constructor(draws: Draws, counters: Counters) {
    this.draws = draws
    this.counters = counters
  }

  set(plan: Network): void {
    this.plan = plan
    this.epoch++
    this.distances.clear()
  }

  /** A draw that is made once: `unit` is what one of the distribution counts. 0 without a draw if there is nothing to draw. */
  once(name: string, distribution: Distribution.Distribution | undefined, unit = 1): number {
    if (distribution === undefined || Distribution.isZero(distribution)) return 0
    return whole(
      this.draws.stream(name).draw((random) => whole(Math.ceil(Distribution.sample(distribution, random) * unit))),
    )
  }

  /** How far two hosts are apart, the same both ways. */
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
