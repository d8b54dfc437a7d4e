/**
 * Member as this node sees it. A member has a record, a standing (alive, suspect or failed by this node's own
 * timers) and a reach (the kind of connection between this node and the member).
 *
 * The functions that return a member are the transitions between these states. The table in `failureDetection.ts` maps
 * events to transitions. `failureDetection.ts` is the only caller of {@link failed}.
 */
import type { Address } from "../Address.ts"
import type { LinkState, Peer, PeerDescription, RemovedPeer, RemovedStatus } from "../Peer.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"

/** An accusation of a member. More accusers shorten its timer. */
export interface Suspicion {
  /** Start of the timer. */
  readonly since: number
  /** Names of the accusers; `true` for accusers whose connection to the member was refused. */
  readonly accusers: ReadonlyMap<string, boolean>
}

/** Standing of a member that nobody accuses. */
export interface Alive {
  readonly _tag: "Alive"
}

/**
 * Standing of a member with an accusation that this node has not yet published, so that the member can refute it first
 * (R6). The application sees the member as alive.
 */
export interface Withheld {
  readonly _tag: "Withheld"
  readonly suspicion: Suspicion
  /** Time at which this node publishes the accusation to the application. */
  readonly publishAt: number
}

/**
 * Standing of a member whose new link contradicts an accusation. This node asks the member to refute it. The
 * application sees the member as alive.
 */
export interface Overruled {
  readonly _tag: "Overruled"
  readonly suspicion: Suspicion
}

/**
 * Standing of a suspected member. The member fails when the timer of the suspicion ends, unless it shows a sign of
 * life.
 */
export interface Suspect {
  readonly _tag: "Suspect"
  readonly suspicion: Suspicion
}

/** Standing of a member that this node failed. The member is in no view, and this node redials it rarely (R10). */
export interface Failed {
  readonly _tag: "Failed"
  readonly failedAt: number
  /**
   * An accusation of a later incarnation than the failed one. At the end of its timer that incarnation fails as well.
   */
  readonly suspicion: Suspicion | undefined
}

/** Standing of a member that has not failed. */
export type ActiveStanding = Alive | Withheld | Overruled | Suspect

/** The view hashes of this node and of a peer at one comparison. */
export interface HashPair {
  readonly mine: bigint
  readonly theirs: bigint
}

/** A live link. */
export interface Linked {
  readonly _tag: "Linked"
  /** View hashes of the last heartbeat whose hash differed from this node's. */
  readonly mismatch: HashPair | undefined
  /** View hashes and time of the last anti-entropy exchange that a heartbeat started. */
  readonly synced: (HashPair & { readonly at: number }) | undefined
  /**
   * Number of exchanges in a row that heartbeats of the peer started and that did not change this node's view hash, and
   * the time of the last one.
   */
  readonly fruitless: { readonly count: number; readonly at: number } | undefined
  /**
   * Incarnation for which this node last sent the peer a record that the peer did not write, and the time of sending.
   */
  readonly challenged: { readonly incarnation: number; readonly at: number } | undefined
}

/** Result of this node's own first dial since the link was lost. */
export type DialOutcome = "pending" | "failed" | "refused"

/** Reach of a member to which another member has a link and this node has none. */
export interface Indirect {
  readonly _tag: "Indirect"
  readonly dial: DialOutcome
}

/** Reach of a member to which no member is known to have a link. */
export interface Down {
  readonly _tag: "Down"
  readonly dial: DialOutcome
}

export type Reach = Linked | Indirect | Down

interface Base {
  /** Greatest record received: the belief of the cluster about the member. */
  readonly record: PeerRecord.PeerRecord
  /** Hash of the record, which is part of the view hash. */
  readonly hash: bigint
  /** `true` after `disconnect`. The member is then in no view, and this node does not dial it. */
  readonly disconnected: boolean
  /** Address of the last successful dial. */
  readonly address: Address | undefined
  /**
   * Name of the peer that last reported a link to the member. This node asks that peer first when the member is
   * unreachable again.
   */
  readonly lastReachedBy: string | undefined
}

export interface ActiveMember extends Base {
  readonly standing: ActiveStanding
  readonly reach: Reach
}

/** A failed member. It never has a link, because a link makes a member alive. */
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

/** Returns the part of a record that its owner wrote. */
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

/** Returns a member that has left the view, as the application sees it. */
export const toRemoved = <Status extends RemovedStatus>(member: Member, status: Status): RemovedPeer<Status> => ({
  ...describe(member.record),
  status,
})

/** Returns whether this node has a live link to the member. */
export const isLinked = (member: Member): member is LinkedMember => member.reach._tag === "Linked"

/** Returns whether this node has no link to the member. */
export const isUnlinked = (member: Member): member is UnlinkedMember | FailedMember => member.reach._tag !== "Linked"

/** Returns whether the member has not failed. */
export const isActive = (member: Member): member is ActiveMember => member.standing._tag !== "Failed"

