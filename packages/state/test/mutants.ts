/**
 * Mutants: variants of the parts of a map, each with one rule that a plausible defect breaks. The swarm must find every
 * mutant within its number of seeds. Otherwise a check is missing.
 */
import type { ReadingPeer } from "@coterie/core/Lane"
import type { PeerId } from "@coterie/core/Peer"
import type { Mutant } from "../../core/test/simulation/findMutants.ts"
import type { Overrides } from "../src/internal/Overrides.ts"
import { Cursors } from "../src/internal/replication/Cursors.ts"
import type { Part } from "../src/internal/replication/messages.ts"
import { type Gone, type MemberPeer, Mirrors } from "../src/internal/replication/Mirrors.ts"
import { type Changes, type Outcome, OwnEntries } from "../src/internal/replication/OwnEntries.ts"
import { scenario } from "./simulation.ts"

const mutant = (name: string, within: number, overrides: Partial<Overrides>, first = 1): Mutant => ({
  name,
  within,
  first,
  scenario: scenario(`mutant: ${name}`, overrides),
})

/** Entries of a failed owner stay. */
class OutlivedMirrors<E> extends Mirrors<E> {
  override memberGone(name: string, why: Gone): void {
    if (why !== "failed") super.memberGone(name, why)
  }
}

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

/** A new life of a name has the entries of the old one. */
class LifelessMirrors<E> extends Mirrors<E> {
  private readonly generations = new Map<string, number>()

  override memberChanged(peer: MemberPeer, now: number): void {
    const generation = this.generations.get(peer.name) ?? peer.generation
    this.generations.set(peer.name, generation)
    super.memberChanged({ ...peer, generation }, now)
  }

  override memberGone(name: string, why: Gone): void {
    this.generations.delete(name)
    super.memberGone(name, why)
  }
}

/** A peer that opens the map again is not asked again. */
class OpeningMirrors<E> extends Mirrors<E> {
  override readersChanged(readers: Iterable<ReadingPeer>, now: number): void {
    super.readersChanged(
      Array.from(readers, (reader) => ({ ...reader, opening: 0 })),
      now,
    )
  }
}

/** A request that failed is not repeated. */
class ImpatientMirrors<E> extends Mirrors<E> {
  override tick(): void {}
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

/** The values of a batch are read when a part is sent, although later changes follow with the next batch. */
class ForgetfulEntries<E> extends OwnEntries<E> {
  override since(version: number): ReturnType<OwnEntries<E>["since"]> {
    return super.since(version).slice(-30)
  }
}

/** A reader that missed a forgotten removal gets changes only. */
class HorizonlessEntries<E> extends OwnEntries<E> {
  override change(changes: Changes<E>): Outcome<E> {
    const outcome = super.change(changes)
    this.horizon = 0
    return outcome
  }
}

export const mutants: ReadonlyArray<Mutant> = [
  mutant("entries outlive their owner", 5, { makeMirrors: (options) => new OutlivedMirrors(options) }, 3),
  mutant("changes are applied over a gap", 10, {
    makeCursors: (options) => new LossyCursors(options),
    makeMirrors: (options) => new GapMirrors(options),
  }),

  mutant(
    "a new life has the entries of the old one",
    10,
    { makeMirrors: (options) => new LifelessMirrors(options) },
    10,
  ),
  mutant(
    "a peer that reopens the map is not asked again",
    40,
    { makeMirrors: (options) => new OpeningMirrors(options) },
    14,
  ),
  mutant("a deadline has no effect", 20, { makeMirrors: (options) => new ImpatientMirrors(options) }, 2),
  mutant("removals at the border of parts are lost", 20, { makeCursors: (options) => new BorderCursors(options) }, 6),
  mutant("a batch has the newest changes only", 20, { makeOwnEntries: (bounds) => new ForgetfulEntries(bounds) }, 2),
  mutant("forgotten removals are ignored", 20, { makeOwnEntries: (bounds) => new HorizonlessEntries(bounds) }, 14),
]
