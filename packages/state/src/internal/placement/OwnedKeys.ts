/**
 * Decides which keys this node owns. It is a state machine without a clock and without I/O: the time is an argument.
 *
 * A node gives a key up in the step in which it sees another owner, or no group that may own keys. It takes a key once
 * the group has been the same, and calm, for the time `settle`. So two nodes never own one key at the same time while
 * every change of the group reaches both of them within `settle`: the node that takes the key has seen the same group for
 * `settle`, so the other node has seen that group, too, and has given the key up.
 */
import * as Rendezvous from "@coterie/core/Rendezvous"

/**
 * State of a key at this node: this node owns it, another member does, or nobody as far as this node knows (docs/state.md,
 * section "Placement").
 *
 * @category models
 * @since 0.1.0
 */
export type Ownership = "mine" | "other" | "nobody"

export interface Input {
  /** The nodes of the group. None, while too few of them can be reached. */
  readonly candidates: ReadonlyArray<Rendezvous.Candidate>
  /** `false` while nodes may be missing. This node then takes no keys, and keeps those that it has. */
  readonly isCalm: boolean
}

export interface Options {
  /** Name of this node. */
  readonly self: string
  /** Time for which the group must be the same before this node takes keys, in milliseconds. */
  readonly settle: number
}

interface Key {
  readonly hash: Rendezvous.Hash
  owner: string | undefined
  /** `true` if this node owns the key. */
  isHeld: boolean
}

const isSame = (a: ReadonlyArray<Rendezvous.Candidate>, b: ReadonlyArray<Rendezvous.Candidate>): boolean =>
  a.length === b.length && a.every(({ name, weight }, i) => name === b[i]?.name && weight === b[i].weight)

export class OwnedKeys {
  private readonly options: Options
  private readonly keys = new Map<string, Key>()
  private candidates: ReadonlyArray<Rendezvous.Candidate> = []
  /** Time since which the group is the same and calm. `undefined` while it is not calm. */
  private since: number | undefined
  private isSettled = false

  constructor(options: Options) {
    this.options = options
  }

  /** Takes the group, and does what is due. Call it after every change, and at {@link dueAt}. */
  update({ candidates, isCalm }: Input, now: number): void {
    const isChanged = !isSame(candidates, this.candidates)
    if (isChanged) {
      this.candidates = candidates
      for (const key of this.keys.values()) this.place(key)
    }
    if (!isCalm) this.since = undefined
    else if (isChanged || this.since === undefined) this.since = now
    this.isSettled = this.since !== undefined && now >= this.since + this.options.settle
    if (this.isSettled) for (const key of this.keys.values()) this.take(key)
  }

  /** Returns the time at which `update` must be called although nothing has changed. */
  dueAt(): number {
    return this.since === undefined || this.isSettled ? Infinity : this.since + this.options.settle
  }

  /** Adds a key. */
  add(name: string): void {
    const key: Key = { hash: Rendezvous.hash(name), owner: undefined, isHeld: false }
    this.keys.set(name, key)
    this.place(key)
    if (this.isSettled) this.take(key)
  }

  remove(name: string): void {
    this.keys.delete(name)
  }

  /** Returns the state of a key that was added. */
  ownership(name: string): Ownership {
    const key = this.keys.get(name)
    if (key?.isHeld === true) return "mine"
    return key?.owner === undefined || key.owner === this.options.self ? "nobody" : "other"
  }

  /** Returns the owner of a key that was added, in the view of this node. */
  owner(name: string): string | undefined {
    return this.keys.get(name)?.owner
  }

  /** Finds the owner of a key, and gives the key up if it is another node. */
  private place(key: Key): void {
    key.owner = Rendezvous.owner(this.candidates, key.hash)?.name
    if (key.owner !== this.options.self) key.isHeld = false
  }

  private take(key: Key): void {
    if (key.owner === this.options.self) key.isHeld = true
  }
}
