/**
 * The keys that are present, folded from the steps of the owned map of a presence. It is a state machine without a clock
 * and without I/O: the time is an argument. It gives one change for each step and key.
 */
import type { Reach } from "../MapObserver.ts"
import type { Change as MapChange, Entry } from "../Service.ts"
import type { Change, Meta, Present } from "./Service.ts"

/** Character between the key and the number of a meta in the keys of the map. */
export const separator = "\0"

/** Returns the key of a meta in the map. */
export const encodeKey = (key: string, ref: number): string => `${key}${separator}${ref}`

type MetaEntry<A> = Entry<string, A>

/** Returns the key of a presence from the key of a meta in the map. */
export const keyOf = (metaKey: string): string => metaKey.slice(0, metaKey.indexOf(separator))

const refOf = ({ key }: MetaEntry<unknown>): number => Number(key.slice(key.indexOf(separator) + 1))

const metaOf = <A>(entry: MetaEntry<A>): Meta<A> => ({ peer: entry.owner, ref: refOf(entry), value: entry.value })

/** Orders the metas of one key: by the name of the peer, and then by number. */
const compare = (a: MetaEntry<unknown>, b: MetaEntry<unknown>): number => {
  if (a.owner.name !== b.owner.name) return a.owner.name < b.owner.name ? -1 : 1
  return refOf(a) - refOf(b)
}

/** A new value of a meta, or its removal. */
type Edit<A> = Exclude<MapChange<string, A>, { readonly _tag: "OwnerChanged" }>

const none: ReadonlyArray<never> = []

interface Merged<A> {
  readonly after: ReadonlyArray<MetaEntry<A>>
  readonly joined: ReadonlyArray<MetaEntry<A>>
  readonly left: ReadonlyArray<MetaEntry<A>>
}

/** Returns the edits in the order of the metas, and of the edits of one meta the last one. */
const inOrder = <A>(edits: ReadonlyArray<Edit<A>>): ReadonlyArray<Edit<A>> => {
  if (edits.length === 1) return edits
  const sorted = edits.toSorted((a, b) => compare(a.entry, b.entry))
  return sorted.filter(({ entry }, i) => {
    const next = sorted[i + 1]
    return next === undefined || compare(entry, next.entry) !== 0
  })
}

/** Applies edits to ordered metas. */
const merge = <A>(before: ReadonlyArray<MetaEntry<A>>, edits: ReadonlyArray<Edit<A>>): Merged<A> => {
  const [first] = edits
  if (before.length === 0 && edits.length === 1 && first?._tag === "Set")
    return { after: [first.entry], joined: [first.entry], left: none }
  const [after, joined, left]: [Array<MetaEntry<A>>, Array<MetaEntry<A>>, Array<MetaEntry<A>>] = [[], [], []]
  let at = 0
  for (const { _tag, entry } of inOrder(edits)) {
    let old = before[at]
    for (; old !== undefined && compare(old, entry) < 0; old = before[++at]) after.push(old)
    if (old !== undefined && compare(old, entry) === 0) {
      left.push(old)
      at++
    }
    if (_tag === "Removed") continue
    after.push(entry)
    joined.push(entry)
  }
  for (let old = before[at]; old !== undefined; old = before[++at]) after.push(old)
  return { after, joined, left }
}

/**
 * Time in milliseconds after which a late `tick` shows that the process stood still. What arrived meanwhile is not
 * folded yet, so no key leaves.
 */
export const lateMillis = 1_000

/** Number of entries or keys of a slice: the work between two yields. A slice takes about 1 ms. */
export const sliceSize = 500

/** A step of the map that is folded in slices. */
export type Fold<A> = Generator<void, ReadonlyArray<Change<A>>, void>

/** Does all slices that are left, and returns the changes. */
export const finish = <A>(fold: Fold<A>): ReadonlyArray<Change<A>> => {
  for (;;) {
    const slice = fold.next()
    if (slice.done === true) return slice.value
  }
}

export class PresenceTable<A> {
  /**
   * Metas of each key, or the last ones while it is leaving. Most keys have one meta, which needs no array. The objects
   * for the application are made on demand: with them, a key would need twice the memory.
   */
  private readonly keys = new Map<string, MetaEntry<A> | ReadonlyArray<MetaEntry<A>>>()
  /** Times at which the keys without metas leave, in this order. */
  private readonly leaving = new Map<string, number>()
  private readonly grace: number
  /** `true` from the loss of the last link until the metas of a peer are here again. */
  private isPaused = false
  /** Time of the last tick. */
  private tickedAt = -Infinity
  private out: Array<Change<A>> = []

  /** `grace` is in milliseconds. */
  constructor(grace: number) {
    this.grace = grace
  }

  // ---- reads ----

  /** Number of keys, including those that are leaving. */
  get size(): number {
    return this.keys.size
  }

