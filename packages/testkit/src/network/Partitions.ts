/**
 * Blocked directions of a network. A direction is open if no block covers it, so partitions may overlap and end
 * independently.
 */

/** Function that returns `true` for the directions that it blocks. */
export type Block = (from: string, to: string) => boolean

/** Makes a block of all traffic from one group to the other. */
export const oneWay = (from: ReadonlyArray<string>, to: ReadonlyArray<string>): Block => {
  const senders = new Set(from)
  const receivers = new Set(to)
  return (a, b) => senders.has(a) && receivers.has(b)
}

/** Makes a block of all traffic between two groups. */
export const bothWays = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): Block => {
  const there = oneWay(a, b)
  return (from, to) => there(from, to) || there(to, from)
}

/** Makes a block of all traffic between a host and all others. */
export const isolation =
  (host: string): Block =>
  (from, to) =>
    (from === host) !== (to === host)

export class Partitions {
  private readonly blocks = new Set<Block>()
  /** Number of changes. A direction evaluates the blocks again only after a change. */
  version = 0

  add(block: Block): void {
    this.blocks.add(block)
    this.version++
  }

  /** Removes the block. Returns `false` if it was not present. */
  remove(block: Block): boolean {
    if (!this.blocks.delete(block)) return false
    this.version++
    return true
  }

  clear(): void {
    this.blocks.clear()
    this.version++
  }

  /** Returns `true` if any block covers the direction. */
  isBlocked(from: string, to: string): boolean {
    for (const block of this.blocks) if (block(from, to)) return true
    return false
  }
}
