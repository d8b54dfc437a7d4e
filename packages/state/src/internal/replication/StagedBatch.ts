/**
 * A batch of an owner whose last part has not arrived. The work for an item is done when its part arrives: a batch with
 * all entries fills a new copy, and the changes are collected. So the step of the last part has little left to do.
 */
import type { PeerId } from "@coterie/core/Peer"
import type { Part } from "./messages.ts"
import { MirrorEntries, type MirrorEntry } from "./MirrorEntries.ts"

/** A copy of the entries of one owner. */
export interface Mirror<E> {
  readonly owner: PeerId
  readonly epoch: number
  version: number
  readonly entries: MirrorEntries<E>
}

/** A change of one key of an owner. */
export interface MirrorChange<E> {
  readonly owner: PeerId
  readonly key: string
  readonly previous: E | undefined
  readonly next: E | undefined
}

/** Versions of a batch, which all its parts have. */
export type Range = Pick<Part, "epoch" | "from" | "to">

export interface Options<E> {
  readonly owner: PeerId
  /** Versions of the batch. */
  readonly range: Range
  /** Copy that the batch replaces or changes. It must not change before the batch is applied. */
  readonly old: Mirror<E> | undefined
}

export class StagedBatch<E> {
  /** Number of parts that are staged. */
  parts = 0
  /** Number of bytes of the keys and values that are staged. */
  bytes = 0
  private readonly options: Options<E>
  private readonly changes: Array<MirrorChange<E>> = []
  /** The new copy, if the batch has all entries. */
  private readonly fresh: MirrorEntries<E> | undefined
  /** Changes of the old copy by key, if the batch has changes only. `undefined` for a removal. */
  private readonly edits = new Map<string, MirrorEntry<E> | undefined>()
  /** Number of keys of the new copy that the old copy also has. */
  private kept = 0

  constructor(options: Options<E>) {
    this.options = options
    this.fresh = options.range.from === undefined ? new MirrorEntries() : undefined
  }

  /** Number of items that are staged. */
  get size(): number {
    return this.fresh?.size ?? this.edits.size
  }

  /** Tests whether a part is the next one of this batch. */
  continuesWith({ epoch, from, index, to }: Part): boolean {
    const { range } = this.options
    return index === this.parts && epoch === range.epoch && from === range.from && to === range.to
  }

  /** Stages an item. Returns `false` if it does not fit: a batch has each key once, and a new copy has no removals. */
  add(key: string, next: MirrorEntry<E> | undefined): boolean {
    const previous = this.options.old?.entries.find(key)
    if (this.fresh === undefined) {
      if (this.edits.has(key)) return false
      this.edits.set(key, next)
    } else {
      if (next === undefined || this.fresh.has(key)) return false
      this.fresh.set(key, next)
      if (previous !== undefined) this.kept++
    }
    // An entry with the same bytes has the value of the known one.
    if (previous?.value !== next?.value) this.collect(key, previous?.value, next?.value)
    return true
  }

  /** Applies the batch. Returns the copy, and the changes from the old copy to it. */
  apply(): { readonly mirror: Mirror<E>; readonly changes: ReadonlyArray<MirrorChange<E>> } {
    const { old, owner, range } = this.options
    const { changes, fresh } = this
    if (fresh === undefined && old !== undefined) {
      old.version = range.to
      for (const [key, next] of this.edits) {
        if (next === undefined) old.entries.delete(key)
        else old.entries.set(key, next)
      }
      return { mirror: old, changes }
    }
    const entries = fresh ?? new MirrorEntries<E>()
    if (old !== undefined && this.kept < old.entries.size) {
      for (const [key, previous] of old.entries) if (!entries.has(key)) this.collect(key, previous, undefined)
    }
    return { mirror: { owner, epoch: range.epoch, version: range.to, entries }, changes }
  }

  private collect(key: string, previous: E | undefined, next: E | undefined): void {
    this.changes.push({ owner: this.options.owner, key, previous, next })
  }
}
