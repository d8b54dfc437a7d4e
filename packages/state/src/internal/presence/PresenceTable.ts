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
interface Edit<A> {
  readonly entry: MetaEntry<A>
  readonly isRemoval: boolean
}

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
  const [after, joined, left]: [Array<MetaEntry<A>>, Array<MetaEntry<A>>, Array<MetaEntry<A>>] = [[], [], []]
  let at = 0
  for (const { entry, isRemoval } of inOrder(edits)) {
    let old = before[at]
    for (; old !== undefined && compare(old, entry) < 0; old = before[++at]) after.push(old)
    if (old !== undefined && compare(old, entry) === 0) {
      left.push(old)
      at++
    }
    if (isRemoval) continue
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
    if (reach === "isolated") this.isPaused = true
    const edits = new Map<string, Array<Edit<A>>>()
    for (const change of changes) {
      if (change._tag === "OwnerChanged") continue
      const key = keyOf(change.entry.key)
      const edit = { entry: change.entry, isRemoval: change._tag === "Removed" }
      const others = edits.get(key)
      if (others === undefined) edits.set(key, [edit])
      else others.push(edit)
    }
    for (const [key, of] of edits) this.edit(key, of, now)
    if (this.isPaused && reach === "synced") {
      this.isPaused = false
      this.restart(now)
    }
    return this.take()
  }

  /** Lets the keys leave whose grace is over, and returns the changes. */
  tick(now: number): ReadonlyArray<Change<A>> {
    const first = this.dueAt()
    if (first + lateMillis <= now) this.restart(now)
    for (const [key, at] of this.leaving) {
      if (this.isPaused || at > now) break
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
    const [first, ...others] = after
    if (first === undefined) {
      if (before.length > 0) this.leave(key, before, now)
      return
    }
    if (joined.length === 0 && left.length === 0) return
    const metas = others.length === 0 ? first : after
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
    this.out.push({ _tag: "Changed", present, joined: [], left: present.metas })
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
