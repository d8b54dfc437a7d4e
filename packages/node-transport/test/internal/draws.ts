/** Random numbers that a seed decides, so that a test which fails can be repeated. */
export const drawsOf = (seed: number): ((below: number) => number) => {
  let state = seed
  // Mulberry32.
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * below)
  }
}
