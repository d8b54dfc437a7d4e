/** Rules that pick a member. They are pure: chance is an argument. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Rendezvous from "@coterie/core/Rendezvous"
import type { Member } from "./Service.ts"

type Members<A> = NonEmptyReadonlyArray<Member<A>>

/** Returns `true` if a message to the member can be sent now. */
export const isReachable = ({ link, status }: Member<unknown>): boolean => status === "alive" && link === "up"

/** Returns a member by its weight, for a random number in [0, 1). */
export const random = <A>(members: Members<A>, chance: number): Member<A> => {
  let rest = chance * members.reduce((sum, { weight }) => sum + weight, 0)
  for (const member of members) {
    rest -= member.weight
    if (rest < 0) return member
  }
  // The sum of the weights was rounded.
  return members[0]
}

/** Returns one candidate for each node. The weight of a node is the sum of the weights of its members. */
export const candidatesOf = (members: ReadonlyArray<Member<unknown>>): ReadonlyArray<Rendezvous.Candidate> => {
  const weights = new Map<string, number>()
  for (const { peer, weight } of members) weights.set(peer.name, (weights.get(peer.name) ?? 0) + weight)
  return Array.from(weights, ([name, weight]) => Rendezvous.candidate(name, weight))
}

/**
 * Returns the member that a key belongs to: first the node, because its name stays the same after a restart, and then
 * one of its members.
 */
export const byKey = <A>(members: Members<A>, candidates: Iterable<Rendezvous.Candidate>, key: string): Member<A> => {
  const hash = Rendezvous.hash(key)
  const node = Rendezvous.owner(candidates, hash)?.name
  const ofNode = members.filter(({ peer }) => peer.name === node)
  if (ofNode.length === 1) return ofNode[0] ?? members[0]
  const byRef = ofNode.map((member) => ({ ...Rendezvous.candidate(`${member.ref}`, member.weight), member }))
  return Rendezvous.owner(byRef, hash)?.member ?? members[0]
}

const idOf = ({ peer, ref }: Member<unknown>): string => `${ref}:${peer.name}`

/**
 * Smooth weighted round-robin, as nginx does it: each turn raises the credit of every member by its weight. The member
 * with the greatest credit has the turn, and pays the sum of the weights.
 */
export class RoundRobin {
  /** Credit of the members of the last turn. */
  private credits = new Map<string, number>()

  next<A>(members: Members<A>): Member<A> {
    const credits = new Map<string, number>()
    let best = members[0]
    let bestCredit = -Infinity
    let total = 0
    for (const member of members) {
      const credit = (this.credits.get(idOf(member)) ?? 0) + member.weight
      credits.set(idOf(member), credit)
      total += member.weight
      if (credit > bestCredit) {
        best = member
        bestCredit = credit
      }
    }
    credits.set(idOf(best), bestCredit - total)
    this.credits = credits
    return best
  }
}
