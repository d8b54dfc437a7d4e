/** The ring that a transport uses, and its open connections by the key that they were made with. */
import type * as Net from "node:net"
import { Sessions, type SessionTimes } from "../sessions/Sessions.ts"
import type { Secured } from "../socket/SocketConnection.ts"
import { isSameRing, type Key, type Ring } from "./ring.ts"

export class KeySessions {
  private current: Ring
  private keys: ReadonlyMap<string, Key>
  /** Sessions by the id of their key. */
  private readonly sessions: Sessions<string>

  constructor(ring: Ring, times: SessionTimes, wall: () => number) {
    this.current = ring
    this.keys = byId(ring)
    this.sessions = new Sessions<string>({
      times,
      wall,
      withdrawn: (id) => (this.keys.has(id) ? undefined : `its key ${id} was removed from the ring`),
    })
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
    this.sessions.check()
    return true
  }

  /** Registers a connection until it is closed. Its key may have been removed during its handshake. */
  open(key: string, socket: Net.Socket, raw: Net.Socket): Secured {
    return this.sessions.open(key, { socket, raw, identity: { _tag: "Secret", key } })
  }

  /** Ends the timer of the sessions. */
  close(): void {
    this.sessions.close()
  }
}

const byId = (ring: Ring): ReadonlyMap<string, Key> => new Map(ring.map((key) => [key.id, key]))
