/**
 * Decides which connections may start their handshake, and when. A connection arrives, is silent until its first byte, is ready, and
 * runs its handshake. The gate knows no sockets, and its caller reads the clock, in milliseconds that never go back.
 *
 * Docs/security.md, section "What a stranger can cost", has the rules and their bounds for users.
 */
import { hostOf } from "../networks/ip.ts"
import type { Networks } from "../networks/Networks.ts"
import { type HostAccount, HostTable } from "./HostTable.ts"
import type { KnownHosts } from "./KnownHosts.ts"
import type { ProofStrangers } from "./strangers.ts"
import { TokenBucket } from "./TokenBucket.ts"

/**
 * Time after which a handshake gives way to one that waits, in milliseconds. The handshake of TLS takes one round trip after its first
 * bytes, and a peer that starts on a busy machine needs some hundred milliseconds for its part.
 */
export const turnMillis = 2_000

/** Share of the places and of the rate that only known hosts get. */
const reserve = 1 / 3

export interface GateOptions {
  readonly networks: Networks
  readonly bounds: ProofStrangers
  readonly known: KnownHosts
  /** Time that a connection has to prove something, from its arrival. */
  readonly handshakeMillis: number
}

/** A connection that has passed the lists and the rate, with the socket of the caller. */
export class Visitor<A> {
  readonly socket: A
  readonly address: string
  readonly account: HostAccount
  /** `true` if its host was known when it arrived, or became known while it waited. */
  isKnown: boolean
  readonly deadline: number
  state: "silent" | "ready" | "running" | "gone" = "silent"
  /** Time until which its handshake gives way to none. */
  turnEnd = Number.POSITIVE_INFINITY

  constructor(options: Pick<Visitor<A>, "socket" | "address" | "account" | "isKnown" | "deadline">) {
    this.socket = options.socket
    this.address = options.address
    this.account = options.account
    this.isKnown = options.isKnown
    this.deadline = options.deadline
  }
}

/** Next step of the caller. A visitor that is cut has left the gate. */
export type Step<A> =
  | { readonly _tag: "Start"; readonly visitor: Visitor<A> }
  | { readonly _tag: "Cut"; readonly visitor: Visitor<A>; readonly reason: "slow" }

/** Bound of places: of one host, of all hosts that are not known, or of all. */
type Bound = "host" | "strangers" | "all"

/** Outcome of an arrival. A visitor that is displaced has left the gate. */
export type Arrived<A> =
  | { readonly _tag: "Refused"; readonly reason: "blocked" | "rate" | "crowd" }
  | { readonly _tag: "Waits"; readonly visitor: Visitor<A>; readonly displaced: Visitor<A> | undefined }

export class Gate<A> {
  private readonly options: GateOptions
  private readonly hosts: HostTable
  private readonly all: TokenBucket
  /** Handshakes of hosts that are not known. */
  private readonly strangers: TokenBucket
  /** Everybody inside, in the order of their arrival and so of their deadlines. */
  private readonly visitors = new Set<Visitor<A>>()
  private readonly silent = new Map<HostAccount, Set<Visitor<A>>>()
  /** Hosts take turns in the order of the map. */
  private readonly ready = new Map<HostAccount, Set<Visitor<A>>>()
  /** Handshakes, in the order in which they began. */
  private readonly running = new Set<Visitor<A>>()
  private waitingStrangers = 0
  private runningStrangers = 0

  constructor(options: GateOptions, now: number) {
    const { bounds } = options
    this.options = options
    this.hosts = new HostTable({
      max: bounds.hosts,
      perSecond: bounds.connectionsPerSecond,
      burst: bounds.connectionsBurst,
    })
    this.all = new TokenBucket(bounds.handshakesPerSecond, bounds.handshakes, now)
    this.strangers = new TokenBucket(bounds.handshakesPerSecond * (1 - reserve), bounds.handshakes, now)
  }

