/**
 * A set of stale keys with a bound. A set that would exceed the bound becomes "all keys", which costs nothing to hold and
 * to send. So a peer that takes no messages, and a program that invalidates keys in a loop, cost bounded memory.
 */

/** Stale keys, or `all` for every key. */
export type Keys = ReadonlySet<string> | "all"

export interface Bounds {
  /** Maximum number of keys. */
  readonly maxKeys: number
  /** Maximum number of characters (UTF-16 code units) of all keys together. */
  readonly maxCharacters: number
}

export class StaleKeys {
  private readonly bounds: Bounds
  private keys: Keys | undefined
  private characters = 0
  /** `true` if {@link keys} belongs to somebody else, and must be copied before it is changed. */
  private isShared = false

  constructor(bounds: Bounds) {
    this.bounds = bounds
  }

  get isEmpty(): boolean {
    return this.keys === undefined
  }

  /** Adds keys that this object may keep, but must not change. */
  merge(keys: Keys): void {
    if (this.keys === "all") return
    if (keys === "all") this.becomeAll()
    else if (this.keys === undefined) this.share(keys)
    else for (const key of keys) this.add(key)
  }

  /** Adds a key. */
  add(key: string): void {
    if (this.keys === "all" || this.keys?.has(key) === true) return
    const { maxCharacters, maxKeys } = this.bounds
    if ((this.keys?.size ?? 0) >= maxKeys || this.characters + key.length > maxCharacters) return this.becomeAll()
    this.characters += key.length
    this.own().add(key)
  }

  /** Returns the keys and forgets them. `undefined` if there are none. */
  take(): Keys | undefined {
    const { keys } = this
    this.keys = undefined
    this.characters = 0
    this.isShared = false
    return keys
  }

  private becomeAll(): void {
    this.keys = "all"
    this.characters = 0
  }

  private share(keys: ReadonlySet<string>): void {
    let characters = 0
    for (const key of keys) characters += key.length
    if (keys.size > this.bounds.maxKeys || characters > this.bounds.maxCharacters) return this.becomeAll()
    if (keys.size === 0) return
    this.keys = keys
    this.characters = characters
    this.isShared = true
  }

  /** Returns a set of this object alone. Call it only while {@link keys} is not `all`. */
  private own(): Set<string> {
    const { keys } = this
    if (keys instanceof Set && !this.isShared) return keys
    const own = new Set(keys === "all" ? [] : keys)
    this.keys = own
    this.isShared = false
    return own
  }
}
