/**
 * The entries of this node, in the order of their versions. Each step of changes has one version. A reader that has the
 * entries of one version gets the changes since then, and a reader that is too far behind gets all entries.
 */
import { type Item, removeItem, setItem, type Sum } from "./messages.ts"

/** The newest change of one key, in a list that is ordered by version. */
interface Cell {
  readonly item: Item
  readonly version: number
  older: Cell | undefined
  newer: Cell | undefined
}

export interface Bounds {
  /** Maximum number of entries. */
  readonly entries: number
  /** Maximum number of bytes of all keys and values. */
  readonly bytes: number
  /** Maximum number of removals that are remembered. */
  readonly removals: number
}

/** Changes of keys: a value, or `undefined` to remove the key. */
export type Changes = ReadonlyMap<string, Uint8Array | undefined>

const isSameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (const [i, byte] of a.entries()) if (byte !== b[i]) return false
  return true
}

export type Outcome = "changed" | "unchanged" | "fullEntries" | "fullBytes"

export class OwnEntries {
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
  private readonly cells = new Map<string, Cell>()
  /** Removals, oldest first. */
  private readonly removals = new Map<string, Cell>()
  private newest: Cell | undefined

  constructor(bounds: Bounds) {
    this.bounds = bounds
  }

  get sum(): Sum {
    return { count: this.count, check: this.check >>> 0 }
  }

  /** Returns the encoded value of a key. */
  value(key: string): Uint8Array | undefined {
    return this.cells.get(key)?.item.value
  }

  /** Returns the keys whose entry a change would alter. */
  effective(changes: Changes): ReadonlyArray<string> {
    const keys: Array<string> = []
    for (const [key, value] of changes) {
      const old = this.value(key)
      const isSame = old === undefined || value === undefined ? old === value : isSameBytes(old, value)
      if (!isSame) keys.push(key)
    }
    return keys
  }

  /**
   * Applies changes in one step, or returns the exceeded bound and applies none. Changes that alter nothing make no
   * step. A step that frees at least as much as it uses is never refused.
   */
  change(changes: Changes): Outcome {
    const items: Array<Item> = []
    let count = 0
    let bytes = 0
    for (const key of this.effective(changes)) {
      const value = changes.get(key)
      const old = this.cells.get(key)?.item
      const item = value === undefined ? removeItem(key) : setItem(key, value)
      items.push(item)
      count += (value === undefined ? 0 : 1) - (old?.value === undefined ? 0 : 1)
      bytes += (value === undefined ? 0 : item.bytes) - (old?.value === undefined ? 0 : old.bytes)
    }
    if (items.length === 0) return "unchanged"
    if (count > 0 && this.count + count > this.bounds.entries) return "fullEntries"
    if (bytes > 0 && this.bytes + bytes > this.bounds.bytes) return "fullBytes"
    this.version++
    for (const item of items) this.put(item)
    this.forget()
    return "changed"
  }

  /** Returns the changes after a version, oldest first. The version is at least `horizon`. */
  since(version: number): ReadonlyArray<Item> {
    const items: Array<Item> = []
    for (let cell = this.newest; cell !== undefined && cell.version > version; cell = cell.older) items.push(cell.item)
    return items.reverse()
  }

  /** Returns all entries, oldest first. */
  all(): ReadonlyArray<Item> {
    return this.since(0).filter(({ value }) => value !== undefined)
  }

  private put(item: Item): void {
    const { key } = item
    const old = this.cells.get(key)
    if (old !== undefined) this.unlink(old)
    const cell: Cell = { item, version: this.version, older: this.newest, newer: undefined }
    if (this.newest !== undefined) this.newest.newer = cell
    this.newest = cell
    this.cells.set(key, cell)
    if (item.value === undefined) this.removals.set(key, cell)
    else this.add(item, 1)
  }

  private unlink(cell: Cell): void {
    if (cell.older !== undefined) cell.older.newer = cell.newer
    if (cell.newer === undefined) this.newest = cell.older
    else cell.newer.older = cell.older
    this.cells.delete(cell.item.key)
    if (cell.item.value === undefined) this.removals.delete(cell.item.key)
    else this.add(cell.item, -1)
  }

  private add({ bytes, hash }: Item, sign: 1 | -1): void {
    this.count += sign
    this.bytes += sign * bytes
    this.check ^= hash
  }

  /** Forgets the oldest removals beyond the bound. */
  private forget(): void {
    for (const cell of this.removals.values()) {
      if (this.removals.size <= this.bounds.removals) return
      this.unlink(cell)
      this.horizon = cell.version
    }
  }
}
