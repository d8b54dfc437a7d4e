/**
 * Random generator whose whole state is one number, so that a pure state machine can carry it (mulberry32). Not for secrets.
 */

/** Returns the next state, and a number in [0, 1). */
export const next = (seed: number): readonly [seed: number, value: number] => {
  const state = (seed + 0x6d2b_79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), state | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return [state, ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000]
}

/** Returns the next state, and up to `count` of the items, drawn without repetition. */
export const sample = <A>(
  seed: number,
  items: ReadonlyArray<A>,
  count: number,
): readonly [seed: number, drawn: ReadonlyArray<A>] => {
  const pool = items.slice()
  const drawn: Array<A> = []
  let state = seed
  while (drawn.length < count && pool.length > 0) {
    const [following, value] = next(state)
    state = following
    drawn.push(...pool.splice(Math.floor(value * pool.length), 1))
  }
  return [state, drawn]
}
