/**
 * The hash of what happened in a run, in 64 bits that are cheap to fold: two runs with the same hash took
 * the same steps at the same times and sent the same bytes.
 */

export interface Hash {
  /** Folds in a whole number. */
  readonly add: (value: number) => void
  readonly bytes: (bytes: Uint8Array) => void
  readonly text: (text: string) => void
  /** 16 hexadecimal digits. */
  readonly digest: () => string
}

export const make = (): Hash => {
  let a = 0x9e37_79b9 | 0
  let b = 0x85eb_ca6b | 0
  const word = (value: number): void => {
    a = Math.imul(a ^ value, 0x85eb_ca6b)
    a = (a << 13) | (a >>> 19)
    b = (Math.imul(b, 0xc2b2_ae35) + value) ^ (a >>> 15)
  }
  const add = (value: number): void => {
    word(value | 0)
    // Times are microseconds beyond 32 bits.
    if (value > 0xffff_ffff || value < 0) word(Math.floor(value / 0x1_0000_0000))
  }
  return {
    add,
    bytes: (bytes) => {
      word(bytes.length)
      for (let i = 0; i < bytes.length; i++) word(bytes[i] ?? 0)
    },
    text: (text) => {
      word(text.length)
      for (let i = 0; i < text.length; i++) word(text.charCodeAt(i))
    },
    digest: () => hex(a ^ (b >>> 16)) + hex(b ^ (a >>> 16)),
  }
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0")
