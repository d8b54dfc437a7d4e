/**
 * The 64-bit hash of docs/protocol.md, section "Hashes": FNV-1a over the bytes, then the finalizer of MurmurHash3. FNV alone
 * is nearly linear in its last bytes, so that under XOR the changes of two members could cancel; the finalizer mixes them.
 *
 * The hash is computed once per change of a member and never per message, so clarity wins over speed.
 */
const mask = 0xffff_ffff_ffff_ffffn
const offset = 0xcbf2_9ce4_8422_2325n
const prime = 0x0000_0100_0000_01b3n

const utf8 = new TextEncoder()

/** Accumulates fields. A text is preceded by its length, so that no two lists of fields collide. */
export class Hash64 {
  private state = offset

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
    for (const each of bytes) this.byte(each)
  }

  /** Returns the hash of the fields. */
  digest(): bigint {
    let h = this.state
    h = ((h ^ (h >> 33n)) * 0xff51_afd7_ed55_8ccdn) & mask
    h = ((h ^ (h >> 33n)) * 0xc4ce_b9fe_1a85_ec53n) & mask
    return h ^ (h >> 33n)
  }

  private byte(value: number): void {
    this.state = ((this.state ^ BigInt(value)) * prime) & mask
  }
}
