/**
 * The entries of other nodes, and the requests with which this node gets them. It is a state machine without a clock
 * and without I/O: the time is an argument.
 *
 * Every request is level-triggered. A member that reads the map with another opening than the one that was asked, is
 * asked. No rule depends on having seen a transition.
 */
import type { LinkState, PeerId, PeerStatus } from "@coterie/core/Peer"
import type { ReadingPeer } from "@coterie/core/Lane"
import { markOf } from "./hash.ts"
import type { Item, Part, Stop, Sum, Want } from "./messages.ts"
import type { MirrorEntry } from "./MirrorEntries.ts"
import { unpack } from "./packed.ts"
import { type Mirror, type MirrorChange, StagedBatch } from "./StagedBatch.ts"
import { SyncBudget } from "./SyncBudget.ts"

/** Reason for which the entries of an owner are no longer shown. */
export type Gone = "left" | "failed" | "replaced" | "disconnected" | "closed" | "refused" | "diverged"

/** Identifies an opening of the map at a peer. */
const openingOf = ({ generation, opening, session }: ReadingPeer): string => `${generation}/${session}/${opening}`

/** A request to one opening of the map at a peer. */
interface Ask<E> {
  readonly opening: string
  readonly nonce: number
  readonly tries: number
  /** Reason for the request that is repeated at `retryAt`. */
  readonly repeatsFor: AskReason
  /**
   * - `asked`: no batch has arrived yet. The request is repeated at `retryAt` unless parts arrive. `live`: a batch has
   *   arrived, and later ones follow.
   * - `waiting`: the request failed or its answer did not fit. It is repeated at `retryAt`.
   * - `refused`: the owner exceeds the bounds, or uses another format. It is not asked again in this opening.
   */
  state: "asked" | "live" | "waiting" | "refused"
  retryAt: number
  staged: StagedBatch<E> | undefined
}

/** A member, which may own entries. */
interface Member<E> {
  peer: MemberPeer
  /** Time since which the link is up and the peer does not read the map. `undefined` if it reads or has no link. */
  silentSince: number | undefined
  /** `true` if the peer has been silent for `absentMillis`. */
  isAbsent: boolean
  ask: Ask<E> | undefined
  /** Time for which `synced` still waits for the peer. */
  readonly budget: SyncBudget
  /** Message that waits to be sent to the peer. */
  request: "want" | "stop" | undefined
}

/** Description of a member, as the view has it. */
export interface MemberPeer extends PeerId {
  readonly status: PeerStatus
  readonly link: LinkState
}

/** State of an owner, as this node shows it (docs/state.md, section "Owners"). */
export type OwnerState = "live" | "stale" | "syncing" | "absent" | "refused"

export interface Bounds {
  readonly entries: number
  readonly bytes: number
}

export interface Options<E> {
  readonly bounds: Bounds
  /** Time for which `synced` waits for the entries of one member, in milliseconds. */
  readonly syncMillis: number
  /** Random number, to which the nonces of requests are added. */
  readonly nonce: number
  /** Decodes a value. Must not throw. */
  readonly decode: (owner: PeerId, key: string, value: Uint8Array) => E
  readonly count: (what: Counted) => void
}

/** Effects of an input. */
export interface Outputs<E> {
  /** Peers to which a message waits. */
  readonly wakes: Set<string>
  readonly changes: Array<MirrorChange<E>>
  /** Mirrors that are gone, after the changes. */
  readonly dropped: Array<{ readonly mirror: Mirror<E>; readonly why: Gone }>
  /** Members whose state may have changed. */
  readonly touched: Set<string>
  /** Members for which `synced` does not wait any more, although their entries are missing. */
  readonly overdue: Set<string>
}

/**
 * Reason for a request to a peer.
 *
 * - `opened`: the peer has opened the map, or its link is new.
 * - `unanswered`: no part of the answer has arrived for a while.
 * - `notSent`: the request before could not be sent.
 * - `gap`: a part did not follow the one before.
 * - `diverged`: the copy did not have the checksum of its owner.
 */
export type AskReason = "opened" | "unanswered" | "notSent" | "gap" | "diverged"

/** Requests by their reason and rare events, for the metrics. */
export type Counted = `asks ${AskReason}` | "diverged" | "refused" | "ignored" | "gaps"

const firstRetryMillis = 200
const maxRetryMillis = 5_000

