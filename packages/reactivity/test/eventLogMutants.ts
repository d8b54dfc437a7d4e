/**
 * Mutants: variants of the parts of a feed, each with one rule that a plausible defect breaks. The swarm must find every
 * mutant within its number of seeds. Otherwise a check is missing.
 */
import type { Mutant } from "../../core/test/simulation/findMutants.ts"
import { defaults, type FeedParts } from "../src/internal/feedParts.ts"
import { FeedPosition, ReaderPosition, type Run } from "../src/internal/FeedPosition.ts"
import { scenario } from "./eventLogSimulation.ts"

const mutant = (name: string, within: number, parts: Partial<FeedParts>): Mutant => ({
  name,
  within,
  scenario: scenario(`mutant: ${name}`, parts),
})

/** A reader gets all items of a run that reaches beyond its position. */
class RepeatingReader<A> extends ReaderPosition<A> {
  override take(run: Run<A>): ReadonlyArray<A> | "missing" {
    const taken = super.take(run)
    return taken === "missing" || taken.length === 0 ? taken : run.items
  }
}

/** A reader does not notice that it has lost a run. */
class CarelessReader<A> extends ReaderPosition<A> {
  override take(run: Run<A>): ReadonlyArray<A> | "missing" {
    return super.take({ ...run, after: Math.min(run.after, this.last) })
  }
}

/** Live items are taken although items of other instances are missing before them. */
class HastyFeed<A> extends FeedPosition<A> {
  override take(items: Parameters<FeedPosition<A>["take"]>[0]): ReturnType<FeedPosition<A>["take"]> {
    this.hasBacklog = true
    this.isReading = true
    return super.take(items)
  }
}

export const mutants: ReadonlyArray<Mutant> = [
  mutant("nothing is read again where messages of a peer may be lost", 8, {
    refresh: (feeds, stale) => {
      if (stale._tag === "Keys") defaults.refresh(feeds, stale)
    },
  }),
  mutant("a reader gets what is below its position", 8, {
    makeReaderPosition: (options) => new RepeatingReader(options),
  }),
  mutant("a reader does not notice what it has lost", 8, {
    makeReaderPosition: (options) => new CarelessReader(options),
  }),
  mutant("a live item is taken before those that are missing", 8, {
    makeFeedPosition: (options) => new HastyFeed(options),
  }),
]
