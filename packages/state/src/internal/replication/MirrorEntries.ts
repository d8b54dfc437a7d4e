/** An entry of a mirror. */
export interface MirrorEntry<out E> {
  /** Hash and bytes of the encoded entry. */
  readonly hash: number
  readonly bytes: number
  /** Another hash of the encoded value (`markOf`). */
  readonly mark: number
  readonly value: E
}

/** Numbers of a slot. */
const width = 3

/** Number of slots with which a copy begins. */
const firstSlots = 16

/**
 * The entries of a mirror. A node has a copy of each entry of all others, so the hashes and the bytes are in an array of
 * numbers. An object with them for each entry would take 52 bytes, and here they take 12 to 24.
 */
export class MirrorEntries<E> {
  /** Bytes of the encoded entries. */
  bytes = 0
  private hashes = 0
  private readonly slots = new Map<string, number>()
  /** Values by slot. */
  private values: Array<E | undefined> = []
  /** Hash, bytes and mark by slot. */
  private numbers = new Int32Array(width * firstSlots)
  /** Slots below the number of values that have none. */
  private free: Array<number> = []

  /** Number of entries. */
  get size(): number {
    return this.slots.size
  }

  /** XOR of the hashes, as an unsigned integer. */
  get check(): number {
    return this.hashes >>> 0
  }

  has(key: string): boolean {
    return this.slots.has(key)
  }

  /** Returns the value of a key. */
  get(key: string): E | undefined {
    const slot = this.slots.get(key)
    return slot === undefined ? undefined : this.values[slot]
  }

  /** Returns the entry of a key. */
  find(key: string): MirrorEntry<E> | undefined {
    const slot = this.slots.get(key)
    const value = slot === undefined ? undefined : this.values[slot]
    if (slot === undefined || value === undefined) return undefined
    return { hash: this.hashAt(slot), bytes: this.bytesAt(slot), mark: this.markAt(slot), value }
  }

  /** Yields the keys and the values. */
  *[Symbol.iterator](): Iterator<readonly [key: string, value: E]> {
    for (const [key, slot] of this.slots) {
      const value = this.values[slot]
      if (value !== undefined) yield [key, value]
    }
  }

  set(key: string, entry: MirrorEntry<E>): void {
    const known = this.slots.get(key)
    const slot = known ?? this.free.pop() ?? this.values.length
    if (known === undefined) this.slots.set(key, slot)
    else this.subtract(slot)
    if (width * slot === this.numbers.length) this.resize(2 * this.numbers.length)
    this.values[slot] = entry.value
    this.write(slot, entry)
    this.bytes += entry.bytes
    this.hashes ^= entry.hash
  }

  delete(key: string): void {
    const slot = this.slots.get(key)
    if (slot === undefined) return
    this.slots.delete(key)
    this.subtract(slot)
    this.values[slot] = undefined
    this.free.push(slot)
    if (this.free.length > this.size + firstSlots) this.compact()
  }

  private hashAt(slot: number, numbers = this.numbers): number {
    return numbers[width * slot] ?? 0
  }

  private bytesAt(slot: number, numbers = this.numbers): number {
    return numbers[width * slot + 1] ?? 0
  }

  private markAt(slot: number, numbers = this.numbers): number {
    return numbers[width * slot + 2] ?? 0
  }

  private write(slot: number, { bytes, hash, mark }: Omit<MirrorEntry<E>, "value">): void {
    this.numbers[width * slot] = hash
    this.numbers[width * slot + 1] = bytes
    this.numbers[width * slot + 2] = mark
  }

  private subtract(slot: number): void {
    this.hashes ^= this.hashAt(slot)
    this.bytes -= this.bytesAt(slot)
  }

  private resize(length: number): void {
    const { numbers } = this
    this.numbers = new Int32Array(length)
    this.numbers.set(numbers)
  }

  /** Removes the free slots, so that a copy which was large once takes no memory for that. */
  private compact(): void {
    const { numbers, values } = this
    this.values = []
    this.numbers = new Int32Array(width * Math.max(firstSlots, this.size))
    this.free = []
    for (const [key, slot] of this.slots) {
      const next = this.values.length
      this.values.push(values[slot])
      const [hash, bytes] = [this.hashAt(slot, numbers), this.bytesAt(slot, numbers)]
      this.write(next, { hash, bytes, mark: this.markAt(slot, numbers) })
      this.slots.set(key, next)
    }
  }
}
