/**
 * One member as this node sees it: its record, its standing (alive, suspect or failed by this node's own timers) and its
 * reach (how this node reaches it).
 *
 * The functions that return a member are the transitions between these states. `failureDetection.ts` has the table of which
 * event causes which, and is the only caller of {@link failed}.
 */
import type { Address } from "../Address.ts"
import type { LinkState, Peer, PeerDescription, RemovedPeer, RemovedStatus } from "../Peer.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"

/** An accusation of a member, with a timer that its accusers shorten. */
export interface Suspicion {
  /** Start of the timer. */
  readonly since: number
  /** Names of the accusers; `true` for those whose connection was refused. */
  readonly accusers: ReadonlyMap<string, boolean>
}

/** Nobody accuses the member. */
export interface Alive {
  readonly _tag: "Alive"
}

/** An accusation that the application has not heard of, so that the member can refute it first (R6). Shown alive. */
export interface Withheld {
  readonly _tag: "Withheld"
  readonly suspicion: Suspicion
  /** Time at which the application hears of the accusation. */
  readonly publishAt: number
}

/** An accusation that a new link contradicts; the member is asked to refute it. Shown alive. */
export interface Overruled {
  readonly _tag: "Overruled"
  readonly suspicion: Suspicion
}

/** Suspected: unless it shows a sign of life, the member fails when the timer of the suspicion is over. */
export interface Suspect {
  readonly _tag: "Suspect"
  readonly suspicion: Suspicion
}

/** Failed by this node. It is in no view and is redialed rarely (R10). */
export interface Failed {
  readonly _tag: "Failed"
  readonly failedAt: number
  /** Accusation of a later incarnation than the one that failed; only the failure of that incarnation is missing. */
  readonly suspicion: Suspicion | undefined
}

/** Standing of a member that is not failed. */
export type ActiveStanding = Alive | Withheld | Overruled | Suspect

/** Two view hashes that were compared. */
export interface HashPair {
  readonly mine: bigint
  readonly theirs: bigint
}

/** A live link. */
export interface Linked {
  readonly _tag: "Linked"
  /** The two view hashes of the last heartbeat that differed. */
  readonly mismatch: HashPair | undefined
  /** The two view hashes of the last anti-entropy exchange that a heartbeat started, and its time. */
  readonly synced: (HashPair & { readonly at: number }) | undefined
  /** The incarnation for which the peer was last sent a record that it did not write, and the time. */
  readonly challenged: { readonly incarnation: number; readonly at: number } | undefined
}

/** Result of this node's own first dial since the link was lost. */
export type DialOutcome = "pending" | "failed" | "refused"

/** No link, but another member has one. */
export interface Indirect {
  readonly _tag: "Indirect"
  readonly dial: DialOutcome
}

/** No link, and no other member is known to have one. */
export interface Down {
  readonly _tag: "Down"
  readonly dial: DialOutcome
}

export type Reach = Linked | Indirect | Down

interface Base {
  /** Greatest record heard: what the cluster says about the member. */
  readonly record: PeerRecord.PeerRecord
  /** Share of the record in the view hash. */
  readonly hash: bigint
  /** `true` after `disconnect`: the member is in no view and is not dialed. */
  readonly disconnected: boolean
  /** Address that last worked. */
  readonly address: Address | undefined
  /** Name of the peer that last said it reaches the member. It is asked first when the member is out of reach again. */
  readonly lastReachedBy: string | undefined
}

export interface ActiveMember extends Base {
  readonly standing: ActiveStanding
  readonly reach: Reach
}

/** A failed member has no link: a link makes it alive. */
export interface FailedMember extends Base {
  readonly standing: Failed
  readonly reach: Down
}

export type Member = ActiveMember | FailedMember

/** An active member without a link. */
export interface UnlinkedMember extends ActiveMember {
  readonly reach: Indirect | Down
}

