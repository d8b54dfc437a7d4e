/**
 * Mutants of the state machines of a map, each with one rule that a plausible defect breaks. Interleavings of the state
 * machines find them. The simulation with complete nodes finds those of `../mutants.ts`, and a comment says why it does
 * not find others.
 */
import type { ReadingPeer } from "@coterie/core/Lane"
import type { PeerId } from "@coterie/core/Peer"
import type { Overrides } from "../../src/internal/Overrides.ts"
import { Cursors } from "../../src/internal/replication/Cursors.ts"
import {
  type Item,
  type Part,
  removeItem,
  setItem,
  type Stop,
  type Want,
} from "../../src/internal/replication/messages.ts"
import { type Gone, type MemberPeer, Mirrors } from "../../src/internal/replication/Mirrors.ts"
import { type Changes, type Outcome, OwnEntries } from "../../src/internal/replication/OwnEntries.ts"
import type { Packed } from "../../src/internal/replication/packed.ts"
import { earlierLife, overtaken, run } from "./interleavings.ts"

/** A peer that is announced as a reader before its link is in the view is not asked. */
export class EdgeMirrors<E> extends Mirrors<E> {
  override readersChanged(readers: Iterable<ReadingPeer>, now: number): void {
    const linked = Array.from(readers).filter(({ name }) => this.owner(name)?.peer.link === "up")
    super.readersChanged(linked, now)
  }
}

/** Entries of a failed owner stay. */
export class OutlivedMirrors<E> extends Mirrors<E> {
  override memberGone(name: string, why: Gone): void {
    if (why !== "failed") super.memberGone(name, why)
  }
}

/** A reader does not notice that a session has ended and another has begun. */
export class SessionlessMirrors<E> extends Mirrors<E> {
  override sessionEnded(): void {}

  override readersChanged(readers: Iterable<ReadingPeer>, now: number): void {
    super.readersChanged(
      Array.from(readers, (reader) => ({ ...reader, session: 1 })),
      now,
    )
  }
}

/** A part of any life of the owner is used. */
export class AnyLifeMirrors<E> extends Mirrors<E> {
  override received({ name, ...from }: PeerId, part: Part, now: number): void {
    super.received({ name, generation: this.owner(name)?.peer.generation ?? from.generation }, part, now)
  }
}

/** An answer to an earlier request is used. */
export class LateMirrors<E> extends Mirrors<E> {
  private readonly nonces = new Map<string, number>()

  override next(name: string): Want | Stop | undefined {
    const message = super.next(name)
    if (message?._tag === "Want") this.nonces.set(name, message.nonce)
    return message
  }

  override received(from: PeerId, part: Part, now: number): void {
    super.received(from, { ...part, nonce: this.nonces.get(from.name) ?? part.nonce }, now)
  }
}

/** An answer to an earlier request is used, and a batch of changes may follow any version. */
export class UncheckedMirrors<E> extends LateMirrors<E> {
  override received(from: PeerId, part: Part, now: number): void {
    const version = this.mirrors.get(from.name)?.version
    const follows = part.from === undefined || version === undefined ? part.from : Math.min(version, part.to)
    super.received(from, { ...part, from: follows }, now)
  }
}

/** A peer that opens the map again is not asked again. */
export class OpeningMirrors<E> extends Mirrors<E> {
  override readersChanged(readers: Iterable<ReadingPeer>, now: number): void {
    super.readersChanged(
      Array.from(readers, (reader) => ({ ...reader, opening: 0 })),
      now,
    )
  }
}

/** A new life of a name has the entries of the old one. */
export class LifelessMirrors<E> extends Mirrors<E> {
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

/** A request that failed, or that has no answer, is not repeated. */
export class ImpatientMirrors<E> extends Mirrors<E> {
  override tick(): void {}
}

/** The first request of a peer counts, and not its newest. */
export class FirstRequestCursors extends Cursors {
  private readonly known = new Map<string, number>()

  override want(peer: PeerId, want: Want, now: number): boolean {
    if (this.known.get(peer.name) === peer.generation) return false
    this.known.set(peer.name, peer.generation)
    return super.want(peer, want, now)
  }
}

/** A part that could not be sent counts as sent. */
export class NoRetryCursors extends Cursors {
  override failed(): boolean {
    return false
  }
}

/** A reader that missed a forgotten removal gets changes only. */
export class HorizonlessEntries<E> extends OwnEntries<E> {
  override change(changes: Changes<E>): Outcome<E> {
    const outcome = super.change(changes)
    this.horizon = 0
    return outcome
  }
}

/** An item with the newest value of its key. */
class LiveItem implements Item {
  readonly key: string
  private readonly newest: () => Item

