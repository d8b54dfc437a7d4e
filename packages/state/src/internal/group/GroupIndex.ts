/** The joins of all groups by group and node. It follows the map of the groups in the steps of the map. */
import type { MapObserver, Reach } from "../MapObserver.ts"
import type { Change, Entry, Owner } from "../Service.ts"
import { type Join, parseKey } from "./entries.ts"

/** An entry of the map of the groups. */
export type JoinEntry = Entry<string, Join>

/** Joins of one group, by the name of their node and by their number. */
export type Joins = ReadonlyMap<string, ReadonlyMap<number, JoinEntry>>

const noJoins: Joins = new Map()

/** Receives the changes of a group. */
export interface Subscriber {
  /** Joins, owners, or the state of the replication have changed. */
  readonly changed: () => void
  /** The map is closed. Nothing changes any more. */
  readonly closed: () => void
}

export class GroupIndex implements MapObserver<string, Join> {
  private isClosed = false
  private hasSettled = false
  private reach: Reach = "syncing"
  private readonly groups = new Map<string, Map<string, Map<number, JoinEntry>>>()
  private readonly owners = new Map<string, Owner>()
  private readonly subscribers = new Map<string, Set<Subscriber>>()
  private nextRef = 0

  /** `true` while the joins of every member with a link are here. */
  get isSynced(): boolean {
    return this.hasSettled && this.reach !== "syncing"
  }

  /** The node has settled, and the map was synced. */
  readonly settled = (): void => this.changeSynced(() => (this.hasSettled = true))

  /** Returns the number of the next join of this node. */
  takeRef(): number {
    return this.nextRef++
  }

  joins(group: string): Joins {
    return this.groups.get(group) ?? noJoins
  }

  /** Returns the description of another node. */
  owner(name: string): Owner | undefined {
    return this.owners.get(name)
  }

  /** Adds a subscriber of a group, and returns a function that removes it. */
  subscribe(group: string, subscriber: Subscriber): () => void {
    const all = this.subscribers.get(group) ?? new Set()
    this.subscribers.set(group, all.add(subscriber))
    if (this.isClosed) subscriber.closed()
    return () => {
      all.delete(subscriber)
      if (all.size === 0) this.subscribers.delete(group)
    }
  }

  // ---- MapObserver ----

  readonly onStep = (changes: ReadonlyArray<Change<string, Join>>, reach: Reach): void => {
    for (const change of changes) this.changed(change)
    if (reach !== this.reach) this.changeSynced(() => (this.reach = reach))
  }

  readonly onClosed = (): void => {
    this.isClosed = true
    this.groups.clear()
    for (const all of this.subscribers.values()) for (const { closed } of all) closed()
  }

  private changed(change: Change<string, Join>): void {
    switch (change._tag) {
      case "Set":
        return this.set(change.entry)
      case "Removed":
        return this.remove(change.entry)
      case "OwnerChanged":
        return this.ownerChanged(change.name, change.owner)
    }
  }

  private changeSynced(change: () => void): void {
    const before = this.isSynced
    change()
    if (this.isSynced !== before) for (const group of this.subscribers.keys()) this.notify(group)
  }

  private set(entry: JoinEntry): void {
    const { group, ref } = parseKey(entry.key)
    const byOwner = this.groups.get(group) ?? new Map<string, Map<number, JoinEntry>>()
    const ofOwner = byOwner.get(entry.owner.name) ?? new Map<number, JoinEntry>()
    this.groups.set(group, byOwner.set(entry.owner.name, ofOwner.set(ref, entry)))
    this.notify(group)
  }

  private remove({ key, owner }: JoinEntry): void {
    const { group, ref } = parseKey(key)
    const byOwner = this.groups.get(group)
    const ofOwner = byOwner?.get(owner.name)
    if (byOwner === undefined || ofOwner === undefined) return
    ofOwner.delete(ref)
    if (ofOwner.size === 0) byOwner.delete(owner.name)
    if (byOwner.size === 0) this.groups.delete(group)
    this.notify(group)
  }

  private ownerChanged(name: string, owner: Owner | undefined): void {
    if (owner === undefined) this.owners.delete(name)
    else this.owners.set(name, owner)
    for (const group of this.subscribers.keys()) if (this.groups.get(group)?.has(name) === true) this.notify(group)
  }

  private notify(group: string): void {
    for (const { changed } of this.subscribers.get(group) ?? []) changed()
  }
}
