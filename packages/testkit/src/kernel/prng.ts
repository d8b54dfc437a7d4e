/**
 * Pseudo-random numbers from a seed (sfc32). Every purpose has a generator of its own, thousands of them in
 * one simulation, so the state must be small; Effect's seeded generator keeps two kilobytes. Not for secrets.
 */

/** A generator. */
export interface Prng {
  /** A whole number from 0 to 2^32 - 1. */
  readonly u32: () => number
  /** A number in [0, 1). */
  readonly next: () => number
}

/** A generator for one purpose of a seed: other purposes, and other seeds, have unrelated numbers. */
export const make = (seed: number, purpose: string): Prng => {
  let a = seed >>> 0
  let b = Math.floor(seed / 0x1_0000_0000) >>> 0
  let c = hash32(purpose)
  let d = 1
  const u32 = (): number => {
    const sum = (a + b + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum >>> 0
  }
  // The first numbers of sfc32 still show the seed.
  for (let i = 0; i < 15; i++) u32()
  return { u32, next: () => u32() / 0x1_0000_0000 }
}

/** FNV-1a over the code units. */
export const hash32 = (text: string): number => {
  let h = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x0100_0193)
  return h >>> 0
}
