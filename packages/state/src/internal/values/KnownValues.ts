/**
 * Values that a node knows, and those of them that it publishes. This is a state machine without a clock and without I/O.
 *
 * Every node keeps the greatest write of each value that it has seen. The maximum of an order is commutative,
 * associative and idempotent, so all nodes that have seen the same writes agree. Some nodes publish what they keep as
 * entries of an owned map: the writer, the publishers of the value, and any node that sees no better one do it.
 */
import type { Rows } from "@coterie/core/NodeComponents"
import type { PeerId } from "@coterie/core/Peer"
import * as Result from "effect/Result"
import { rowsOf } from "../rowsOf.ts"
import * as Stamp from "./Stamp.ts"
import * as Write from "./Write.ts"

/** Number of nodes beside the writer that publish a value. With two, a value outlives the end of the writer and one more. */
export const publishers = 2

/** Time by which a stamp may be ahead of the clock of this node. Clocks with NTP differ by much less. */
export const maxAheadMillis = 60_000

export interface Options {
  /** Returns the present life of this node. */
  readonly self: () => PeerId
  /** Maximum number of values. */
  readonly limit: number
  /** Returns `true` if the first of two nodes comes before the second one in the ranking of a value. */
  readonly outranks: (name: string, a: string, b: string) => boolean
}

/** A write that was lost because its successor had not seen it. */
export interface Conflict {
  readonly name: string
  readonly won: Write.Write
  readonly lost: Write.Write
}

/** Effects of the inputs. */
export interface Outputs {
  /** Values with a newer write. */
  readonly changed: Set<string>
  readonly conflicts: Array<Conflict>
  /** Writes whose stamps are ahead of the clock of this node. */
  readonly ahead: Array<{ readonly name: string; readonly write: Write.Write; readonly millis: number }>
  /** Names of values that this node does not keep, because it keeps as many as it may. */
  readonly refused: Array<string>
}

/** A value that this node keeps. */
interface Known {
  best: Write.Write
  readonly ancestry: Write.Ancestry
}

const noOutputs = (): Outputs => ({ changed: new Set(), conflicts: [], ahead: [], refused: [] })

export class KnownValues {
  private readonly options: Options
  private readonly values = new Map<string, Known>()
  /** Writes that nodes publish, this node included, by value and node. */
  private readonly published = new Map<string, Map<string, Write.Write>>()
  /** Other nodes whose entries are current. */
  private readonly live = new Set<string>()
  /** Values for which it must be decided whether this node publishes them. */
  private readonly dirty = new Set<string>()
  private out: Outputs = noOutputs()

  constructor(options: Options) {
    this.options = options
  }

  /** Number of values that this node keeps. */
  get size(): number {
    return this.values.size
  }

  /** Returns the greatest write of a value. */
  best(name: string): Write.Write | undefined {
    return this.values.get(name)?.best
  }

  /** Describes each value that this node keeps: its last write, and the number of nodes that publish it. */
  describe(): Rows {
    return rowsOf(this.values, (name, { best }) => ({
      value: name,
      by: best.stamp.by.name,
      at: best.stamp.wall,
      bytes: best.value.length,
      publishers: this.published.get(name)?.size ?? 0,
    }))
  }

  /** Returns the effects since the last call. */
  take(): Outputs {
    const { out } = this
    this.out = noOutputs()
    return out
  }

  // ---- inputs ----

  /** Writes a value at this node. `clock` is the wall clock in milliseconds. */
  write(name: string, value: Uint8Array, clock: number): Result.Result<Write.Write, "full" | "exhausted"> {
    const known = this.values.get(name)
    if (known === undefined && this.values.size >= this.options.limit) return Result.fail("full")
    const last = known?.best
    const stamp = this.nextStamp(last, clock)
    if (stamp === undefined) return Result.fail("exhausted")
    const isOwn = last !== undefined && Stamp.isSameLife(last.stamp, stamp)
    const write: Write.Write = { stamp, after: isOwn ? last.after : last?.stamp, value }
    this.merge(name, write)
    return Result.succeed(write)
  }

  /** Returns the stamp of the next write of this node. */
  protected nextStamp(last: Write.Write | undefined, clock: number): Stamp.Stamp | undefined {
    return Stamp.next(last?.stamp, clock, this.options.self())
  }

