/** Mutation tests of placements: the swarm must find the defect of each mutant. Otherwise a check is missing. */
import { findMutants } from "../../../core/test/simulation/findMutants.ts"
import { type Input, type Options, OwnedKeys, type Ownership } from "../../src/internal/placement/OwnedKeys.ts"
import { scenario } from "./simulation.ts"

/** A key that this node once owned stays with it while the group exists. Two nodes own it after convergence. */
class StubbornKeys extends OwnedKeys {
  private readonly mine = new Set<string>()

  override ownership(name: string): Ownership {
    const ownership = super.ownership(name)
    if (ownership === "mine") this.mine.add(name)
    return this.mine.has(name) ? "mine" : ownership
  }
}

/** A node gives a key up twice the time to settle after it has lost it. */
class LateKeys extends OwnedKeys {
  private readonly delay: number
  private now = 0
  /** Times until which keys stay. `Infinity` for the keys that this node owns. */
  private readonly until = new Map<string, number>()

  constructor(options: Options) {
    super(options)
    this.delay = 2 * options.settle
  }

  override update(input: Input, now: number): void {
    this.now = now
    super.update(input, now)
  }

  override dueAt(): number {
    const ends = [...this.until.values()].filter((end) => end > this.now)
    return Math.min(super.dueAt(), ...ends)
  }

  override ownership(name: string): Ownership {
    const ownership = super.ownership(name)
    if (ownership === "mine") this.until.set(name, Infinity)
    else if (this.until.get(name) === Infinity) this.until.set(name, this.now + this.delay)
    return this.now < (this.until.get(name) ?? 0) ? "mine" : ownership
  }
}

/** A key whose owner has gone is given to nobody. */
class OrphanedKeys extends OwnedKeys {
  private hasTaken = false

  override update(input: Input, now: number): void {
    super.update({ ...input, isCalm: input.isCalm && !this.hasTaken }, now)
  }

  override ownership(name: string): Ownership {
    const ownership = super.ownership(name)
    this.hasTaken ||= ownership === "mine"
    return ownership
  }
}

const mutants = (
  [
    ["two owners after convergence", 5, 1, (options: Options) => new StubbornKeys(options)],
    ["keys are given up late", 10, 1, (options: Options) => new LateKeys(options)],
    ["keys are taken at once", 10, 1, (options: Options) => new OwnedKeys({ ...options, settle: 0 })],
    ["keys of a lost owner are not taken", 10, 1, (options: Options) => new OrphanedKeys(options)],
  ] as const
).map(([name, within, first, makeOwnedKeys]) => ({
  name,
  within,
  first,
  scenario: scenario(`mutant: ${name}`, { makeOwnedKeys }),
}))

findMutants("a mutant of placements is found", mutants)