  /** Counts a connection, and returns the reason for which it must be refused, if there is one. */
  check(address: string, now: number): "blocked" | "rate" | undefined {
    const { known, networks } = this.options
    if (networks.excludes(address) !== undefined) return "blocked"
    const account = this.hosts.of(hostOf(address), now)
    if (known.has(account.host, now)) return undefined
    return account.isMuted(now) || !account.tokens.take(now) ? "rate" : undefined
  }

  /** Lets a connection in, which then waits, or refuses it. */
  arrive(socket: A, address: string, now: number): Arrived<A> {
    const reason = this.check(address, now)
    if (reason !== undefined) return { _tag: "Refused", reason }
    const account = this.hosts.of(hostOf(address), now)
    const visitor = new Visitor({
      socket,
      account,
      address,
      isKnown: this.options.known.has(account.host, now),
      deadline: now + this.options.handshakeMillis,
    })
    const isFull = this.fullness(visitor)
    const displaced = isFull === undefined ? undefined : this.yieldingTo(visitor, isFull)
    if (isFull !== undefined && displaced === undefined) return { _tag: "Refused", reason: "crowd" }
    if (displaced !== undefined) this.leave(displaced)
    this.visitors.add(visitor)
    this.addWaiting(visitor, 1)
    addTo(this.silent, visitor)
    return { _tag: "Waits", visitor, displaced }
  }

  /** The first byte of the visitor has arrived. */
  setReady(visitor: Visitor<A>): void {
    if (visitor.state !== "silent") return
    removeFrom(this.silent, visitor)
    visitor.state = "ready"
    addTo(this.ready, visitor)
  }

  /** Removes a visitor: it has proved something, or it went away. */
  leave(visitor: Visitor<A>): void {
    if (!this.visitors.delete(visitor)) return
    if (visitor.state === "running") this.addRunning(visitor, -1)
    else this.addWaiting(visitor, -1)
    removeFrom(this.silent, visitor)
    removeFrom(this.ready, visitor)
    this.running.delete(visitor)
    visitor.state = "gone"
  }

  /** Removes a visitor that has proved nothing, and counts that. */
  fail(visitor: Visitor<A>, now: number): void {
    if (visitor.state === "gone") return
    this.leave(visitor)
    visitor.account.fail(now, this.options.bounds.failures)
  }

  /** Returns what is to be done now, one step at a time. */
  next(now: number): Step<A> | undefined {
    for (const visitor of this.visitors) {
      if (visitor.deadline > now) break
      return this.cut(visitor, now)
    }
    if (this.all.wait(now) > 0) return undefined
    for (const visitors of this.ready.values()) {
      const visitor = first(visitors)
      if (visitor === undefined) continue
      this.recognize(visitor, now)
      if (!visitor.isKnown && this.strangers.wait(now) > 0) continue
      const bound = this.slotFor(visitor)
      if (bound === "free") return this.start(visitor, now)
      const late = this.lateFor(visitor, bound, now)
      if (late !== undefined) return this.cut(late, now)
    }
    return undefined
  }

  /** Returns the time of the next step, if nothing else happens before. `now` is the time at which {@link next} returned no step. */
  wakeAt(now: number): number {
    let at = first(this.visitors)?.deadline ?? Number.POSITIVE_INFINITY
    if (this.ready.size === 0) return at
    // A handshake that is over its time and still runs gives way to nobody who is ready.
    for (const { turnEnd } of this.running) if (turnEnd > now) at = Math.min(at, turnEnd)
    for (const bucket of [this.all, this.strangers]) {
      const wait = bucket.wait(now)
      if (wait > 0) at = Math.min(at, now + wait)
    }
    return at
  }

  /** Returns everybody inside. */
  inside(): Iterable<Visitor<A>> {
    return this.visitors
  }

  /** Returns the number of hosts with an account. */
  hostCount(): number {
    return this.hosts.size()
  }

  /** Lets a waiting visitor use the reserve if its host has become known. */
  private recognize(visitor: Visitor<A>, now: number): void {
    if (visitor.isKnown || !this.options.known.has(visitor.account.host, now)) return
    visitor.isKnown = true
    this.waitingStrangers--
  }

