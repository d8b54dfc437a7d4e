/**
 * Hash of all steps of a run, in 64 bits that are cheap to fold. Two runs with the same hash took the same steps at the
 * same times and sent the same bytes.
 */
export class Hash {
  private a = 0x9e37_79b9 | 0
  private b = 0x85eb_ca6b | 0

  private word(value: number): void {
    const a = Math.imul(this.a ^ value, 0x85eb_ca6b)
    this.a = (a << 13) | (a >>> 19)
    this.b = (Math.imul(this.b, 0xc2b2_ae35) + value) ^ (this.a >>> 15)
  }

  /** Folds in a whole number. */
  add(value: number): void {
    this.word(value | 0)
    // Times are microseconds beyond 32 bits.
    if (value > 0xffff_ffff || value < 0) this.word(Math.floor(value / 0x1_0000_0000))
  }

  /** Folds in bytes and their number. */
  bytes(bytes: Uint8Array): void {
    this.word(bytes.length)
    for (let i = 0; i < bytes.length; i++) this.word(bytes[i] ?? 0)
  }

  /** Folds in the code units of a text and their number. */
  text(text: string): void {
    this.word(text.length)
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i))
  }

  /** Returns the hash as 16 hexadecimal digits. */
  digest(): string {
    return hex(this.a ^ (this.b >>> 16)) + hex(this.b ^ (this.a >>> 16))
  }
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0")