/** An active member with a link. */
export interface LinkedMember extends ActiveMember {
  readonly reach: Linked
}

// ---- projections ----

/** Returns the status that this node shows. */
export const localStatus = ({ standing }: Member): "alive" | "suspect" | "failed" =>
  standing._tag === "Suspect" ? "suspect" : standing._tag === "Failed" ? "failed" : "alive"

/** Returns the state of the link as the application sees it. */
export const linkState = ({ reach }: Member): LinkState =>
  reach._tag === "Linked" ? "up" : reach._tag === "Indirect" ? "indirect" : "down"

/** Returns what a record says about its owner. */
export const describe = ({ body, generation, name }: PeerRecord.PeerRecord): PeerDescription => ({
  name,
  generation,
  addresses: body.addresses,
  metadata: body.metadata,
})

/** Returns the member as the application sees it. */
export const toPeer = (member: ActiveMember): Peer => ({
  ...describe(member.record),
  status: member.standing._tag === "Suspect" ? "suspect" : "alive",
  link: linkState(member),
})

/** Returns a member that the application does not see any more. */
export const toRemoved = <Status extends RemovedStatus>(member: Member, status: Status): RemovedPeer<Status> => ({
  ...describe(member.record),
  status,
})

/** Returns whether this node has a live link to the member. */
export const isLinked = (member: Member): member is LinkedMember => member.reach._tag === "Linked"

/** Returns whether this node has no link to the member. */
export const isUnlinked = (member: Member): member is UnlinkedMember | FailedMember => member.reach._tag !== "Linked"

/** Returns whether the member is not failed. */
export const isActive = (member: Member): member is ActiveMember => member.standing._tag !== "Failed"

/** Returns whether the application sees the member. */
export const isInView = (member: Member): member is ActiveMember => !member.disconnected && isActive(member)

/** Returns whether other members are asked about the member: it is in the view, and there is no link to it. */
export const needsProbe = (member: Member): member is UnlinkedMember => isInView(member) && isUnlinked(member)

/** Returns the accusation of a member, if there is one. */
export const suspicionOf = ({ standing }: Member): Suspicion | undefined =>
  standing._tag === "Alive" ? undefined : standing.suspicion

/** Returns the result of this node's own dial; `undefined` while there is a link. */
export const dialOf = ({ reach }: Member): DialOutcome | undefined => (reach._tag === "Linked" ? undefined : reach.dial)

/** Returns whether a record counts in the view hash and in the size of the cluster. */
export const countsInSize = (record: Pick<PeerRecord.PeerRecord, "status">): boolean =>
  record.status === "alive" || record.status === "suspect"

// ---- constructors and transitions ----

/** Standing of a member that nobody accuses. */
export const alive: Alive = { _tag: "Alive" }

const freshLink: Linked = { _tag: "Linked", mismatch: undefined, synced: undefined, challenged: undefined }

/** Returns a new member, which nobody accuses. */
export const make = (
  record: PeerRecord.PeerRecord,
  reach: Reach["_tag"],
  options: { readonly address?: Address | undefined; readonly lastReachedBy?: string | undefined } = {},
): ActiveMember => ({
  record,
  hash: PeerRecord.memberHash(record),
  standing: alive,
  reach: reach === "Linked" ? freshLink : { _tag: reach, dial: "pending" },
  disconnected: false,
  address: options.address,
  lastReachedBy: options.lastReachedBy,
})

/** Stores another record of the same generation. */
export const withRecord = <A extends Member>(member: A, record: PeerRecord.PeerRecord): A => ({
  ...member,
  record,
  hash: PeerRecord.memberHash(record),
})

/** Stores an alive record. It ends every accusation, and shows that somebody has a link to its owner. */
export const refuted = (member: Member, record: PeerRecord.PeerRecord): ActiveMember => ({
  ...withRecord(member, record),
  standing: alive,
  reach: member.reach._tag === "Down" ? { _tag: "Indirect", dial: member.reach.dial } : member.reach,
})

