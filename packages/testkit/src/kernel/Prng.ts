/**
 * Pseudo-random numbers from a seed (sfc32). Every purpose has a generator of its own. One simulation has thousands of
 * generators, so their state must be small; the seeded generator of Effect keeps two kilobytes. Not for secrets.
 */

/** Generator of pseudo-random numbers. */
export interface Prng {
  /** Returns a whole number from 0 to 2^32 - 1. */
  readonly u32: () => number
  /** Returns a number in [0, 1). */
  readonly next: () => number
}

class Sfc32 implements Prng {
  private a: number
  private b: number
  private c: number
  private d = 1

  constructor(seed: number, purpose: string) {
    this.a = seed >>> 0
    this.b = Math.floor(seed / 0x1_0000_0000) >>> 0
    this.c = hash32(purpose)
    // The first numbers of sfc32 still correlate with the seed.
    for (let i = 0; i < 15; i++) this.u32()
  }

  u32(): number {
    const { a, b, c, d } = this
    const sum = (a + b + d) | 0
    this.d = (d + 1) | 0
    this.a = b ^ (b >>> 9)
    this.b = (c + (c << 3)) | 0
    this.c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  next(): number {
    return this.u32() / 0x1_0000_0000
  }
}

/** Makes a generator for one purpose of a seed. Other purposes, and other seeds, have unrelated numbers. */
export const make = (seed: number, purpose: string): Prng => new Sfc32(seed, purpose)

/** Returns the FNV-1a hash of the code units. */
export const hash32 = (text: string): number => {
  let h = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x0100_0193)
  return h >>> 0
}