  /** A node, maybe this one, publishes a write. */
  received(owner: string, name: string, write: Write.Write, clock: number): void {
    const known = this.values.get(name)
    if (known === undefined && this.values.size >= this.options.limit) {
      this.out.refused.push(name)
      return
    }
    const copies = this.published.get(name) ?? new Map<string, Write.Write>()
    this.published.set(name, copies.set(owner, write))
    this.dirty.add(name)
    const millis = write.stamp.wall - clock
    if (this.merge(name, write) && millis > maxAheadMillis) this.out.ahead.push({ name, write, millis })
  }

  /** A node, maybe this one, no longer publishes a value. */
  removed(owner: string, name: string): void {
    const copies = this.published.get(name)
    if (copies === undefined) return
    copies.delete(owner)
    if (copies.size === 0) this.published.delete(name)
    this.dirty.add(name)
  }

  /** Sets whether the entries of another node are current. */
  ownerChanged(owner: string, isLive: boolean): void {
    if (this.live.has(owner) === isLive) return
    if (isLive) this.live.add(owner)
    else this.live.delete(owner)
    for (const name of this.values.keys()) this.dirty.add(name)
  }

  /** Forgets what nodes publish. The values stay. */
  reset(): void {
    this.published.clear()
    this.live.clear()
    for (const name of this.values.keys()) this.dirty.add(name)
  }

  // ---- what to publish ----

  /** `true` if another node publishes each write of this node, or if no other node could. */
  get isHandedOver(): boolean {
    if (this.live.size === 0) return true
    const { name: self } = this.options.self()
    for (const [name, { best }] of this.values)
      if (best.stamp.by.name === self && this.holders(name, best).length === 0) return false
    return true
  }

  /** Takes up to `limit` values for which it must be decided whether this node publishes them. */
  takeDirty(limit: number): ReadonlyArray<string> {
    const names: Array<string> = []
    for (const name of this.dirty) {
      if (names.length === limit) break
      names.push(name)
      this.dirty.delete(name)
    }
    return names
  }

  /** Returns the change of the own entry of a value: a write, `remove`, or `undefined` for none. */
  change(name: string): Write.Write | "remove" | undefined {
    const best = this.values.get(name)?.best
    const own = this.published.get(name)?.get(this.options.self().name)
    if (best !== undefined && this.publishes(name, best))
      return own !== undefined && Write.compare(own, best) === 0 ? undefined : best
    return own === undefined ? undefined : "remove"
  }

  /**
   * Returns `true` if this node publishes a write. A node that is neither the writer nor a publisher leaves it to a node
   * that it sees publish the write, and that comes before it in the ranking. Two nodes never leave it to each other.
   */
  protected publishes(name: string, best: Write.Write): boolean {
    if (best.stamp.by.name === this.options.self().name) return true
    if (this.rank(name) < publishers) return true
    const { name: self } = this.options.self()
    const writer = best.stamp.by.name
    return !this.holders(name, best).some((owner) => owner === writer || this.options.outranks(name, owner, self))
  }

  /** Returns the other nodes that publish a write and whose entries are current. */
  private holders(name: string, best: Write.Write): ReadonlyArray<string> {
    const holders: Array<string> = []
    for (const [owner, write] of this.published.get(name) ?? [])
      if (this.live.has(owner) && Write.compare(write, best) === 0) holders.push(owner)
    return holders
  }

  /** Returns the position of this node in the ranking of a value, at most `publishers`. */
  protected rank(name: string): number {
    let rank = 0
    for (const other of this.live) {
      if (this.options.outranks(name, other, this.options.self().name) && ++rank === publishers) break
    }
    return rank
  }

  // ---- rules ----

  /** Keeps the greater one of a write and the best write. Returns `true` if the write is new and the greater one. */
  private merge(name: string, write: Write.Write): boolean {
    const known = this.values.get(name)
    if (known === undefined) {
      const fresh: Known = { best: write, ancestry: new Write.Ancestry() }
      fresh.ancestry.add(write)
      this.values.set(name, fresh)
      this.changed(name)
      return true
    }
    const { ancestry, best } = known
    ancestry.add(write)
    if (!this.wins(write, best)) return false
    known.best = write
    this.changed(name)
    if (!Write.isSameValue(write, best) && ancestry.hasSeen(write, best) === "unseen")
      this.out.conflicts.push({ name, won: write, lost: best })
    return true
  }

  /** Returns `true` if a write replaces the best one so far. */
  protected wins(write: Write.Write, best: Write.Write): boolean {
    return Write.compare(write, best) > 0
  }

  private changed(name: string): void {
    this.dirty.add(name)
    this.out.changed.add(name)
  }
}
