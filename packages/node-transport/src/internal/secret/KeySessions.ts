/**
 * The ring that a transport uses, and its open connections by the key that they were made with. A connection whose key is removed is
 * renewed, and cut after a bound. A connection that is old or has carried much is renewed, too.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Net from "node:net"
import type { KeyObserver } from "../metrics/KeyMetrics.ts"
import { isSameRing, type Key, type Ring } from "./ring.ts"
import { resetSocket, type Secured } from "../socket/SocketConnection.ts"

/** Times of a session, in milliseconds. */
export interface SessionTimes {
  /** Age at which a connection is renewed. */
  readonly renewAfter: number
  /** Time that a connection has whose key was removed. */
  readonly withdrawWithin: number
}

/**
 * Bytes after which a connection is renewed. Node cannot change the keys of a connection, and RFC 8446 (section 5.5) allows 388 GiB
 * with AES-GCM.
 */
export const maxSessionBytes = 64 * 1024 ** 3

/** Interval at which the ages and bytes are compared with their bounds: far shorter than either takes to reach. */
const sweepMillis = 10_000

/** A connection below TLS. */
class Session {
  readonly key: string
  readonly renewal = Deferred.makeUnsafe<void>()
  private readonly socket: Net.Socket
  private readonly raw: Net.Socket
  private readonly openedAt = performance.now()
  private cutTimer: NodeJS.Timeout | undefined = undefined

  constructor(key: string, socket: Net.Socket, raw: Net.Socket) {
    this.key = key
    this.socket = socket
    this.raw = raw
    raw.once("close", () => clearTimeout(this.cutTimer))
  }

  /** Renews the connection if it is older than the time, in milliseconds, or has carried the most that it may. */
  renewIfOld(renewAfter: number): void {
    const bytes = this.raw.bytesRead + this.raw.bytesWritten
    if (bytes >= maxSessionBytes || performance.now() - this.openedAt >= renewAfter) this.renew()
  }

  /** Renews the connection now, and cuts it after some milliseconds. */
  withdraw(within: number): void {
    if (this.cutTimer !== undefined || this.raw.destroyed) return
    this.renew()
    this.cutTimer = setTimeout(() => this.cut(), within)
    this.cutTimer.unref()
  }

  /** Keeps a connection whose key is back in the ring. */
  restore(): void {
    clearTimeout(this.cutTimer)
    this.cutTimer = undefined
  }

  private cut(): void {
    if (this.raw.destroyed) return
    resetSocket(this.socket, this.raw, new Error(`its key ${this.key} was removed from the ring`))
  }

  private renew(): void {
    Deferred.doneUnsafe(this.renewal, Effect.void)
  }
}

export class KeySessions {
  private current: Ring
  private keys: ReadonlyMap<string, Key>
  private readonly times: SessionTimes
  private readonly observer: KeyObserver
  private readonly sessions = new Set<Session>()
  private readonly sweep: NodeJS.Timeout

  constructor(ring: Ring, times: SessionTimes, observer: KeyObserver) {
    this.current = ring
    this.keys = byId(ring)
    this.times = times
    this.observer = observer
    observer.ringChanged(ring)
    this.sweep = setInterval(
      () => {
        for (const session of this.sessions) session.renewIfOld(times.renewAfter)
      },
      Math.max(1, Math.min(sweepMillis, times.renewAfter)),
    )
    this.sweep.unref()
  }

  /** The keys to dial with, in this order. */
  get ring(): Ring {
    return this.current
  }

  /** Returns the key of an id, or `undefined` if the ring does not have it. */
  readonly find = (id: string): Key | undefined => this.keys.get(id)

  /** Replaces the ring, and withdraws the connections of keys that it does not have. Returns `true` if the ring is another one. */
  use(ring: Ring): boolean {
    if (isSameRing(this.current, ring)) return false
    this.current = ring
    this.keys = byId(ring)
    this.observer.ringChanged(ring)
    for (const session of this.sessions) this.check(session)
    return true
  }

  /** Registers a connection until it is closed. Its key may have been removed during its handshake. */
  open(key: string, socket: Net.Socket, raw: Net.Socket): Secured {
    const session = new Session(key, socket, raw)
    if (!raw.destroyed) {
      this.sessions.add(session)
      raw.once("close", () => this.sessions.delete(session))
      this.observer.opened(key)
      raw.once("close", () => this.observer.closed(key))
    }
    this.check(session)
    return { raw, identity: { _tag: "Secret", key }, renewal: Deferred.await(session.renewal) }
  }

  /** Ends the timer of the sessions. */
  close(): void {
    clearInterval(this.sweep)
  }

  private check(session: Session): void {
    if (this.keys.has(session.key)) session.restore()
    else session.withdraw(this.times.withdrawWithin)
  }
}

const byId = (ring: Ring): ReadonlyMap<string, Key> => new Map(ring.map((key) => [key.id, key]))