  /** Returns which bound a newcomer would exceed. */
  private fullness({ account, isKnown }: Visitor<A>): Bound | undefined {
    const { waiting, waitingPerHost } = this.options.bounds
    if (account.waiting >= waitingPerHost) return "host"
    if (this.visitors.size - this.running.size >= waiting) return "all"
    return !isKnown && this.waitingStrangers >= withoutReserve(waiting) ? "strangers" : undefined
  }

  /**
   * Returns the silent visitor that gives way to a newcomer: the oldest one of its host, or of the host with the most silent visitors
   * that is no more known than the newcomer is. A flood of silent connections so takes places from itself.
   */
  private yieldingTo({ account, isKnown }: Visitor<A>, bound: Bound): Visitor<A> | undefined {
    if (bound === "host") return first(this.silent.get(account) ?? [])
    let best: Visitor<A> | undefined
    let most = 0
    for (const visitors of this.silent.values()) {
      const oldest = first(visitors)
      if (visitors.size <= most || oldest === undefined || (oldest.isKnown && !isKnown)) continue
      best = oldest
      most = visitors.size
    }
    return best
  }

  /** Returns which bound of the handshakes keeps a visitor waiting. */
  private slotFor({ account, isKnown }: Visitor<A>): "free" | Bound {
    const { handshakes, handshakesPerHost } = this.options.bounds
    if (account.running >= handshakesPerHost) return "host"
    if (this.running.size >= handshakes) return "all"
    return !isKnown && this.runningStrangers >= withoutReserve(handshakes) ? "strangers" : "free"
  }

  /** Returns the oldest handshake that gives way to a visitor. */
  private lateFor(visitor: Visitor<A>, bound: Bound, now: number): Visitor<A> | undefined {
    for (const each of this.running) {
      if (each.turnEnd > now) return undefined
      if (bound === "host" && each.account !== visitor.account) continue
      if (bound !== "host" && each.isKnown && !visitor.isKnown) continue
      return each
    }
    return undefined
  }

  private start(visitor: Visitor<A>, now: number): Step<A> {
    this.all.take(now)
    if (!visitor.isKnown) this.strangers.take(now)
    removeFrom(this.ready, visitor)
    const others = this.ready.get(visitor.account)
    if (others !== undefined) {
      this.ready.delete(visitor.account)
      this.ready.set(visitor.account, others)
    }
    this.addWaiting(visitor, -1)
    this.addRunning(visitor, 1)
    this.running.add(visitor)
    visitor.state = "running"
    visitor.turnEnd = now + turnMillis
    return { _tag: "Start", visitor }
  }

  private cut(visitor: Visitor<A>, now: number): Step<A> {
    this.fail(visitor, now)
    return { _tag: "Cut", visitor, reason: "slow" }
  }

  private addWaiting({ account, isKnown }: Visitor<A>, count: 1 | -1): void {
    account.waiting += count
    if (!isKnown) this.waitingStrangers += count
  }

  private addRunning({ account, isKnown }: Visitor<A>, count: 1 | -1): void {
    account.running += count
    if (!isKnown) this.runningStrangers += count
  }
}

/** Returns the part of a bound that is for everybody, which is never 0. */
const withoutReserve = (bound: number): number => bound - Math.floor(bound * reserve)

const first = <T>(items: Iterable<T>): T | undefined => {
  for (const item of items) return item
  return undefined
}

const addTo = <A>(groups: Map<HostAccount, Set<Visitor<A>>>, visitor: Visitor<A>): void => {
  const group = groups.get(visitor.account)
  if (group === undefined) groups.set(visitor.account, new Set([visitor]))
  else group.add(visitor)
}

const removeFrom = <A>(groups: Map<HostAccount, Set<Visitor<A>>>, visitor: Visitor<A>): void => {
  const group = groups.get(visitor.account)
  if (group?.delete(visitor) === true && group.size === 0) groups.delete(visitor.account)
}
