/**
 * The members, and what this node may have missed when one of them is gone. Pure but for its own state: the caller has
 * the clock, and passes on everything that happened in the order in which it happened.
 *
 * A member that has a link greets this node with "all keys", so whatever it wrote before that is known. A member that is
 * gone greets no more. If it has not said that it has ended, its last messages may be lost, or it wrote while there was
 * no link.
 */

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

interface Member {
  readonly generation: number
  /** Last message of the member: an ordinary one, or its last. `undefined` if it sent none. */
  said?: "something" | "its last" | undefined
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

  /** Records a message of a member. `isLast` is `true` if the member sends nothing after it. */
  received(life: Life, isLast: boolean): void {
    this.of(life).said = isLast ? "its last" : "something"
  }

  /** Records that a member is gone. Returns `true` if this node may have missed an invalidation of it. */
  gone({ generation, name }: Life, now: number): boolean {
    const member = this.members.get(name)
    if (member?.generation !== generation) return false
    this.members.delete(name)
    return member.said === undefined ? !isIntroduced(member, now) : member.said === "something"
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
