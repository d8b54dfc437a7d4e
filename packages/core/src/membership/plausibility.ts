/**
 * Bounds on the records that peers send about others: a generation or incarnation beyond them cannot be true
 * (docs/protocol.md, section "Records").
 *
 * An owner raises its incarnation at most once per {@link ownIncarnationInterval}, unless it refutes an accusation, and
 * its generation is the time of its start. Every peer can therefore compute the greatest possible incarnation of a life
 * from its own clock. The clocks of two peers differ by less than {@link generationLead}. The three bounds are that far
 * apart, so an owner can refute any accusation that a peer may believe, and every peer believes that refutation. The
 * records that an owner sends about itself have no bound. A faulty member may report a belief that no peer holds, and
 * the refutation may then exceed the bound on alive records. A peer that does not know the owner still dials it; see
 * `recordMerge.ts`.
 */
import { maxIncarnation } from "../protocol/constants.ts"
import type { Key } from "../protocol/PeerRecord.ts"
import type { Draft } from "./Draft.ts"

const hour = 3_600_000

/**
 * Maximum lead of a generation over the local clock, in milliseconds. The clocks of two peers of a cluster differ by
 * less.
 */
export const generationLead = 24 * hour

/**
 * Shortest time between two incarnations that a node takes for its metadata or for a forged body, in milliseconds. A
 * policy with a shorter `updateDelay` does not publish faster.
 */
export const ownIncarnationInterval = 20

/**
 * Shortest plausible average time between two incarnations, in milliseconds. It is below {@link
 * ownIncarnationInterval}, because clocks drift.
 */
const incarnationInterval = 16

/** Incarnation up to which every record is plausible, so that a wrong clock has no effect at first. */
const freeIncarnations = 65_536

/** Maximum lead of an accusation by others, in milliseconds: twice the difference of two clocks. */
const accusationLead = 2 * generationLead

/**
 * Maximum lead of an alive record from others, in milliseconds. Such a record refutes an accusation that a peer with
 * another clock believed.
 */
const aliveLead = accusationLead + generationLead

/**
 * Maximum lead of an accusation of this node, in milliseconds. Covers every accusation that a peer with another clock
 * believes.
 */
const refutableLead = aliveLead + generationLead

/**
 * Greatest incarnation of an alive record from others. The maximum for an accusation is lower by one, so that peers
 * believe its refutation.
 */
const maxAlive = maxIncarnation - 1

/** Difference of the two clocks of this node beyond which it corrects the wall clock that it assumes, in milliseconds. */
const wallTolerance = 60_000

/**
 * Reads the wall clock. Somebody may have corrected it since the start of this node, and the monotonic clock may stand
 * still while the machine sleeps.
 */
export const readWall = ({ now, state }: Draft, wall: number): void => {
  const offset = wall - now
  if (Math.abs(offset - state.wallOffset) > wallTolerance) state.wallOffset = offset
}

const wallOf = ({ now, state }: Draft): number => now + state.wallOffset

const greatest = (age: number, lead: number): number =>
  Math.max(freeIncarnations, Math.floor((age + lead) / incarnationInterval))

/** Returns whether a generation is further ahead of the clock than the clocks of two peers may differ. */
export const isTooFarAhead = (generation: number, wall: number): boolean => generation > wall + generationLead

/** Returns whether a generation is implausible when others report it. */
export const isFutureLife = (draft: Draft, generation: number): boolean => isTooFarAhead(generation, wallOf(draft))

/** Returns the greatest plausible incarnation of a life that others report with this status. */
export const greatestCredible = (draft: Draft, { generation, status }: Pick<Key, "generation" | "status">): number => {
  const age = wallOf(draft) - generation
  return status === "alive"
    ? Math.min(maxAlive, greatest(age, aliveLead))
    : Math.min(maxAlive - 1, greatest(age, accusationLead))
}

/** Returns whether an incarnation is plausible when others report it. */
export const isCredible = (draft: Draft, key: Key): boolean => key.incarnation <= greatestCredible(draft, key)

/** Returns whether this node refutes an accusation with this incarnation. */
export const isRefutable = (draft: Draft, incarnation: number): boolean =>
  incarnation <= Math.min(maxAlive, greatest(wallOf(draft) - draft.state.self.generation, refutableLead))