/** Time without a part after which a request is repeated. It doubles with every repetition. */
const firstPatienceMillis = 5_000
const maxPatienceMillis = 30_000

const patience = (tries: number): number => Math.min(maxPatienceMillis, firstPatienceMillis * 2 ** tries)

/** Time for which a peer with a link may be missing among the readers, because it has not listed its lanes yet. */
export const absentMillis = 1_500

const noOutputs = <E>(): Outputs<E> => ({
  wakes: new Set(),
  changes: [],
  dropped: [],
  touched: new Set(),
  overdue: new Set(),
})

export class Mirrors<E> {
  readonly mirrors = new Map<string, Mirror<E>>()
  private readonly members = new Map<string, Member<E>>()
  private readers = new Map<string, ReadingPeer>()
  /** Members with a deadline. */
  private readonly deadlines = new Map<string, number>()
  private nonce: number
  private readonly options: Options<E>
  private out: Outputs<E> = noOutputs()

  constructor(options: Options<E>) {
    this.options = options
    this.nonce = options.nonce
  }

  /** Returns the effects since the last call. */
  take(): Outputs<E> {
    const { out } = this
    this.out = noOutputs()
    return out
  }

  // ---- inputs ----

  /** A member was added or has changed. */
  memberChanged(peer: MemberPeer, now: number): void {
    const { name } = peer
    let member = this.members.get(name)
    if (member !== undefined && member.peer.generation !== peer.generation) {
      this.memberGone(name, "replaced")
      member = undefined
    }
    if (member === undefined) {
      const budget = new SyncBudget(this.options.syncMillis)
      member = { peer, silentSince: undefined, isAbsent: false, ask: undefined, budget, request: undefined }
      this.members.set(name, member)
    }
    member.peer = peer
    this.update(name, member, now)
  }

  /** A member is gone from the view. */
  memberGone(name: string, why: Gone): void {
    this.members.delete(name)
    this.deadlines.delete(name)
    this.out.touched.add(name)
    this.drop(name, why)
  }

  /** The view has these members and no others. */
  snapshot(peers: ReadonlyMap<string, MemberPeer>, now: number): void {
    for (const name of [...this.members.keys()]) if (!peers.has(name)) this.memberGone(name, "failed")
    for (const peer of peers.values()) this.memberChanged(peer, now)
  }

  /** These peers read the map. */
  readersChanged(readers: Iterable<ReadingPeer>, now: number): void {
    this.readers = new Map(Array.from(readers, (reader) => [reader.name, reader]))
    for (const [name, member] of this.members) this.update(name, member, now)
  }

  /** The session with a peer is over. No answer to an earlier request comes. */
  sessionEnded(name: string, session: number, now: number): void {
    const reader = this.readers.get(name)
    if (reader !== undefined && reader.session <= session) this.readers.delete(name)
    const member = this.members.get(name)
    if (member !== undefined) this.update(name, member, now)
  }

  /** A part of a peer has arrived. */
  received(from: PeerId, part: Part, now: number): void {
    const member = this.members.get(from.name)
    const ask = member?.ask
    const isAnswer = ask !== undefined && (ask.state === "asked" || ask.state === "live") && ask.nonce === part.nonce
    if (member === undefined || !isAnswer || member.peer.generation !== from.generation) {
      this.options.count("ignored")
      return
    }
    const staged = this.stage(from, ask, part)
    const added = staged === undefined ? "gap" : this.add(from, staged, part)
    if (staged === undefined || added === "gap") {
      this.options.count("gaps")
      this.retry(from.name, member, ask, "gap", now)
    } else if (added === "tooLarge") this.refuse(from.name, member, ask, now)
    else if (part.end !== undefined) this.complete(from, member, ask, staged, part.end, now)
    else if (ask.state === "asked") ask.retryAt = now + patience(ask.tries)
  }

  /** A request could not be sent. `isFinal` if the peer never accepts it. */
  failed(name: string, nonce: number, isFinal: boolean, now: number): void {
    const member = this.members.get(name)
    const ask = member?.ask
    if (member === undefined || ask?.nonce !== nonce || ask.state !== "asked") return
    if (isFinal) this.refuse(name, member, ask, now)
    else this.retry(name, member, ask, "notSent", now)
  }

  /** Does what is due. */
  tick(now: number): void {
    for (const [name, at] of [...this.deadlines]) {
      const member = this.members.get(name)
      if (member !== undefined && at <= now) this.update(name, member, now)
    }
  }

