/** File on a disk: its present content, and the content that survives a loss of power. */
import { toWhole } from "../network/Conditions.ts"

/** Change of the content of a file that is not durable yet. */
interface Change {
  /** Time of the change, in microseconds. */
  readonly at: number
  /** Bytes that are written at the offset. `undefined` for a change of the length. */
  readonly bytes: Uint8Array | undefined
  /** Offset of the bytes, or the new length. */
  readonly offset: number
}

/** Outcome of a change in a loss of power: 0 keeps it, 1 loses it, and n + 1 keeps its first n bytes. */
export type Outcome = number

const noBytes = new Uint8Array(0)

const resized = (content: Uint8Array, length: number): Uint8Array => {
  if (length === content.length) return content
  const next = new Uint8Array(length)
  next.set(content.subarray(0, length))
  return next
}

const applied = (content: Uint8Array, { bytes, offset }: Change, kept = Number.POSITIVE_INFINITY): Uint8Array => {
  if (bytes === undefined) return resized(content, offset)
  const written = bytes.subarray(0, kept)
  const next = resized(content, Math.max(content.length, offset + written.length))
  const target = next === content ? content.slice() : next
  target.set(written, offset)
  return target
}

export class Inode {
  readonly id: number
  modifiedAt: number
  private present: Uint8Array = noBytes
  private durable: Uint8Array = noBytes
  private changes: Array<Change> = []

  constructor(id: number, now: number) {
    this.id = id
    this.modifiedAt = now
  }

  /** Present content. Must not be changed. */
  get content(): Uint8Array {
    return this.present
  }

  get isDurable(): boolean {
    return this.changes.length === 0
  }

  private change(change: Change): void {
    this.present = applied(this.present, change)
    this.changes.push(change)
    this.modifiedAt = change.at
  }

  write(bytes: Uint8Array, offset: number, at: number): void {
    this.change({ at, bytes: bytes.slice(), offset })
  }

  truncate(length: number, at: number): void {
    this.change({ at, bytes: undefined, offset: length })
  }

  /** Makes all changes durable. */
  sync(): void {
    this.durable = this.present
    this.changes = []
  }

  /** Makes the changes until a time durable, as an operating system does in the background. */
  writeBack(until: number): void {
    let count = 0
    for (const change of this.changes) {
      if (change.at > until) break
      this.durable = applied(this.durable, change)
      count++
    }
    if (count > 0) this.changes.splice(0, count)
  }

  /** Decides about each change that is not durable, and keeps what remains. */
  losePower(decide: (size: number) => Outcome): void {
    for (const change of this.changes) {
      const outcome = toWhole(decide(change.bytes?.length ?? 0))
      if (outcome === 0) this.durable = applied(this.durable, change)
      else if (outcome > 1 && change.bytes !== undefined) this.durable = applied(this.durable, change, outcome - 1)
    }
    this.changes = []
    this.present = this.durable
  }
}
