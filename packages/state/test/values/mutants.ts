/** Mutants of shared values: variants of `KnownValues`, each with one rule that a plausible defect breaks. */
import { KnownValues, maxAheadMillis, type Options, publishers } from "../../src/internal/values/KnownValues.ts"
import type * as Stamp from "../../src/internal/values/Stamp.ts"
import type * as Write from "../../src/internal/values/Write.ts"
import type { Mutant } from "../../../core/test/simulation/findMutants.ts"
import { scenario } from "./simulation.ts"

const mutant = (
  name: string,
  within: number,
  makeKnownValues: (options: Options) => KnownValues,
  first = 1,
): Mutant => ({
  name,
  first,
  within,
  scenario: scenario(`mutant: ${name}`, { makeKnownValues }),
})

/** The clock alone orders writes. */
class WallClockValues extends KnownValues {
  protected override nextStamp(_: Write.Write | undefined, clock: number): Stamp.Stamp | undefined {
    return super.nextStamp(undefined, clock)
  }
}

/** The write that arrives last wins. */
class LastArrivalValues extends KnownValues {
  protected override wins(): boolean {
    return true
  }
}

/** Only the writer publishes a value. */
class WriterOnlyValues extends KnownValues {
  private readonly self: string

  constructor(options: Options) {
    super(options)
    this.self = options.self().name
  }

  protected override publishes(_: string, best: Write.Write): boolean {
    return best.stamp.by.name === this.self
  }
}

/** A node that keeps a write which no publisher has leaves it to the publishers. */
class DutifulValues extends KnownValues {
  private readonly self: string

  constructor(options: Options) {
    super(options)
    this.self = options.self().name
  }

  protected override publishes(name: string, best: Write.Write): boolean {
    return best.stamp.by.name === this.self || this.rank(name) < publishers
  }
}

/** A node whose clock is behind refuses a write. */
class RefusingValues extends KnownValues {
  override received(owner: string, name: string, write: Write.Write, clock: number): void {
    if (write.stamp.wall - clock < maxAheadMillis) super.received(owner, name, write, clock)
  }
}

export const mutants: ReadonlyArray<Mutant> = [
  mutant("the clock alone orders writes", 5, (options) => new WallClockValues(options)),
  mutant("the write that arrives last wins", 10, (options) => new LastArrivalValues(options)),
  mutant("only the writer publishes a value", 10, (options) => new WriterOnlyValues(options)),
  mutant("only the writer and the publishers publish a value", 200, (options) => new DutifulValues(options), 267),
  mutant("a write ahead of the clock is refused", 10, (options) => new RefusingValues(options)),
]