  constructor(key: string, newest: () => Item) {
    this.key = key
    this.newest = newest
  }

  get value(): Packed | undefined {
    return this.newest().value
  }

  get hash(): number {
    return this.newest().hash
  }

  get bytes(): number {
    return this.newest().bytes
  }
}

/** The values of a batch are read when a part is sent, and not when the batch begins. */
export class LiveEntries<E> extends OwnEntries<E> {
  private readonly items = new Map<string, Item>()

  override change(changes: Changes<E>): Outcome<E> {
    for (const [key, setting] of changes)
      this.items.set(key, setting === undefined ? removeItem(key) : setItem(key, setting.bytes))
    return super.change(changes)
  }

  override since(version: number): ReadonlyArray<Item> {
    return super.since(version).map((item) => new LiveItem(item.key, () => this.items.get(item.key) ?? item))
  }
}

export interface PureMutant {
  readonly name: string
  readonly overrides: Partial<Overrides>
  /** Runs a seed of random interleavings, or one interleaving. Returns the problem that it finds. */
  readonly find: (overrides: Partial<Overrides>, seed: number) => string | undefined
  /** Seed that runs before the others, because it found the defect last time. */
  readonly first: number
}

const inOrder: PureMutant["find"] = (overrides, seed) => run(seed, { overrides })
const late: PureMutant["find"] = (overrides, seed) => run(seed, { overrides, late: true })
const sameEpochs: PureMutant["find"] = (overrides, seed) => run(seed, { overrides, sameEpochs: true })

const mirrors = (name: string, first: number, makeMirrors: Overrides["makeMirrors"], find = inOrder): PureMutant => ({
  name,
  first,
  find,
  overrides: { makeMirrors },
})

const cursors = (name: string, first: number, makeCursors: Overrides["makeCursors"], find = inOrder): PureMutant => ({
  name,
  first,
  find,
  overrides: { makeCursors },
})

const entries = (name: string, first: number, makeOwnEntries: Overrides["makeOwnEntries"]): PureMutant => ({
  name,
  first,
  find: inOrder,
  overrides: { makeOwnEntries },
})

const unbounded = { entries: 1_000, bytes: 1_000_000 }

export const mutants: ReadonlyArray<PureMutant> = [
  // Some of 50 seeds of the simulation find it as well, which takes a hundred times longer.
  mirrors(
    "a peer that reads the map before its link is in the view is not asked",
    419,
    (options) => new EdgeMirrors(options),
  ),
  mirrors("entries outlive their owner", 6, (options) => new OutlivedMirrors(options)),
  mirrors("a reader ignores the end of a session", 6, (options) => new SessionlessMirrors(options)),
  // Lanes deliver no part of an earlier session, so only a network that breaks this rule shows these three.
  mirrors("a late answer to an earlier request is used", 117, (options) => new LateMirrors(options), late),
  mirrors("a late batch of changes is applied to any version", 1, (options) => new UncheckedMirrors(options), late),
  mirrors("a part of an earlier life of the owner is used", 1, (options) => new AnyLifeMirrors(options), earlierLife),
  mirrors("a peer that reopens the map is not asked again", 160, (options) => new OpeningMirrors(options)),
  mirrors("a new life has the entries of the old one", 1, (options) => new LifelessMirrors(options)),
  mirrors("a request without an answer is not repeated", 1, (options) => new ImpatientMirrors(options)),
  // No node of the simulation exceeds the bounds of another one.
  mirrors("an owner beyond the bounds is not refused", 9, (options) => new Mirrors({ ...options, bounds: unbounded })),
  cursors("the first request of a peer counts", 4, (options) => new FirstRequestCursors(options)),
  // The reader repeats its request after 5 s, and the simulation waits for 10 s.
  cursors("a part that could not be sent is not sent again", 1, (options) => new NoRetryCursors(options), overtaken),
  cursors("all instances have the same epoch", 54, (options) => new Cursors(options), sameEpochs),
  entries("forgotten removals are ignored", 4, (bounds) => new HorizonlessEntries(bounds)),
  entries("values are read when a part is sent", 23, (bounds) => new LiveEntries(bounds)),
]