/** Stores a live link. */
export const linked = (member: Member, standing: ActiveStanding, address: Address | undefined): ActiveMember => ({
  ...member,
  standing,
  reach: isLinked(member) ? member.reach : freshLink,
  disconnected: false,
  address: address ?? member.address,
})

/** Stores the loss of a link; the dial that follows has no result yet. */
export const unlinked = (member: ActiveMember): UnlinkedMember => ({
  ...member,
  reach: { _tag: "Down", dial: "pending" },
})

/** Stores the result of a dial. */
export const dialed = (member: UnlinkedMember, dial: DialOutcome): UnlinkedMember => ({
  ...member,
  reach: { ...member.reach, dial },
})

/** Stores that another member reaches it; the timer of a suspicion starts anew. */
export const reachedBy = (member: UnlinkedMember, by: string, now: number): UnlinkedMember => ({
  ...restartTimer(member, now),
  reach: { _tag: "Indirect", dial: member.reach.dial },
  lastReachedBy: by,
})

/** Stores that nobody reaches it. */
export const unreachable = (member: UnlinkedMember): UnlinkedMember => ({
  ...member,
  reach: { _tag: "Down", dial: member.reach.dial },
})

/**
 * Stores an accusation. A member with a link keeps its status until `publishAt`; one that failed stays failed, for others gave
 * up on it later.
 */
export const accused = (
  member: Member,
  record: PeerRecord.PeerRecord,
  suspicion: Suspicion,
  publishAt: number,
): Member => {
  if (!isActive(member)) {
    return { ...withRecord(member, record), standing: { ...member.standing, suspicion } }
  }
  const isShown = !isLinked(member) || member.standing._tag === "Suspect"
  return {
    ...withRecord(member, record),
    standing: isShown ? { _tag: "Suspect", suspicion } : { _tag: "Withheld", suspicion, publishAt },
  }
}

/** Suspects the member. */
export const suspect = <A extends ActiveMember>(member: A, suspicion: Suspicion): A => ({
  ...member,
  standing: { _tag: "Suspect", suspicion },
})

/** Returns the standing of an accused member whose link is up. The timer starts anew; what is withheld stays withheld. */
export const overruled = (member: Member, now: number): Withheld | Overruled => {
  const suspicion = { accusers: suspicionOf(member)?.accusers ?? new Map<string, boolean>(), since: now }
  return member.standing._tag === "Withheld" ? { ...member.standing, suspicion } : { _tag: "Overruled", suspicion }
}

/** Starts the timer of the suspicion anew, if there is one. */
export const restartTimer = <A extends Member>(member: A, now: number): A => withTimer(member, () => now)

const withTimer = <A extends Member>(member: A, since: (old: number) => number): A => {
  const { standing } = member
  if (standing._tag === "Alive" || standing.suspicion === undefined) return member
  const suspicion = { ...standing.suspicion, since: since(standing.suspicion.since) }
  return { ...member, standing: { ...standing, suspicion } }
}

/** Delays the end of the suspicion, and the publication of what is withheld. */
export const delayed = (member: Member, millis: number): Member => {
  const later = withTimer(member, (since) => since + millis)
  if (!isActive(later) || later.standing._tag !== "Withheld") return later
  return { ...later, standing: { ...later.standing, publishAt: later.standing.publishAt + millis } }
}

/** Fails the member, with the record by which this node accuses it. */
export const failed = (
  member: UnlinkedMember | FailedMember,
  record: PeerRecord.PeerRecord,
  now: number,
): FailedMember => ({
  ...withRecord(member, record),
  standing: {
    _tag: "Failed",
    failedAt: member.standing._tag === "Failed" ? member.standing.failedAt : now,
    suspicion: undefined,
  },
  reach: { _tag: "Down", dial: member.reach.dial },
})
