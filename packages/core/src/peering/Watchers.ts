/**
 * Members whose links carry a heartbeat in each interval (docs/protocol.md, section "Watchers"). The members form a ring
 * in the order of the hashes of their names. Each one watches the nearest members on both sides, so two members watch
 * each other or neither watches the other.
 */
import * as Member from "../membership/Member.ts"
import type * as State from "../membership/State.ts"
import { compareNames } from "../protocol/PeerName.ts"
import * as Rendezvous from "../Rendezvous.ts"

/** Place of a member in the ring: the hash of its name, and the name. */
interface Place extends Rendezvous.Hash {
  readonly name: string
}

/** State of the membership as the ring needs it. */
type Step = Pick<State.State, "members" | "touched">

const comparePlaces = (a: Place, b: Place): number => a.high - b.high || a.low - b.low || compareNames(a.name, b.name)

/** Members that this node watches, and that therefore watch this node. */
export class Watchers {
  private readonly self: Place
  private readonly hash: typeof Rendezvous.hash
  /** Number of watched members on each side of this node. */
  private readonly reach: number
  /** Alive and suspect members except this node, in the order of the ring after this node. */
  private readonly ring: Array<Place> = []
  /** Names of the watched members; `undefined` after a change of the ring. */
  private watched: ReadonlySet<string> | undefined

  /** `hash` returns the hash of a name. Tests may replace it. */
  constructor(self: string, count: number, hash = Rendezvous.hash) {
    this.self = { name: self, ...hash(self) }
    this.hash = hash
    this.reach = Math.ceil(count / 2)
  }

  /** Follows a step of the membership. */
  update(state: Step, before: Step): void {
    for (const name of state.touched) {
      const counts = isCounted(state, name)
      if (counts !== isCounted(before, name)) this.set(name, counts)
    }
  }

  /** Returns whether this node watches the member. */
  has(name: string): boolean {
    if (this.ring.length <= 2 * this.reach) return true
    this.watched ??= new Set([...this.ring.slice(0, this.reach), ...this.ring.slice(-this.reach)].map(nameOf))
    return this.watched.has(name)
  }

  /** Adds a member to the ring, or removes it. */
  private set(name: string, counts: boolean): void {
    const place = { name, ...this.hash(name) }
    let [low, high] = [0, this.ring.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.ring[middle]
      if (other !== undefined && this.compare(other, place) < 0) low = middle + 1
      else high = middle
    }
    if (counts) this.ring.splice(low, 0, place)
    else this.ring.splice(low, 1)
    this.watched = undefined
  }

  /** Returns `true` if the place comes before that of this node, and so at the end of the ring after this node. */
  private precedes(place: Place): boolean {
    return comparePlaces(place, this.self) < 0
  }

  /** Compares two places in the order of the ring after this node. */
  private compare(a: Place, b: Place): number {
    return Number(this.precedes(a)) - Number(this.precedes(b)) || comparePlaces(a, b)
  }
}

const nameOf = ({ name }: Place): string => name

const isCounted = ({ members }: Step, name: string): boolean => {
  const member = members.get(name)
  return member !== undefined && Member.countsInSize(member.record)
}
