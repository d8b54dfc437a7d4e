/**
 * Shard locks of a storage of runners, as SQL storages keep them. Advisory locks belong to a session of the database and
 * end with it. Row locks belong to the address of a runner and end when they are not refreshed.
 */
import type { StorageSession } from "./StorageSession.ts"

/**
 * Kind of the locks: `advisory`, as with PostgreSQL and MySQL, or `rows`, as with SQLite, SQL Server, and
 * `shardLockDisableAdvisory`.
 *
 * @category models
 * @since 0.1.0
 */
export type Locks = "advisory" | "rows"

interface Lock {
  address: string
  /** Sessions to which the storage has granted the lock and that have not given it up. */
  readonly holders: Set<StorageSession>
  /** Time of the grant or of the last refresh, in milliseconds. */
  refreshedAt: number
}

interface Options {
  readonly kind: Locks
  /** Time without a refresh after which a row lock is free, in milliseconds. */
  readonly expiration: number
  /** `true` plants a mistake: a lock is granted while another session holds it. */
  readonly grantsTwice: boolean
  /** Called for each lock that begins or ends. */
  readonly changed: (event: "granted" | "released" | "expired", session: StorageSession, shard: string) => void
}

export class LockTable {
  private readonly options: Options
  private readonly locks = new Map<string, Lock>()

  constructor(options: Options) {
    this.options = options
  }

  /** Grants those of the locks that are free or that the session has already. Returns all that the session has now. */
  acquire(session: StorageSession, shards: ReadonlyArray<string>, now: number): Array<string> {
    return shards.filter((shard) => this.grant(session, shard, now))
  }

  private grant(session: StorageSession, shard: string, now: number): boolean {
    const lock = this.locks.get(shard)
    if (lock !== undefined && !this.has(session, lock)) {
      if (this.isExpired(lock, now)) this.drop(shard, lock, "expired")
      else if (!this.options.grantsTwice) return false
    }
    const granted = this.locks.get(shard) ?? { address: session.address, holders: new Set(), refreshedAt: now }
    this.locks.set(shard, granted)
    granted.address = session.address
    granted.refreshedAt = now
    if (!granted.holders.has(session)) {
      granted.holders.add(session)
      this.options.changed("granted", session, shard)
    }
    return true
  }

  /** Returns `true` if the lock belongs to the session, or to another session with the address of the session. */
  private has(session: StorageSession, lock: Lock): boolean {
    return this.options.kind === "rows" ? lock.address === session.address : lock.holders.has(session)
  }

  private isExpired({ refreshedAt }: Lock, now: number): boolean {
    return this.options.kind === "rows" && now - refreshedAt > this.options.expiration
  }

  /** Refreshes those of the locks that the session has, and returns them. A row that is expired and not taken counts. */
  refresh(session: StorageSession, shards: ReadonlyArray<string>, now: number): Array<string> {
    return shards.filter((shard) => {
      const lock = this.locks.get(shard)
      if (lock === undefined || !this.has(session, lock)) return false
      lock.refreshedAt = now
      return true
    })
  }

  /** Frees a lock of the session. */
  release(session: StorageSession, shard: string): void {
    const lock = this.locks.get(shard)
    if (lock === undefined || !this.has(session, lock)) return
    if (this.options.kind === "rows") this.drop(shard, lock, "released")
    else this.free(session, shard, lock)
  }

  /** Frees all locks of the session. */
  releaseAll(session: StorageSession): void {
    for (const shard of [...this.locks.keys()]) this.release(session, shard)
  }

  /** Frees the advisory locks of a session that has ended. Row locks remain until they expire. */
  end(session: StorageSession): void {
    for (const [shard, lock] of [...this.locks]) {
      if (!lock.holders.has(session)) continue
      if (this.options.kind === "advisory") this.free(session, shard, lock)
      else lock.holders.delete(session)
    }
  }

  private free(session: StorageSession, shard: string, lock: Lock): void {
    lock.holders.delete(session)
    this.options.changed("released", session, shard)
    if (lock.holders.size === 0) this.locks.delete(shard)
  }

  private drop(shard: string, lock: Lock, event: "released" | "expired"): void {
    this.locks.delete(shard)
    for (const holder of lock.holders) this.options.changed(event, holder, shard)
  }

  /** Returns the sessions that hold each lock at a time. */
  holders(now: number): ReadonlyMap<string, ReadonlyArray<StorageSession>> {
    const all = new Map<string, ReadonlyArray<StorageSession>>()
    for (const [shard, lock] of this.locks) {
      if (!this.isExpired(lock, now) && lock.holders.size > 0) all.set(shard, [...lock.holders])
    }
    return all
  }

  /** Returns the shard and the holders of the first lock that several living processes hold at a time. */
  shared(now: number): { readonly shard: string; readonly holders: ReadonlyArray<StorageSession> } | undefined {
    for (const [shard, lock] of this.locks) {
      if (lock.holders.size < 2 || this.isExpired(lock, now)) continue
      const holders = [...lock.holders].filter(({ isDead }) => !isDead)
      if (holders.length > 1) return { shard, holders }
    }
    return undefined
  }
}
