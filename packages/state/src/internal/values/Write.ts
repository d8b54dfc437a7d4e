/** Writes of shared values, and what is known of the order in which writers saw them. */
import * as Schema from "effect/Schema"
import { maxPeerNameBytes, nameProblem } from "../names.ts"
import * as Stamp from "./Stamp.ts"

export interface Write {
  readonly stamp: Stamp.Stamp
  /**
   * Newest write of another life that the writer had seen. The writer has also seen all of its own earlier writes.
   * `undefined` if it had seen none of another life.
   */
  readonly after: Stamp.Stamp | undefined
  /** Encoded value. */
  readonly value: Uint8Array
}

const natural = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** A node keeps the names in writes, and its log shows them. They may be those of peers that are gone. */
const PeerName = Schema.String.check(Schema.makeFilter((name) => nameProblem("peer", name, maxPeerNameBytes)))

const Stamped = Schema.Struct({
  wall: natural(Stamp.maxWall),
  count: natural(Stamp.maxCount),
  by: Schema.Struct({ name: PeerName, generation: natural(Number.MAX_SAFE_INTEGER) }),
})

/** Schema of a write, as a node publishes it. */
export const Write: Schema.Codec<Write, unknown> = Schema.Struct({
  stamp: Stamped,
  after: Schema.UndefinedOr(Stamped),
  value: Schema.Uint8Array,
}).check(
  Schema.makeFilter(({ after, stamp }) =>
    after === undefined || Stamp.compare(after, stamp) < 0
      ? undefined
      : "the write is not newer than the write that its writer had seen",
  ),
)

/**
 * Schema of a write whose value has at most `entryBytes` bytes. A node never forgets a value, and publishes the values of
 * others, so it takes none that it could not publish.
 */
export const writeWithin = (entryBytes: number): Schema.Codec<Write, unknown> =>
  Write.check(
    Schema.makeFilter(({ value }) =>
      value.length <= entryBytes
        ? undefined
        : `the value has ${value.length} bytes, and this node keeps values of at most ${entryBytes}`,
    ),
  )

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Returns `true` if two writes have the same encoded value. */
export const isSameValue = (a: Write, b: Write): boolean => compareBytes(a.value, b.value) === 0

const compareAfter = (a: Stamp.Stamp | undefined, b: Stamp.Stamp | undefined): number => {
  if (a === undefined || b === undefined) return (a === undefined ? 0 : 1) - (b === undefined ? 0 : 1)
  return Stamp.compare(a, b)
}

/**
 * Orders writes by their stamps. Correct nodes never make two writes with one stamp. If a broken one does, the bytes
 * decide, so that all nodes still agree.
 */
export const compare = (a: Write, b: Write): number =>
  Stamp.compare(a.stamp, b.stamp) || compareBytes(a.value, b.value) || compareAfter(a.after, b.after)

/** Knowledge about a writer: it had seen a write, or had not, or the writes in between are unknown. */
export type Seen = "seen" | "unseen" | "unknown"

/** Number of writes of a value whose predecessors are remembered. About as many writers as take turns in a minute. */
const maxRemembered = 64

/** The predecessors of the last writes of one value. */
export class Ancestry {
  /** `after` of each write, oldest first. */
  private readonly writes = new Map<string, Stamp.Stamp | undefined>()

  add({ after, stamp }: Write): void {
    const key = Stamp.keyOf(stamp)
    if (this.writes.has(key)) return
    this.writes.set(key, after)
    for (const oldest of this.writes.keys()) {
      if (this.writes.size <= maxRemembered) return
      this.writes.delete(oldest)
    }
  }

  /** Tells whether the writer of `newer` had seen `older`, which has a smaller stamp. */
  hasSeen(newer: Write, older: Write): Seen {
    let stamp = newer.stamp
    let after = newer.after
    for (let i = 0; i <= maxRemembered; i++) {
      if (Stamp.isSameLife(stamp, older.stamp)) return "seen"
      if (after === undefined) return "unseen"
      const order = Stamp.compare(after, older.stamp)
      if (order === 0) return "seen"
      if (order < 0) return "unseen"
      stamp = after
      const key = Stamp.keyOf(after)
      if (!Stamp.isSameLife(stamp, older.stamp) && !this.writes.has(key)) return "unknown"
      after = this.writes.get(key)
    }
    return "unknown"
  }
}
