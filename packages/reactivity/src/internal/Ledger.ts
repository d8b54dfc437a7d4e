/**
 * What this node has heard of each writer, and what it may have missed. Pure but for its own state: the caller has the
 * clock, and passes on everything that happened in the order in which it happened.
 *
 * This node may have missed an invalidation in two cases. A message does not continue the last one of its writer. Or a
 * member is gone and has not said that it has ended: its last messages may be lost, or it wrote while there was no link.
 */
import type { Keys } from "./StaleKeys.ts"

/**
 * Time of a session after which a member that said nothing takes no part, in milliseconds. A member that takes part
 * greets this node half a round trip after it has a link.
 */
export const introductionMillis = 5_000

/** Life of a peer. */
export interface Life {
  readonly name: string
  readonly generation: number
}

/** A message of a writer. */
export interface Heard {
  /** Identity of the writer. A node has another one each time that it opens the channel. */
  readonly writer: string
  readonly after: number
  readonly until: number
  /** Stale keys. Absent for all keys. */
  readonly keys?: ReadonlyArray<string> | undefined
  /** `true` if the writer sends nothing after this message. */
  readonly end?: boolean | undefined
}

interface Member {
  readonly generation: number
  /** Last message of the writer. */
  heard?: { readonly writer: string; readonly until: number; readonly end: boolean } | undefined
  /** `true` if a message of the member could not be used. */
  wasUnheard?: boolean
  /** Start of the session, in milliseconds. `undefined` without a session. */
  since?: number | undefined
  /** `true` if a session was long enough for a greeting. */
  wasIntroduced?: boolean
}

export class Ledger {
  private readonly members = new Map<string, Member>()

  /** Number of members that this node keeps track of. */
  get size(): number {
    return this.members.size
  }

  /** Records that a peer is a member. */
  joined(life: Life): void {
    this.of(life)
  }

  /** Records that a session with a member has begun. */
  sessionStarted(life: Life, now: number): void {
    this.of(life).since = now
  }

  /** Records that a session with a member is over. The member may return, or be gone. */
  sessionEnded({ generation, name }: Life, now: number): void {
    const member = this.members.get(name)
    if (member === undefined || member.generation !== generation) return
    if (isIntroduced(member, now)) member.wasIntroduced = true
    member.since = undefined
  }

  /** Records a message of a member. Returns the keys that are stale at this node. */
  received(life: Life, message: Heard): Keys {
    const member = this.of(life)
    const { after, end = false, keys, until, writer } = message
    const { heard } = member
    // A writer that has ended is followed by another one, of which this node has heard nothing.
    const reached = heard === undefined || heard.end ? 0 : heard.writer === writer ? heard.until : undefined
    member.heard = { writer, until, end }
    return keys === undefined || reached !== after ? "all" : new Set(keys)
  }

  /** Records that a message of a member was not read. */
  unheard(life: Life): void {
    const member = this.of(life)
    member.heard = undefined
    member.wasUnheard = true
  }

  /** Records that a member is gone. Returns `true` if this node may have missed an invalidation of it. */
  gone({ generation, name }: Life, now: number): boolean {
    const member = this.members.get(name)
    if (member?.generation !== generation) return false
    this.members.delete(name)
    const { heard, wasUnheard = false } = member
    if (heard !== undefined) return !heard.end
    return wasUnheard || !isIntroduced(member, now)
  }

  /** Records all members. Returns `true` if this node may have missed an invalidation of a member that is gone. */
  snapshot(lives: ReadonlyMap<string, Life>, now: number): boolean {
    let hasMissed = false
    for (const [name, { generation }] of this.members) {
      if (lives.get(name)?.generation === generation) continue
      if (this.gone({ name, generation }, now)) hasMissed = true
    }
    for (const life of lives.values()) this.joined(life)
    return hasMissed
  }

  /** Returns the entry of a member. Makes one if there is none of this life. */
  private of({ generation, name }: Life): Member {
    const known = this.members.get(name)
    if (known !== undefined && known.generation >= generation) return known
    const member: Member = { generation }
    this.members.set(name, member)
    return member
  }
}

const isIntroduced = ({ since, wasIntroduced = false }: Member, now: number): boolean =>
  wasIntroduced || (since !== undefined && now - since >= introductionMillis)
