/**
 * Mutants: variants of the parts of a map, each with one rule that a plausible defect breaks. The swarm must find every
 * mutant within its number of seeds. Otherwise a check is missing. `replication/mutants.ts` has more of them, which
 * interleavings of the state machines find.
 */
import type { PeerId } from "@coterie/core/Peer"
import type { Mutant } from "../../core/test/simulation/findMutants.ts"
import type { Overrides } from "../src/internal/Overrides.ts"
import { Cursors } from "../src/internal/replication/Cursors.ts"
import type { Part } from "../src/internal/replication/messages.ts"
import { Mirrors } from "../src/internal/replication/Mirrors.ts"
import { OwnEntries } from "../src/internal/replication/OwnEntries.ts"
import * as Pure from "./replication/mutants.ts"
import { scenario } from "./simulation.ts"

const mutant = (name: string, within: number, overrides: Partial<Overrides>, first = 1): Mutant => ({
  name,
  within,
  first,
  scenario: scenario(`mutant: ${name}`, overrides),
})

/** A batch of changes of one step in five is lost, as it would be by a lane that loses messages. */
class LossyCursors extends Cursors {
  override next(name: string): Part | undefined {
    const part = super.next(name)
    return part?.from !== undefined && part.to % 5 === 0 ? super.next(name) : part
  }
}

/** A batch of changes is applied to any version. */
class GapMirrors<E> extends Mirrors<E> {
  override received(from: PeerId, part: Part, now: number): void {
    const version = this.mirrors.get(from.name)?.version
    super.received(from, part.from === undefined || version === undefined ? part : { ...part, from: version }, now)
  }
}

/** The removals at the start of a part are lost. */
class BorderCursors extends Cursors {
  override next(name: string): Part | undefined {
    const part = super.next(name)
    if (part === undefined || part.index === 0) return part
    const [first, ...rest] = part.items
    return first?.value === undefined ? { ...part, items: rest } : part
  }
}

/** A batch has at most the 30 newest changes, and the older ones are lost. */
class ForgetfulEntries<E> extends OwnEntries<E> {
  override since(version: number): ReturnType<OwnEntries<E>["since"]> {
    return super.since(version).slice(-30)
  }
}

export const mutants: ReadonlyArray<Mutant> = [
  mutant("entries outlive their owner", 5, { makeMirrors: (options) => new Pure.OutlivedMirrors(options) }, 3),
  mutant("changes are applied over a gap", 10, {
    makeCursors: (options) => new LossyCursors(options),
    makeMirrors: (options) => new GapMirrors(options),
  }),

  mutant(
    "a new life has the entries of the old one",
    10,
    { makeMirrors: (options) => new Pure.LifelessMirrors(options) },
    10,
  ),
  mutant(
    "a peer that reopens the map is not asked again",
    40,
    { makeMirrors: (options) => new Pure.OpeningMirrors(options) },
    14,
  ),
  mutant("a deadline has no effect", 20, { makeMirrors: (options) => new Pure.ImpatientMirrors(options) }, 2),
  mutant("removals at the border of parts are lost", 20, { makeCursors: (options) => new BorderCursors(options) }, 6),
  mutant("a batch has the newest changes only", 20, { makeOwnEntries: (bounds) => new ForgetfulEntries(bounds) }, 2),
  mutant("forgotten removals are ignored", 20, { makeOwnEntries: (bounds) => new Pure.HorizonlessEntries(bounds) }, 14),
  mutant("a reader ignores the end of a session", 10, {
    makeMirrors: (options) => new Pure.SessionlessMirrors(options),
  }),
  mutant("the first request of a peer counts", 10, { makeCursors: (options) => new Pure.FirstRequestCursors(options) }),
  mutant("all instances have the same epoch", 10, { makeCursors: (options) => new Cursors({ ...options, epoch: 7 }) }),
  mutant("values are read when a part is sent", 10, { makeOwnEntries: (bounds) => new Pure.LiveEntries(bounds) }, 4),
]
