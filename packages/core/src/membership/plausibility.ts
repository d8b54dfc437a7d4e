/**
 * Bounds on what others say: a generation or an incarnation beyond them cannot be true (docs/protocol.md, section "Records").
 *
 * An owner raises its incarnation at most once in {@link ownIncarnationInterval}, unless it refutes an accusation, and its generation is the time of its start. So every peer
 * computes from its own clock how far the incarnation of a life may have come. The clocks of two peers differ by less than
 * {@link generationLead}. The three bounds are that far apart: an owner refutes whatever any peer may believe of it, and any peer
 * believes that refutation. What an owner says itself has no bound.
 */
import { maxIncarnation } from "../protocol/constants.ts"
import type { Key } from "../protocol/PeerRecord.ts"
import type { Draft } from "./Draft.ts"

const hour = 3_600_000

/** Milliseconds that a generation may be ahead of the local clock. The clocks of the peers of a cluster differ by less. */
export const generationLead = 24 * hour

/**
 * Shortest time in milliseconds between two incarnations that a node takes for its metadata or for a forged body. A policy with a
 * shorter `updateDelay` publishes no faster.
 */
export const ownIncarnationInterval = 20

/** Shortest average time in milliseconds between two incarnations that a peer believes. Clocks that drift explain the difference. */
const incarnationInterval = 16

/** Incarnation up to which everything is believed, so that a clock that is wrong costs nothing at first. */
const freeIncarnations = 65_536

/** Milliseconds that an accusation by others may be ahead: twice the difference of two clocks. */
const accusationLead = 2 * generationLead

/** Milliseconds that an alive record may be ahead that others tell: it refutes what a peer with another clock believed. */
const aliveLead = accusationLead + generationLead

/** Milliseconds that an accusation of this node may be ahead: whatever a peer with another clock believes. */
const refutableLead = aliveLead + generationLead

/** Greatest incarnation of an alive record that others tell. An accusation is lower still, so that its refutation is believed. */
const maxAlive = maxIncarnation - 1

const wallOf = ({ now, state }: Draft): number => now + state.wallOffset

const greatest = (age: number, lead: number): number =>
  Math.max(freeIncarnations, Math.floor((age + lead) / incarnationInterval))

/** Returns whether a generation is further ahead of the clock than the clocks of two peers may differ. */
export const isTooFarAhead = (generation: number, wall: number): boolean => generation > wall + generationLead

/** Returns whether others said a generation that cannot be. */
export const isFutureLife = (draft: Draft, generation: number): boolean => isTooFarAhead(generation, wallOf(draft))

/** Returns whether an incarnation that others tell may be true. */
export const isCredible = (draft: Draft, { generation, incarnation, status }: Key): boolean => {
  const age = wallOf(draft) - generation
  return status === "alive"
    ? incarnation <= Math.min(maxAlive, greatest(age, aliveLead))
    : incarnation <= Math.min(maxAlive - 1, greatest(age, accusationLead))
}

/** Returns whether this node refutes what is said of it. */
export const isRefutable = (draft: Draft, incarnation: number): boolean =>
  incarnation <= Math.min(maxAlive, greatest(wallOf(draft) - draft.state.self.generation, refutableLead))
