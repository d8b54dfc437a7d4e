/**
 * The 64-bit hash of docs/protocol.md, section "Hashes": FNV-1a over the bytes, then the finalizer of
 * MurmurHash3. FNV alone is nearly linear in its last bytes, so that under XOR the changes of two
 * members could cancel; the finalizer mixes them.
 *
 * It runs once per change of a member and never per message, so clarity wins over speed.
 */
const mask = 0xffff_ffff_ffff_ffffn
const offset = 0xcbf2_9ce4_8422_2325n
const prime = 0x0000_0100_0000_01b3n

const utf8 = new TextEncoder()

/** Accumulates fields; every text is preceded by its length, so that no two lists of fields collide. */
export interface Hash64 {
  readonly u32: (value: number) => void
  readonly u64: (value: number) => void
  readonly text: (value: string) => void
  readonly digest: () => bigint
}

export const make = (): Hash64 => {
  let state = offset
  const byte = (value: number) => {
    state = ((state ^ BigInt(value)) * prime) & mask
  }
  const u32 = (value: number) => {
    for (let shift = 24; shift >= 0; shift -= 8) byte((value >>> shift) & 0xff)
  }
  return {
    u32,
    u64: (value) => {
      u32(Math.floor(value / 0x1_0000_0000))
      u32(value % 0x1_0000_0000)
    },
    text: (value) => {
      const bytes = utf8.encode(value)
      u32(bytes.length)
      for (const each of bytes) byte(each)
    },
    digest: () => {
      let h = state
      h = ((h ^ (h >> 33n)) * 0xff51_afd7_ed55_8ccdn) & mask
      h = ((h ^ (h >> 33n)) * 0xc4ce_b9fe_1a85_ec53n) & mask
      return h ^ (h >> 33n)
    },
  }
}