/** Returns whether the application sees the member. */
export const isInView = (member: Member): member is ActiveMember => !member.disconnected && isActive(member)

/**
 * Returns whether this node asks other members about the member. It does so for a member in the view without a link.
 */
export const needsProbe = (member: Member): member is UnlinkedMember => isInView(member) && isUnlinked(member)

/** Returns the accusation of a member, or `undefined`. */
export const suspicionOf = ({ standing }: Member): Suspicion | undefined =>
  standing._tag === "Alive" ? undefined : standing.suspicion

/** Returns the result of this node's own dial, or `undefined` while there is a link. */
export const dialOf = ({ reach }: Member): DialOutcome | undefined => (reach._tag === "Linked" ? undefined : reach.dial)

/** Returns whether a record counts in the view hash and in the size of the cluster. */
export const countsInSize = (record: Pick<PeerRecord.PeerRecord, "status">): boolean =>
  record.status === "alive" || record.status === "suspect"

// ---- constructors and transitions ----

/** Standing of a member that nobody accuses. */
export const alive: Alive = { _tag: "Alive" }

const freshLink: Linked = {
  _tag: "Linked",
  mismatch: undefined,
  synced: undefined,
  fruitless: undefined,
  challenged: undefined,
}

/** Returns a new member without accusations. */
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

/** Returns the member with another record of the same generation. */
export const withRecord = <A extends Member>(member: A, record: PeerRecord.PeerRecord): A => ({
  ...member,
  record,
  hash: PeerRecord.memberHash(record),
})

/**
 * Returns the member with an alive record. The record ends every accusation and shows that some member has a link to
 * its owner.
 */
export const refuted = (member: Member, record: PeerRecord.PeerRecord): ActiveMember => ({
  ...withRecord(member, record),
  standing: alive,
  reach: member.reach._tag === "Down" ? { _tag: "Indirect", dial: member.reach.dial } : member.reach,
})

/** Returns the member with a live link. */
export const linked = (member: Member, standing: ActiveStanding, address: Address | undefined): ActiveMember => ({
  ...member,
  standing,
  reach: isLinked(member) ? member.reach : freshLink,
  disconnected: false,
  address: address ?? member.address,
})

/** Returns the member without its link. The result of the next dial is pending. */
export const unlinked = (member: ActiveMember): UnlinkedMember => ({
  ...member,
  reach: { _tag: "Down", dial: "pending" },
})

/** Returns the member with the result of a dial. */
export const dialed = (member: UnlinkedMember, dial: DialOutcome): UnlinkedMember => ({
  ...member,
  reach: { ...member.reach, dial },
})

/** Returns the member as reached by the member `by`. Restarts the timer of a suspicion. */
export const reachedBy = (member: UnlinkedMember, by: string, now: number): UnlinkedMember => ({
  ...restartTimer(member, now),
  reach: { _tag: "Indirect", dial: member.reach.dial },
  lastReachedBy: by,
})

/** Returns the member as reached by no member. */
export const unreachable = (member: UnlinkedMember): UnlinkedMember => ({
  ...member,
  reach: { _tag: "Down", dial: member.reach.dial },
})

/**
 * Returns the member with an accusation. A member with a link keeps its status until `publishAt`. A failed member stays
 * failed, because other members fail it later than this node.
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

/** Returns the member as suspected. */
export const suspect = <A extends ActiveMember>(member: A, suspicion: Suspicion): A => ({
  ...member,
  standing: { _tag: "Suspect", suspicion },
})

/**
 * Returns the standing of an accused member whose link is up. Restarts the timer. A withheld accusation stays withheld.
 */
export const overruled = (member: Member, now: number): Withheld | Overruled => {
  const suspicion = { accusers: suspicionOf(member)?.accusers ?? new Map<string, boolean>(), since: now }
  return member.standing._tag === "Withheld" ? { ...member.standing, suspicion } : { _tag: "Overruled", suspicion }
}

/** Restarts the timer of the suspicion, if there is one. */
export const restartTimer = <A extends Member>(member: A, now: number): A => withTimer(member, () => now)

const withTimer = <A extends Member>(member: A, since: (old: number) => number): A => {
  const { standing } = member
  if (standing._tag === "Alive" || standing.suspicion === undefined) return member
  const suspicion = { ...standing.suspicion, since: since(standing.suspicion.since) }
  return { ...member, standing: { ...standing, suspicion } }
}

/** Lets the suspicion begin at this time at the latest. */
export const suspectedBefore = <A extends Member>(member: A, at: number): A =>
  withTimer(member, (since) => Math.min(since, at))

/** Delays the end of the suspicion and the publication of a withheld accusation. */
export const delayed = (member: Member, millis: number): Member => {
  const later = withTimer(member, (since) => since + millis)
  if (!isActive(later) || later.standing._tag !== "Withheld") return later
  return { ...later, standing: { ...later.standing, publishAt: later.standing.publishAt + millis } }
}

/** Returns the member as failed. `record` is the record with which this node accuses it. */
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
