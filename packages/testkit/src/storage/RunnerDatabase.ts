/** Database of a storage of runners: registrations, shard locks, sessions, and the history of all of them. */
import type { Life } from "../kernel/Life.ts"
import { LockTable, type Locks } from "./LockTable.ts"
import { RunnerTable } from "./RunnerTable.ts"
import { StorageSession } from "./StorageSession.ts"

/**
 * Change in a storage of runners, with its time in milliseconds since the storage was made. The node is the cause of the
 * change, and for the end of a lock its holder:
 *
 * - `registered`, `unregistered`: a runner was registered or removed.
 * - `healthy`, `unhealthy`: the flag of a runner was set.
 * - `granted`, `released`, `expired`: a shard lock began, was given up or freed with its session, or was taken over after
 *   its row expired.
 *
 * @category models
 * @since 0.1.0
 */
export interface StorageEvent {
  readonly at: number
  readonly event: "registered" | "unregistered" | "healthy" | "unhealthy" | "granted" | "released" | "expired"
  readonly node: string
  /** Address of the runner, as `host:port`. */
  readonly address: string
  /** Shard of a lock, as `group:number`. `undefined` for other events. */
  readonly shard: string | undefined
}

interface Options {
  readonly locks: Locks
  /** Time after which the registration and the locks of a silent runner are free, in milliseconds. */
  readonly expiration: number
  readonly grantsTwice: boolean
  /** Maximum number of events that the history keeps. */
  readonly history: number
  readonly now: () => number
}

export class RunnerDatabase {
  private readonly options: Options
  private readonly runnerTable: RunnerTable
  private readonly lockTable: LockTable
  private readonly sessions = new Set<StorageSession>()
  private events: Array<StorageEvent> = []

  constructor(options: Options) {
    this.options = options
    this.runnerTable = new RunnerTable(options.expiration)
    this.lockTable = new LockTable({
      kind: options.locks,
      expiration: options.expiration,
      grantsTwice: options.grantsTwice,
      changed: (event, { address, node }, shard) => this.record(event, node, address, shard),
    })
  }

  private record(event: StorageEvent["event"], node: string, address: string, shard?: string): void {
    this.events.push({ at: this.options.now(), event, node, address, shard })
    // Trims rarely, because trimming copies all events.
    if (this.events.length >= 2 * this.options.history) this.events = this.events.slice(-this.options.history)
  }

  // Registrations.

  register(node: string, address: string, runner: string, healthy: boolean): number {
    this.record("registered", node, address)
    return this.runnerTable.register(address, runner, healthy, this.options.now())
  }

  unregister(node: string, address: string): void {
    this.record("unregistered", node, address)
    this.runnerTable.unregister(address, this.options.now())
  }

  setHealth(node: string, address: string, healthy: boolean): void {
    this.record(healthy ? "healthy" : "unhealthy", node, address)
    this.runnerTable.setHealth(address, healthy)
  }

  heartbeat(address: string): void {
    this.runnerTable.refresh(address, this.options.now())
  }

  runners(): ReturnType<RunnerTable["live"]> {
    return this.runnerTable.live(this.options.now())
  }

  // Sessions.

  /** Begins a session of a process. */
  connect(node: string, address: string, life: Life | undefined): StorageSession {
    const session = new StorageSession({ node, address, life, now: this.options.now() })
    this.sessions.add(session)
    return session
  }

  /** Ends a session, which frees its advisory locks. */
  disconnect(session: StorageSession): void {
    if (session.ended) return
    session.ended = true
    this.sessions.delete(session)
    this.lockTable.end(session)
  }

  /**
   * Ends the sessions whose process has ended, and sessions with advisory locks that have not been used for longer than
   * the expiration. It is enough to call this before the locks are read: nobody can see the difference.
   */
  private sweep(): void {
    const { expiration, locks } = this.options
    const now = this.options.now()
    for (const session of this.sessions) {
      const isIdle = locks === "advisory" && now - session.usedAt > expiration
      if (session.isClosedByPeer || isIdle) this.disconnect(session)
    }
  }

  /** Uses a session. Returns `false` if the session has ended. */
  private use(session: StorageSession): boolean {
    this.sweep()
    if (session.ended) return false
    session.usedAt = this.options.now()
    return true
  }

  // Locks. They return `undefined` if the session has ended.

  acquire(session: StorageSession, shards: ReadonlyArray<string>): Array<string> | undefined {
    return this.use(session) ? this.lockTable.acquire(session, shards, this.options.now()) : undefined
  }

  /** Refreshes locks and the registration of the runner. */
  refresh(session: StorageSession, shards: ReadonlyArray<string>): Array<string> | undefined {
    if (!this.use(session)) return undefined
    this.heartbeat(session.address)
    return this.lockTable.refresh(session, shards, this.options.now())
  }

  release(session: StorageSession, shard: string): true | undefined {
    if (!this.use(session)) return undefined
    this.lockTable.release(session, shard)
    return true
  }

  releaseAll(session: StorageSession): true | undefined {
    if (!this.use(session)) return undefined
    this.lockTable.releaseAll(session)
    return true
  }

  // Inspection.

  owners(): ReturnType<LockTable["holders"]> {
    this.sweep()
    return this.lockTable.holders(this.options.now())
  }

  /** Returns the first lock that several sessions hold. Runs after every step of a simulation. */
  shared(): ReturnType<LockTable["shared"]> {
    this.sweep()
    return this.lockTable.shared(this.options.now())
  }

  history(): ReadonlyArray<StorageEvent> {
    return this.events.slice(-this.options.history)
  }
}
