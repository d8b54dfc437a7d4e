/**
 * The 64-bit hash of docs/protocol.md, section "Hashes": FNV-1a over the bytes, then the finalizer of MurmurHash3. FNV
 * alone is almost linear in its last bytes, so the changes of two members could cancel each other under XOR. The
 * finalizer mixes them.
 *
 * The state is kept in two 32-bit halves. A `BigInt` for each byte would cost a hundred times as much, and peers decide
 * how much there is to hash. Only the finalizer, which runs once for each hash, uses `BigInt`.
 */
const mask = 0xffff_ffff_ffff_ffffn

/** Low part of the prime 2^40 + 435 of FNV-1a. */
const primeLow = 435

const utf8 = new TextEncoder()

/** Accumulates fields. The length of a text precedes it, so that two different lists of fields have different bytes. */
export class Hash64 {
  private high = 0xcbf2_9ce4
  private low = 0x8422_2325

  u32(value: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.byte((value >>> shift) & 0xff)
  }

  u64(value: number): void {
    this.u32(Math.floor(value / 0x1_0000_0000))
    this.u32(value % 0x1_0000_0000)
  }

  text(value: string): void {
    const bytes = utf8.encode(value)
    this.u32(bytes.length)
    for (let i = 0; i < bytes.length; i++) this.byte(bytes[i] ?? 0)
  }

  /** Returns the hash of the fields. */
  digest(): bigint {
    let h = (BigInt(this.high >>> 0) << 32n) | BigInt(this.low >>> 0)
    h = ((h ^ (h >> 33n)) * 0xff51_afd7_ed55_8ccdn) & mask
    h = ((h ^ (h >> 33n)) * 0xc4ce_b9fe_1a85_ec53n) & mask
    return h ^ (h >> 33n)
  }

  /**
   * Adds a byte and multiplies by the prime modulo 2^64: the halves are multiplied by its low part, and 2^40 shifts
   * `low` into `high`.
   */
  private byte(value: number): void {
    const low = this.low ^ value
    // Products of 16 bits and the prime fit into 32 bits, so all numbers stay small integers.
    const p0 = (low & 0xffff) * primeLow
    const p1 = (low >>> 16) * primeLow + (p0 >>> 16)
    this.high = (Math.imul(this.high, primeLow) + (low << 8) + (p1 >>> 16)) | 0
    this.low = (p1 << 16) | (p0 & 0xffff)
  }
}
