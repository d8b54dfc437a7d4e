/**
 * The open connections of a transport below TLS, with what the other side of each has proved. A connection is renewed when its proof is
 * withdrawn, when it is old or has carried much, and at a time of its own. It is cut some time after its proof is withdrawn.
 */
import type { Identity } from "@coterie/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Net from "node:net"
import { resetSocket } from "../socket/resetSocket.ts"
import type { Secured } from "../socket/SocketConnection.ts"

/** Times of sessions, in milliseconds. */
export interface SessionTimes {
  /** Age at which a connection is renewed. */
  readonly renewAfter: number
  /** Time that a connection has whose proof was withdrawn. */
  readonly withdrawWithin: number
}

/** A connection, and its times in milliseconds since 1970. */
export interface Opened {
  readonly socket: Net.Socket
  readonly raw: Net.Socket
  readonly identity: Identity
  /** Time at which the connection is renewed. A time that has passed does nothing: the connection is no older than that. */
  readonly renewAt?: number | undefined
  /** Time at which the connection is cut, and why. */
  readonly cut?: { readonly at: number; readonly reason: string } | undefined
}

export interface Options<Proof> {
  readonly times: SessionTimes
  /** Returns why a proof no longer counts, or `undefined` while it does. */
  readonly withdrawn: (proof: Proof) => string | undefined
  /** Returns the time in milliseconds since 1970. */
  readonly wall: () => number
}

/**
 * Bytes after which a connection is renewed. Node cannot change the keys of a connection, and RFC 8446 (section 5.5) allows 388 GiB
 * with AES-GCM.
 */
export const maxSessionBytes = 64 * 1024 ** 3

/** Longest time between two looks at the ages and bytes: far shorter than either takes to reach its bound. */
const sweepMillis = 10_000

class Session<Proof> {
  readonly proof: Proof
  readonly renewal = Deferred.makeUnsafe<void>()
  private readonly socket: Net.Socket
  private readonly raw: Net.Socket
  private readonly openedAt = performance.now()
  private readonly end: Opened["cut"]
  /** Time of the renewal, until it has come. */
  private renewAt: number | undefined
  private cutTimer: NodeJS.Timeout | undefined = undefined

  constructor(proof: Proof, { cut, raw, renewAt, socket }: Opened, now: number) {
    this.proof = proof
    this.socket = socket
    this.raw = raw
    this.end = cut
    this.renewAt = renewAt !== undefined && renewAt > now ? renewAt : undefined
    raw.once("close", () => clearTimeout(this.cutTimer))
  }

  /** Time of the next step that does not depend on the age or the bytes, or `undefined` if there is none. */
  get dueAt(): number | undefined {
    return this.renewAt ?? this.end?.at
  }

  /** Renews the connection if it is older than the time, in milliseconds, has carried the most that it may, or its time has come. */
  sweep(renewAfter: number, now: number): void {
    const bytes = this.raw.bytesRead + this.raw.bytesWritten
    if (bytes >= maxSessionBytes || performance.now() - this.openedAt >= renewAfter) this.renew()
    if (this.renewAt !== undefined && now >= this.renewAt) {
      this.renewAt = undefined
      this.renew()
    }
    if (this.end !== undefined && now >= this.end.at) this.cut(this.end.reason)
  }

  /** Renews the connection now, and cuts it after some milliseconds. */
  withdraw(within: number, reason: string): void {
    if (this.cutTimer !== undefined || this.raw.destroyed) return
    this.renew()
    this.cutTimer = setTimeout(() => this.cut(reason), within)
    this.cutTimer.unref()
  }

  /** Keeps a connection whose proof counts again. */
  restore(): void {
    clearTimeout(this.cutTimer)
    this.cutTimer = undefined
  }

  renew(): void {
    Deferred.doneUnsafe(this.renewal, Effect.void)
  }

  private cut(reason: string): void {
    if (!this.raw.destroyed) resetSocket(this.socket, this.raw, new Error(reason))
  }
}

export class Sessions<Proof> {
  private readonly options: Options<Proof>
  private readonly sessions = new Set<Session<Proof>>()
  private timer: NodeJS.Timeout | undefined = undefined
  /** Time of the next sweep, in milliseconds since 1970. */
  private sweepAt = Number.POSITIVE_INFINITY

  constructor(options: Options<Proof>) {
    this.options = options
    this.arm(this.options.wall() + this.longest)
  }

  /** Registers a connection until it is closed. Its proof may have been withdrawn during its handshake. */
  open(proof: Proof, opened: Opened): Secured {
    const { identity, raw } = opened
    const session = new Session(proof, opened, this.options.wall())
    if (!raw.destroyed) {
      this.sessions.add(session)
      raw.once("close", () => this.sessions.delete(session))
      if (session.dueAt !== undefined && session.dueAt < this.sweepAt) this.arm(session.dueAt)
    }
    this.checkOne(session)
    return { raw, identity, renewal: Deferred.await(session.renewal) }
  }

  /** Withdraws the connections whose proof no longer counts, and keeps those whose proof counts again. */
  check(): void {
    for (const session of this.sessions) this.checkOne(session)
  }

  /** Renews the connections whose proof fulfills the condition. */
  renewIf(condition: (proof: Proof) => boolean): void {
    for (const session of this.sessions) if (condition(session.proof)) session.renew()
  }

  /** Proofs of the open connections. */
  *proofs(): Iterable<Proof> {
    for (const { proof } of this.sessions) yield proof
  }

  /** Ends the timer of the sessions. */
  close(): void {
    clearTimeout(this.timer)
  }

  private checkOne(session: Session<Proof>): void {
    const reason = this.options.withdrawn(session.proof)
    if (reason === undefined) session.restore()
    else session.withdraw(this.options.times.withdrawWithin, reason)
  }

  private get longest(): number {
    return Math.max(1, Math.min(sweepMillis, this.options.times.renewAfter))
  }

  private readonly sweep = (): void => {
    const now = this.options.wall()
    let next = now + this.longest
    for (const session of this.sessions) {
      session.sweep(this.options.times.renewAfter, now)
      next = Math.min(next, session.dueAt ?? next)
    }
    this.arm(next)
  }

  private arm(at: number): void {
    clearTimeout(this.timer)
    this.sweepAt = at
    this.timer = setTimeout(this.sweep, Math.max(1, at - this.options.wall()))
    this.timer.unref()
  }
}