  /** Returns the time of the next `tick`. */
  dueAt(): number {
    let first = Infinity
    for (const at of this.deadlines.values()) first = Math.min(first, at)
    return first
  }

  // ---- outputs ----

  /** Takes the message that waits for a peer. */
  next(name: string): Want | Stop | undefined {
    const member = this.members.get(name)
    const request = member?.request
    if (member === undefined || request === undefined) return undefined
    member.request = undefined
    if (request === "stop") return { _tag: "Stop" }
    if (member.ask === undefined) return undefined
    const mirror = this.mirrors.get(name)
    return { _tag: "Want", nonce: member.ask.nonce, epoch: mirror?.epoch ?? 0, version: mirror?.version ?? 0 }
  }

  /** Returns `true` if a message waits for the peer. */
  hasNext(name: string): boolean {
    return this.members.get(name)?.request !== undefined
  }

  /** Returns the members. */
  names(): Iterable<string> {
    return this.members.keys()
  }

  /** Returns a member and the state of its entries. `undefined` if the view does not have it. */
  owner(name: string): { readonly peer: MemberPeer; readonly state: OwnerState } | undefined {
    const member = this.members.get(name)
    return member === undefined ? undefined : { peer: member.peer, state: this.stateOf(name, member) }
  }

  /** Number of members. */
  get size(): number {
    return this.members.size
  }

  /** Returns `true` if this node has a link to a member. */
  hasLink(): boolean {
    for (const { peer } of this.members.values()) if (peer.link === "up") return true
    return false
  }

  /** Returns `true` if the entries of every member with a link are here, will not come, or take too long. */
  isSynced(): boolean {
    for (const name of this.members.keys()) if (!this.isSyncedWith(name)) return false
    return true
  }

  /** Returns `true` if the entries of a member are here, will not come or take too long, or if it has no link. */
  isSyncedWith(name: string): boolean {
    const member = this.members.get(name)
    if (member === undefined || member.peer.link !== "up" || member.budget.isSpent) return true
    const state = this.stateOf(name, member)
    return state !== "syncing" && state !== "stale"
  }

  private stateOf(name: string, { ask, isAbsent, peer }: Member<E>): OwnerState {
    if (ask?.state === "refused") return "refused"
    if (ask?.state === "live" && peer.link === "up") return "live"
    if (this.mirrors.has(name)) return "stale"
    return isAbsent ? "absent" : "syncing"
  }

  // ---- rules ----

  /** Brings the requests to a member up to date with what is known of it. */
  private update(name: string, member: Member<E>, now: number): void {
    const reader = this.readers.get(name)
    const opening =
      member.peer.link === "up" && reader?.generation === member.peer.generation ? openingOf(reader) : undefined
    if (member.ask !== undefined && member.ask.opening !== opening) {
      member.ask = undefined
      member.request = undefined
    }
    if (opening !== undefined) {
      member.silentSince = undefined
      member.isAbsent = false
      const { ask } = member
      if (ask === undefined || ask.retryAt <= now) {
        const tries = ask === undefined ? 0 : ask.tries + (ask.state === "asked" ? 1 : 0)
        this.ask(name, member, { opening, tries }, ask?.repeatsFor ?? "opened", now)
      }
    } else this.listen(name, member, now)
    this.schedule(name, member, now)
    this.out.touched.add(name)
  }

  /** Waits for a peer that does not read the map, and drops its entries after a while. */
  private listen(name: string, member: Member<E>, now: number): void {
    if (member.peer.link !== "up") {
      member.silentSince = undefined
      member.isAbsent = false
      return
    }
    member.silentSince ??= now
    // The same sum as in `schedule`: a difference may round to less than the constant.
    if (member.isAbsent || now < member.silentSince + absentMillis) return
    member.isAbsent = true
    this.drop(name, "closed")
  }

  private schedule(name: string, { ask, budget, isAbsent, peer, silentSince }: Member<E>, now: number): void {
    if (ask?.state === "live") budget.renew()
    else if (peer.link !== "up" || isAbsent || ask?.state === "refused") budget.pause(now)
    else if (budget.run(now)) this.out.overdue.add(name)
    const silence = silentSince === undefined || isAbsent ? Infinity : silentSince + absentMillis
    const at = Math.min(silence, ask?.retryAt ?? Infinity, budget.endsAt)
    if (at === Infinity) this.deadlines.delete(name)
    else this.deadlines.set(name, at)
  }

