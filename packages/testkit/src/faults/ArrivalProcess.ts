/** Arrival times of the faults of one kind in one seed: a Poisson process. */
import * as Distribution from "../Distribution.ts"
import * as Prng from "../kernel/Prng.ts"
import type { Kind } from "./drawFaults.ts"

const microsPerMinute = 60_000_000

export class ArrivalProcess {
  readonly kind: Kind
  private readonly seed: number
  private readonly random: Prng.Prng
  private readonly perMinute: number
  private nextAt = 0
  private count = 0

  private constructor(kind: Kind, seed: number, random: Prng.Prng, perMinute: number) {
    this.kind = kind
    this.seed = seed
    this.random = random
    this.perMinute = perMinute
    this.nextAt = this.gap()
  }

  /** Makes the process of a kind in one seed. Returns `undefined` if the seed has no faults of the kind. */
  static make(kind: Kind, seed: number, off: number): ArrivalProcess | undefined {
    const random = Prng.make(seed, `fault ${kind.kind}`)
    if (random.next() < off) return undefined
    const perMinute = Distribution.sample(kind.perMinute, random)
    return perMinute === 0 ? undefined : new ArrivalProcess(kind, seed, random, perMinute)
  }

  private gap(): number {
    return Math.max(1, Math.round((-Math.log(1 - this.random.next()) * microsPerMinute) / this.perMinute))
  }

  /** Time of the next fault. */
  get at(): number {
    return this.nextAt
  }

  /** Moves past the next fault. Returns a generator for that fault alone. */
  pass(): Prng.Prng {
    this.nextAt += this.gap()
    return Prng.make(this.seed, `fault ${this.kind.kind} ${this.count++}`)
  }
}