  /** Number of keys that are leaving. */
  get leavingSize(): number {
    return this.leaving.size
  }

  get(key: string): Present<A> | undefined {
    const metas = this.keys.get(key)
    return metas === undefined ? undefined : this.presentOf(key, metas, this.leaving.has(key))
  }

  list(): ReadonlyMap<string, Present<A>> {
    const list = new Map<string, Present<A>>()
    for (const [key, metas] of this.keys) list.set(key, this.presentOf(key, metas, this.leaving.has(key)))
    return list
  }

  /** Returns the time of the next `tick`. */
  dueAt(): number {
    if (this.isPaused) return Infinity
    const [first] = this.leaving.values()
    return first ?? Infinity
  }

  // ---- inputs ----

  /** Folds the changes of one step of the map, and returns the changes of the keys. */
  step(changes: ReadonlyArray<MapChange<string, A>>, reach: Reach, now: number): ReadonlyArray<Change<A>> {
    return finish(this.fold(changes, reach, now))
  }

  /**
   * Does the same as `step` in slices, and yields after each of them. Until it is done, a read sees a part of the step,
   * and there must be no other input.
   */
  *fold(changes: ReadonlyArray<MapChange<string, A>>, reach: Reach, now: number): Fold<A> {
    if (reach === "isolated") this.isPaused = true
    let done = 0
    // Most keys have one edit, which needs no array.
    const edits = new Map<string, Edit<A> | Array<Edit<A>>>()
    for (const change of changes) {
      if (change._tag === "OwnerChanged") continue
      if (++done % sliceSize === 0) yield
      const key = keyOf(change.entry.key)
      const others = edits.get(key)
      if (others === undefined) edits.set(key, change)
      else if (Array.isArray(others)) others.push(change)
      else edits.set(key, [others, change])
    }
    done = 0
    for (const [key, of] of edits) {
      const all = Array.isArray(of) ? of : [of]
      this.edit(key, all, now)
      done += all.length
      if (done < sliceSize) continue
      done = 0
      yield
    }
    if (this.isPaused && reach === "synced") {
      this.isPaused = false
      this.restart(now)
    }
    return this.take()
  }

  /** Lets keys leave whose grace is over, up to one slice of them, and returns the changes. */
  tick(now: number): ReadonlyArray<Change<A>> {
    // Keys whose turn comes in a later slice are due since before the last tick.
    if (Math.max(this.dueAt(), this.tickedAt) + lateMillis <= now) this.restart(now)
    this.tickedAt = now
    for (const [key, at] of this.leaving) {
      if (this.isPaused || at > now || this.out.length === sliceSize) break
      const last = this.keys.get(key) ?? []
      this.leaving.delete(key)
      this.keys.delete(key)
      this.out.push({ _tag: "Left", present: this.presentOf(key, last, true) })
    }
    return this.take()
  }

  // ---- rules ----

  private edit(key: string, edits: ReadonlyArray<Edit<A>>, now: number): void {
    const known = this.keys.get(key)
    const before = known === undefined || this.leaving.has(key) ? [] : this.listOf(known)
    const { after, joined, left } = merge(before, edits)
    const [first] = after
    if (first === undefined) {
      if (before.length > 0) this.leave(key, before, now)
      return
    }
    if (joined.length === 0 && left.length === 0) return
    const metas = after.length === 1 ? first : after
    this.keys.set(key, metas)
    this.leaving.delete(key)
    const present = this.presentOf(key, metas, false)
    if (known === undefined) this.out.push({ _tag: "Joined", present })
    else this.out.push({ _tag: "Changed", present, joined: joined.map(metaOf), left: left.map(metaOf) })
  }

  /** The last metas of a key are gone. */
  private leave(key: string, last: ReadonlyArray<MetaEntry<A>>, now: number): void {
    const present = this.presentOf(key, last, true)
    if (this.grace === 0 && !this.isPaused) {
      this.keys.delete(key)
      this.out.push({ _tag: "Left", present })
      return
    }
    this.leaving.set(key, now + this.grace)
    this.out.push({ _tag: "Changed", present, joined: none, left: present.metas })
  }

  /** Starts the grace of all keys over. Their order stays. */
  private restart(now: number): void {
    for (const key of this.leaving.keys()) this.leaving.set(key, now + this.grace)
  }

  private take(): ReadonlyArray<Change<A>> {
    const { out } = this
    this.out = []
    return out
  }

  private listOf(metas: MetaEntry<A> | ReadonlyArray<MetaEntry<A>>): ReadonlyArray<MetaEntry<A>> {
    return "owner" in metas ? [metas] : metas
  }

  private presentOf(key: string, metas: MetaEntry<A> | ReadonlyArray<MetaEntry<A>>, leaving: boolean): Present<A> {
    return { key, metas: this.listOf(metas).map(metaOf), leaving }
  }
}