  private ask(
    name: string,
    member: Member<E>,
    of: Pick<Ask<E>, "opening" | "tries">,
    why: AskReason,
    now: number,
  ): void {
    const retryAt = now + patience(of.tries)
    const nonce = ++this.nonce
    member.ask = { ...of, nonce, state: "asked", repeatsFor: "unanswered", retryAt, staged: undefined }
    member.request = "want"
    this.options.count(`asks ${why}`)
    this.out.wakes.add(name)
  }

  /** Asks again later. The delay doubles with every failure. */
  private retry(name: string, member: Member<E>, ask: Ask<E>, why: AskReason, now: number): void {
    const delay = Math.min(maxRetryMillis, firstRetryMillis * 2 ** ask.tries)
    const retryAt = now + delay
    member.ask = { ...ask, state: "waiting", repeatsFor: why, tries: ask.tries + 1, retryAt, staged: undefined }
    member.request = undefined
    this.schedule(name, member, now)
    this.out.touched.add(name)
  }

  private refuse(name: string, member: Member<E>, ask: Ask<E>, now: number): void {
    member.ask = { ...ask, state: "refused", retryAt: Infinity, staged: undefined }
    member.request = "stop"
    this.options.count("refused")
    this.schedule(name, member, now)
    this.out.wakes.add(name)
    this.out.touched.add(name)
    this.drop(name, "refused")
  }

  private drop(name: string, why: Gone): void {
    const mirror = this.mirrors.get(name)
    if (mirror === undefined) return
    this.mirrors.delete(name)
    this.out.dropped.push({ mirror, why })
  }

  /** Returns the batch to which a part belongs, or `undefined` if the part does not fit. */
  private stage(owner: PeerId, ask: Ask<E>, part: Part): StagedBatch<E> | undefined {
    if (part.index > 0) return ask.staged?.continuesWith(part) === true ? ask.staged : undefined
    const { epoch, from, to } = part
    const old = this.mirrors.get(owner.name)
    const follows = from === undefined || (old?.epoch === epoch && old.version === from && to >= from)
    if (!follows) return undefined
    ask.staged = new StagedBatch({ owner, range: { epoch, from, to }, old })
    return ask.staged
  }

  /** Adds the items of a part to its batch. */
  private add(owner: PeerId, staged: StagedBatch<E>, part: Part): "added" | "gap" | "tooLarge" {
    const { bounds } = this.options
    const known = this.mirrors.get(owner.name)?.entries
    staged.parts++
    for (const item of part.items) {
      staged.bytes += item.bytes
      // A batch has at most one item for each entry and for each removal that the owner remembers.
      if (staged.bytes > 2 * bounds.bytes || staged.size >= 2 * bounds.entries) return "tooLarge"
      if (!staged.add(item.key, this.entryOf(owner, item, known?.find(item.key)))) return "gap"
    }
    return "added"
  }

  /** Returns the entry of an item, which is the known one if its bytes are the same. So it is decoded once. */
  private entryOf(
    owner: PeerId,
    { bytes, hash, key, value: packed }: Item,
    known: MirrorEntry<E> | undefined,
  ): MirrorEntry<E> | undefined {
    if (packed === undefined) return undefined
    const value = unpack(packed)
    const mark = markOf(value)
    const isSame = known?.hash === hash && known.bytes === bytes && known.mark === mark
    return isSame ? known : { hash, bytes, mark, value: this.options.decode(owner, key, value) }
  }

  /** Applies a whole batch in one step. */
  private complete(from: PeerId, member: Member<E>, ask: Ask<E>, staged: StagedBatch<E>, end: Sum, now: number): void {
    ask.staged = undefined
    const { bounds } = this.options
    const { changes, mirror } = staged.apply()
    for (const change of changes) this.out.changes.push(change)
    this.mirrors.set(from.name, mirror)
    if (mirror.entries.size > bounds.entries || mirror.entries.bytes > bounds.bytes)
      return this.refuse(from.name, member, ask, now)
    if (mirror.entries.size !== end.count || mirror.entries.check !== end.check) {
      this.options.count("diverged")
      this.drop(from.name, "diverged")
      return this.retry(from.name, member, ask, "diverged", now)
    }
    member.ask = { ...ask, state: "live", tries: 0, retryAt: Infinity }
    this.schedule(from.name, member, now)
    this.out.touched.add(from.name)
  }
}
