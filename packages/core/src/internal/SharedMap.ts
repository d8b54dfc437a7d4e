/**
 * Map by name that shares unchanged entries with the map from which it was forked. A change of one of thousands of
 * entries copies a few dozen of them, so that states that differ in one entry are cheap.
 */

import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"

/** Number of entries up to which a map is one part, which keeps the insertion order. */
const partLimit = 128

/** Number of parts of a larger map: about 64 entries each at the default bound of 4,096 members. */
const partCount = 64

export class SharedMap<V> implements ReadonlyMap<string, V>, Equal.Equal {
  private parts: Array<Map<string, V>>
  /** Parts that this map made and may write to. The others belong to maps from which it was forked. */
  private readonly owned = new Set<Map<string, V>>()
  private count: number

  private constructor(parts: Array<Map<string, V>>, count: number) {
    this.parts = parts
    this.count = count
  }

  /** Returns a map of these entries. A map made from another shared map shares all parts with it. */
  static from<V>(entries: ReadonlyMap<string, V>): SharedMap<V> {
    if (entries instanceof SharedMap) return new SharedMap<V>([...entries.parts], entries.count)
    const map = new SharedMap<V>([new Map()], 0)
    for (const [key, value] of entries) map.set(key, value)
    return map
  }

  get size(): number {
    return this.count
  }

  get(key: string): V | undefined {
    return this.partOf(key)?.get(key)
  }

  has(key: string): boolean {
    return this.partOf(key)?.has(key) === true
  }

  /** Stores an entry. Must not be called after another map was made from this one. */
  set(key: string, value: V): this {
    const part = this.ownPart(key)
    const before = part.size
    part.set(key, value)
    this.count += part.size - before
    if (this.parts.length === 1 && this.count > partLimit) this.split()
    return this
  }

  /** Removes an entry. Must not be called after another map was made from this one. */
  delete(key: string): boolean {
    if (!this.has(key)) return false
    this.count--
    return this.ownPart(key).delete(key)
  }

  forEach(callback: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this)
  }

  entries(): MapIterator<[string, V]> {
    const [only] = this.parts
    return this.parts.length === 1 && only !== undefined ? only.entries() : this.all((part) => part.entries())
  }

  keys(): MapIterator<string> {
    const [only] = this.parts
    return this.parts.length === 1 && only !== undefined ? only.keys() : this.all((part) => part.keys())
  }

  values(): MapIterator<V> {
    const [only] = this.parts
    return this.parts.length === 1 && only !== undefined ? only.values() : this.all((part) => part.values())
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries()
  }

  /** Compares the entries regardless of their order. */
  [Equal.symbol](that: Equal.Equal): boolean {
    if (!(that instanceof SharedMap) || that.size !== this.size) return false
    for (const [key, value] of this) if (!that.has(key) || !Equal.equals(value, that.get(key))) return false
    return true
  }

  [Hash.symbol](): number {
    let hash = this.count
    for (const [key, value] of this) hash ^= Hash.combine(Hash.hash(key), Hash.hash(value))
    return Hash.optimize(hash)
  }

  private *all<A>(of: (part: Map<string, V>) => Iterable<A>): Generator<A, undefined> {
    for (const part of this.parts) for (const each of of(part)) yield each
    return undefined
  }

  private indexOf(key: string): number {
    if (this.parts.length === 1) return 0
    let hash = 0
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x0100_0193)
    return ((hash >>> 16) ^ hash) & (partCount - 1)
  }

  private partOf(key: string): ReadonlyMap<string, V> | undefined {
    return this.parts[this.indexOf(key)]
  }

  /** Returns the part of the key. Copies it before the first write. */
  private ownPart(key: string): Map<string, V> {
    const index = this.indexOf(key)
    const part = this.parts[index]
    if (part !== undefined && this.owned.has(part)) return part
    const copy = new Map(part)
    this.parts[index] = copy
    this.owned.add(copy)
    return copy
  }

  private split(): void {
    const entries = [...this.entries()]
    this.parts = Array.from({ length: partCount }, () => new Map())
    this.owned.clear()
    for (const part of this.parts) this.owned.add(part)
    for (const [key, value] of entries) this.ownPart(key).set(key, value)
  }
}
