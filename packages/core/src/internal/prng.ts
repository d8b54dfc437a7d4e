/**
 * Random generator with a single number as its state, so that a pure state machine can carry it (mulberry32). Not for
 * secrets.
 */

/** Returns the next state, and a number in [0, 1). */
export const next = (seed: number): readonly [seed: number, value: number] => {
  const state = (seed + 0x6d2b_79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), state | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return [state, ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000]
}

/** Items that can be drawn by their position. */
export interface Indexed<A> {
  readonly size: number
  /** Returns the item at a position from 0 to `size - 1`. */
  readonly at: (position: number) => A | undefined
}

/**
 * Returns the next state, and up to `count` of the items that satisfy the condition, drawn without repetition. It
 * visits only the items that it draws: a Fisher-Yates shuffle of positions that ends early.
 */
export const sample = <A>(
  seed: number,
  items: Indexed<A>,
  count: number,
  isWanted: (item: A) => boolean = () => true,
): readonly [seed: number, drawn: ReadonlyArray<A>] => {
  const drawn: Array<A> = []
  /** Positions whose item was replaced, with the position of the replacement. */
  const moved = new Map<number, number>()
  let state = seed
  for (let left = items.size; drawn.length < count && left > 0; left--) {
    const [following, value] = next(state)
    state = following
    const position = Math.floor(value * left)
    const item = items.at(moved.get(position) ?? position)
    moved.set(position, moved.get(left - 1) ?? left - 1)
    if (item !== undefined && isWanted(item)) drawn.push(item)
  }
  return [state, drawn]
}
