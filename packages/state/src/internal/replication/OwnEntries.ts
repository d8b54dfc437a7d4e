/**
 * The entries of this node, in the order of their versions. Each step of changes has one version. A reader that has the
 * entries of one version gets the changes since then, and a reader that is too far behind gets all entries.
 */
import * as Result from "effect/Result"
import { type Item, maxItemBytes, minMessageBytes, removeItem, setItem, type Sum } from "./messages.ts"
import { isSame, pack, type Packed } from "./packed.ts"

/**
 * The newest change of one key, in a list that is ordered by version. There is one for each entry, so it is one object
 * with all fields.
 */
class Cell<E> implements Item {
  readonly key: string
  readonly value: Packed | undefined
  readonly hash: number
  readonly bytes: number
  /** `undefined` if the key was removed. */
  readonly entry: E | undefined
  readonly version: number
  older: Cell<E> | undefined
  newer: Cell<E> | undefined

  constructor(key: string, { bytes, hash }: Item, setting: Setting<E> | undefined, version: number) {
    this.key = key
    this.value = setting === undefined ? undefined : pack(setting.bytes)
    this.hash = hash
    this.bytes = bytes
    this.entry = setting?.entry
    this.version = version
    this.older = undefined
    this.newer = undefined
  }
}

export interface Bounds {
  /** Maximum number of entries. */
  readonly entries: number
  /** Maximum number of bytes of all keys and values. */
  readonly bytes: number
  /** Maximum number of removals that are remembered. */
  readonly removals: number
}

/** A value of a key: its bytes for other nodes, and the entry that this node shows. */
export interface Setting<out E> {
  readonly bytes: Uint8Array
  readonly entry: E
}

/** Changes of keys: a value, or `undefined` to remove the key. */
export type Changes<E> = ReadonlyMap<string, Setting<E> | undefined>

/** A changed key: its entry before and after. */
export interface Changed<out E> {
  readonly previous: E | undefined
  readonly entry: E | undefined
}

/** The keys that a step has changed, or the exceeded bound. */
export type Outcome<E> = Result.Result<ReadonlyArray<Changed<E>>, "entries" | "bytes">

const isUnchanged = (old: Packed | undefined, next: Uint8Array | undefined): boolean =>
  old === undefined || next === undefined ? old === next : isSame(old, next)

/** Maximum number of bytes of an entry that the messages of each peer can have. */
const largeBytes = maxItemBytes(minMessageBytes)

/** `E` is the type of the entries that this node shows. */
export class OwnEntries<E> {
  /** Number of steps so far. */
  version = 0
  /** Greatest version of a removal that is forgotten. A reader with an older version needs all entries. */
  horizon = 0
  /** Number of entries. */
  count = 0
  /** Bytes of the keys and values. */
  bytes = 0
  private check = 0
  private readonly bounds: Bounds
  /** Entries and removals by key. */
  private readonly cells = new Map<string, Cell<E>>()
  /** Removals, oldest first. */
  private readonly removals = new Map<string, Cell<E>>()
  /** Entries that do not fit into the messages of each peer. */
  private readonly large = new Set<Cell<E>>()
  private newest: Cell<E> | undefined

  constructor(bounds: Bounds) {
    this.bounds = bounds
  }

  get sum(): Sum {
    return { count: this.count, check: this.check >>> 0 }
  }

  /** Returns the sum of the entries of at most this size, which is that of `minMessageBytes` or more. */
  sumWithin(maxBytes: number): Sum {
    let { check, count } = this
    for (const { bytes, hash } of this.large) {
      if (bytes <= maxBytes) continue
      check ^= hash
      count--
    }
    return { count, check: check >>> 0 }
  }

  /** Returns the entry of a key. */
  get(key: string): E | undefined {
    return this.cells.get(key)?.entry
  }

  /** Returns the keys that have an entry. */
  *keys(): Iterable<string> {
    for (const { key, value } of this.cells.values()) if (value !== undefined) yield key
  }

  /** Returns the entries that this node shows. */
  *entries(): Iterable<E> {
    for (const { entry } of this.cells.values()) if (entry !== undefined) yield entry
  }

  /**
   * Applies changes in one step, or fails with the exceeded bound and applies none. Changes that alter nothing make no
   * step. A step that frees at least as much as it uses is never refused.
   */
  change(changes: Changes<E>): Outcome<E> {
    const items: Array<Item> = []
    const changed: Array<Changed<E>> = []
    let count = 0
    let bytes = 0
    for (const [key, setting] of changes) {
      const old = this.cells.get(key)
      if (isUnchanged(old?.value, setting?.bytes)) continue
      changed.push({ previous: old?.entry, entry: setting?.entry })
      const item = setting === undefined ? removeItem(key) : setItem(key, setting.bytes)
      items.push(item)
      count += (setting === undefined ? 0 : 1) - (old?.value === undefined ? 0 : 1)
      bytes += (setting === undefined ? 0 : item.bytes) - (old?.value === undefined ? 0 : old.bytes)
    }
    if (items.length === 0) return Result.succeed(changed)
    if (count > 0 && this.count + count > this.bounds.entries) return Result.fail("entries")
    if (bytes > 0 && this.bytes + bytes > this.bounds.bytes) return Result.fail("bytes")
    this.version++
    for (const item of items) this.put(item, changes.get(item.key))
    this.forget()
    return Result.succeed(changed)
  }

  /** Returns the changes after a version, oldest first. The version is at least `horizon`. */
  since(version: number): ReadonlyArray<Item> {
    const items: Array<Item> = []
    for (let cell = this.newest; cell !== undefined && cell.version > version; cell = cell.older) items.push(cell)
    return items.reverse()
  }

  /** Returns all entries, oldest first. */
  all(): ReadonlyArray<Item> {
    return this.since(0).filter(({ value }) => value !== undefined)
  }

  private put(item: Item, setting: Setting<E> | undefined): void {
    const old = this.cells.get(item.key)
    if (old !== undefined) this.unlink(old)
    // The text that is already the key of the map, so that an equal one is not kept.
    const cell = new Cell(old?.key ?? item.key, item, setting, this.version)
    cell.older = this.newest
    if (this.newest !== undefined) this.newest.newer = cell
    this.newest = cell
    this.cells.set(cell.key, cell)
    if (setting === undefined) this.removals.set(cell.key, cell)
    else this.add(cell, 1)
  }

  /** Takes a cell out of the list. A batch may refer to it for longer, but not through it to others. */
  private unlink(cell: Cell<E>): void {
    const { newer, older } = cell
    if (older !== undefined) older.newer = newer
    if (newer === undefined) this.newest = older
    else newer.older = older
    cell.older = undefined
    cell.newer = undefined
    if (cell.value === undefined) this.removals.delete(cell.key)
    else this.add(cell, -1)
  }

  private add(cell: Cell<E>, sign: 1 | -1): void {
    this.count += sign
    this.bytes += sign * cell.bytes
    this.check ^= cell.hash
    if (cell.bytes <= largeBytes) return
    if (sign === 1) this.large.add(cell)
    else this.large.delete(cell)
  }

  /** Forgets the oldest removals beyond the bound. */
  private forget(): void {
    for (const cell of this.removals.values()) {
      if (this.removals.size <= this.bounds.removals) return
      this.unlink(cell)
      this.cells.delete(cell.key)
      this.horizon = cell.version
    }
  }
}
