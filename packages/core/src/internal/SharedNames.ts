/**
 * Set of names in which each name has a position, so that a name can be drawn at random without visiting the others.
 * Like {@link SharedMap}, it shares unchanged names with the set from which it was forked.
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import { SharedMap } from "./SharedMap.ts"

/** Number of names that a change of one name copies. */
const chunkSize = 64

export class SharedNames implements Iterable<string>, Equal.Equal {
  /** Chunks of `chunkSize` names. The last one may have fewer. */
  private readonly chunks: Array<Array<string>>
  /** Chunks that this set made and may write to. */
  private readonly owned = new Set<Array<string>>()
  private readonly positions: SharedMap<number>

  private constructor(chunks: Array<Array<string>>, positions: SharedMap<number>) {
    this.chunks = chunks
    this.positions = positions
  }

  /** Returns a set of these names. */
  static of(...names: ReadonlyArray<string>): SharedNames {
    const set = new SharedNames([], SharedMap.from(new Map()))
    for (const name of names) set.add(name)
    return set
  }

  /** Returns a changeable copy of the set. Changes of the copy do not affect this set. */
  fork(): SharedNames {
    return new SharedNames([...this.chunks], SharedMap.from(this.positions))
  }

  get size(): number {
    return this.positions.size
  }

  has(name: string): boolean {
    return this.positions.has(name)
  }

  /** Returns the name at a position from 0 to `size - 1`, and `undefined` for any other position. */
  at(position: number): string | undefined {
    return this.chunks[Math.floor(position / chunkSize)]?.[position % chunkSize]
  }

  /** Adds a name at the end. Must not be called after another set was forked from this one. */
  add(name: string): void {
    if (!this.has(name)) this.put(name, this.size)
  }

  /**
   * Removes a name. The last name takes its position. Must not be called after another set was forked from this one.
   */
  delete(name: string): void {
    const position = this.positions.get(name)
    if (position === undefined) return
    const last = this.size - 1
    const index = Math.floor(last / chunkSize)
    const moved = this.ownChunk(index).pop()
    if (last % chunkSize === 0) this.chunks.pop()
    this.positions.delete(name)
    if (moved !== undefined && moved !== name) this.put(moved, position)
  }

  /** Returns the names in the order of their positions. */
  *[Symbol.iterator](): Generator<string, undefined> {
    for (const chunk of this.chunks) yield* chunk
    return undefined
  }

  /** Compares the names regardless of their positions. */
  [Equal.symbol](that: Equal.Equal): boolean {
    if (!(that instanceof SharedNames) || that.size !== this.size) return false
    for (const name of this) if (!that.has(name)) return false
    return true
  }

  [Hash.symbol](): number {
    let hash = this.size
    for (const name of this) hash ^= Hash.string(name)
    return Hash.optimize(hash)
  }

  private put(name: string, position: number): void {
    this.ownChunk(Math.floor(position / chunkSize))[position % chunkSize] = name
    this.positions.set(name, position)
  }

  /** Returns a chunk. Copies it before the first write. */
  private ownChunk(index: number): Array<string> {
    const chunk = this.chunks[index]
    if (chunk !== undefined && this.owned.has(chunk)) return chunk
    const copy = chunk === undefined ? [] : [...chunk]
    this.chunks[index] = copy
    this.owned.add(copy)
    return copy
  }
}
