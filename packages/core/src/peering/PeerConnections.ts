/**
 * All connections with each peer (docs/protocol.md, section "Simultaneous connections"): the choice between
 * simultaneous connections, and the order of a peer's messages over all of them. Plain bookkeeping without Effect;
 * `LinkLife` moves the bytes.
 */
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import type { Link, Rank } from "../link/Link.ts"
import type { Session } from "../link/Session.ts"
import { compareRanks } from "../link/Link.ts"
import type { PeerId } from "../Peer.ts"
import type { ByeCode } from "../protocol/Frame.ts"
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import type { Identity } from "../Transport.ts"
import { compareConnections, type Met, PeerConnection, type Sink } from "./PeerConnection.ts"
import { provesLess } from "./proofs.ts"

/**
 * Maximum number of connections of one peer before the oldest is cut. A correct peer may leave some lost connections
 * that seem alive for the link timeout. A peer that leaves more and more would take a window with each.
 */
export const connectionsPerPeer = 8

export interface Options {
  /** Called when nothing more can arrive on a link. Returns whether everything that arrived is kept for its readers. */
  readonly onEnd: (link: Link) => boolean
  /** Called once per session, before its first message. The membership already knows the peer. */
  readonly onSessionStart: (peer: PeerId, session: Session) => void
  /**
   * Called after the last message of a session. Messages that were sent in the session and have not arrived are lost.
   */
  readonly onSessionEnd: (peer: PeerId, session: Session) => void
  /** Number of peers for which this table remembers the rank of the last connection after its end. */
  readonly remembered: number
}

export class PeerConnections {
  private readonly options: Options
  private readonly byName = new Map<string, Set<PeerConnection>>()
  /** Connection in use with each peer, open or closing. */
  private readonly used = new Map<string, PeerConnection>()
  /** Record and greatest rank of the last process of each name that was up. */
  private readonly newest = new Map<string, Met>()
  /** Sessions that have started and not ended. */
  private readonly started = new Set<Session>()
  private unfinished = 0
  private sessions = 0
  /** Code with which every connection is closed, once this node stops. */
  private closing: ByeCode | undefined

  constructor(options: Options) {
    this.options = options
  }

  /** Returns the number of connections that are committed and not finished. */
  size(): number {
    return this.unfinished
  }

  /** Adds a connection on which the peer may rely from now on. */
  commit(peer: PeerRecord, rank: Rank): PeerConnection {
    const siblings = this.byName.get(peer.name) ?? new Set()
    const connection = new PeerConnection(peer, rank, this.sessionWith({ peer, rank }) ?? this.newSession(), siblings)
    siblings.add(connection)
    this.byName.set(peer.name, siblings)
    this.unfinished++
    if (siblings.size > connectionsPerPeer) this.cutOldest(peer.name)
    return connection
  }

  /**
   * Gives the connection its link. Returns the code with which the caller must close the link at once, if there is one.
   */
  comeUp(connection: PeerConnection, link: Link): ByeCode | undefined {
    const closeCode = connection.comeUp(link)
    return this.closing ?? closeCode
  }

  /**
   * Chooses between a new link and the link in use, and closes the other link. Returns `true` if the peer had no link,
   * so that the membership must be informed.
   */
  install(connection: PeerConnection, link: Link): boolean {
    const { name } = connection.peer
    const before = this.used.get(name)
    const last = this.newest.get(name)
    if (last !== undefined && connection.isSameProcess(last) && compareRanks(connection.rank, last.rank) < 0) {
      // The peer reads this link before the later one, so it must not carry messages now.
      link.close("duplicate", "a later connection of this pair was up before this one")
      return false
    }
    if (this.hasUnreadNewerProcess(connection)) {
      // The messages of the newer process wait for this link, so it must end.
      link.close("replaced", "a newer process of this name is not completely read")
      return false
    }
    if (before?.link?.isOpen() === true) {
      if (this.isWeaker(name, link.identity)) {
        // The handshake refuses such a connection, unless both came up during it.
        const code = before.isSameProcess(connection) ? "duplicate" : "replaced"
        link.close(code, "the link of this name has a proof, and this connection has none")
        return false
      }
      if (before.isSameProcess(connection)) {
        this.use(connection)
        before.link.close("duplicate", "another connection of this pair is up")
        return false
      }
      if (before.isNewerThan(connection)) {
        link.close("replaced", "a newer process of this name has a link")
        return false
      }
      before.link.close("replaced", "a newer process of this name has a link")
    }
    this.use(connection)
    return true
  }

  /** Starts the session of the connection, unless another connection has. Called when the link is about to be read. */
  begin(connection: PeerConnection): void {
    connection.hasBegun = true
    this.startSession(connection.peer, connection.session)
  }

  /** Delivers a message in the order in which the peer sent it, over any number of connections. */
  deliver(connection: PeerConnection, sink: Sink, lane: ReadableLane, message: InboundMessage): void {
    connection.deliver(sink, lane, message)
  }

  /**
   * Stops using the connection. Returns `true` if the peer has no link now, so that the membership must be informed.
   * `isMoved`: the peer closed the connection for a better one, which may not have come up on this side yet.
   */
  uninstall(connection: PeerConnection, isMoved: boolean): boolean {
    const { name } = connection.peer
    const now = this.used.get(name)
    if (now !== undefined && now !== connection) return false
    this.used.delete(name)
    // The better connection is up at the peer and pending on this side, so no message is lost.
    return !(isMoved && this.hasSuccessor(connection))
  }

  /** Records that nothing more can arrive on the connection. `isComplete`: the peer sent a Bye `duplicate` before. */
  retire(connection: PeerConnection, isComplete: boolean): void {
    if (connection.isFinished) return
    connection.finish(isComplete)
    this.unfinished--
    this.release(connection.peer.name)
  }

  /** Closes all links, and every link that comes up later. Returns the current connections. */
  closeAll(code: ByeCode): ReadonlyArray<PeerConnection> {
    this.closing = code
    const connections = this.all()
    for (const { link } of connections) {
      link?.part()
      link?.close(code, "")
    }
    return connections
  }

  /** Returns whether a connection with this proof must not replace the link of the name. */
  isWeaker(name: string, identity: Identity | undefined): boolean {
    const link = this.open(name)
    return link !== undefined && provesLess(identity, link.identity)
  }

  /** Returns whether a connection with another process of the peer's name is in use instead. */
  isReplaced(connection: PeerConnection): boolean {
    const used = this.used.get(connection.peer.name)
    return used !== undefined && !used.isSameProcess(connection)
  }

  /** Returns the link in use with the peer, open or closing. */
  current(name: string): Link | undefined {
    return this.used.get(name)?.link
  }

  /** Returns the link for messages to the peer, if there is one. */
  open(name: string): Link | undefined {
    const link = this.current(name)
    return link?.isOpen() === true ? link : undefined
  }

  /** Yields all links for messages. */
  *allOpen(): Iterable<Link> {
    for (const { link } of this.used.values()) if (link?.isOpen() === true) yield link
  }

  /** Returns all connections with the peer. */
  of(name: string): Iterable<PeerConnection> {
    return this.byName.get(name) ?? []
  }

  /** Returns all connections. */
  all(): ReadonlyArray<PeerConnection> {
    return [...this.byName.values()].flatMap((connections) => [...connections])
  }

  private newSession(): Session {
    return { session: ++this.sessions }
  }

  /** Returns the session of the existing connections with this life of the peer, if there is one. */
  private sessionWith(met: Met): Session | undefined {
    for (const other of this.of(met.peer.name)) if (other.isSameLife(met)) return other.session
    return undefined
  }

  /** Returns whether a link with a newer process of the same life was in use and is not completely read. */
  private hasUnreadNewerProcess(connection: PeerConnection): boolean {
    for (const other of this.of(connection.peer.name)) {
      if (other.wasUsed && other.isSameLife(connection) && other.isNewerThan(connection)) return true
    }
    return false
  }

  /** Makes this connection the one in use with its peer. */
  private use(connection: PeerConnection): void {
    const { peer, rank } = connection
    const { name } = peer
    this.used.set(name, connection)
    connection.wasUsed = true
    this.newest.delete(name)
    this.newest.set(name, { peer, rank })
    for (const oldest of this.newest.keys()) {
      if (this.newest.size <= this.options.remembered) break
      this.newest.delete(oldest)
    }
  }

  /**
   * Delivers the messages that no earlier connection blocks any more, and removes the connections that hold nothing.
   */
  private release(name: string): void {
    const connections = [...this.of(name)].sort(compareConnections)
    // Starts at the earliest connection, because each removed connection may unblock the next.
    for (const connection of connections) {
      if (connection.isBlocked()) continue
      connection.deliverHeld()
      if (!connection.isFinished) continue
      this.byName.get(name)?.delete(connection)
      const { link, phase } = connection
      const isKept = link === undefined || this.options.onEnd(link)
      this.leaveSession(connection, isKept && phase._tag === "Retired" && phase.isComplete)
    }
    if (this.byName.get(name)?.size === 0) this.byName.delete(name)
  }

  /**
   * Ends the part of a removed connection in its session. The other connections of the session continue the session
   * only if the removed connection was completely read.
   */
  private leaveSession(connection: PeerConnection, isComplete: boolean): void {
    const { peer, session } = connection
    const others = this.othersOf(connection)
    if (isComplete && others.length > 0) return
    // A send may have been accepted in a session from which nothing was read, so the end of the session must be
    // reported.
    const isUsed = connection.link !== undefined || others.some(({ link }) => link !== undefined)
    if (others.length > 0) {
      const next = this.newSession()
      for (const other of others) other.session = next
    }
    if (isUsed) this.startSession(peer, session)
    if (this.started.delete(session)) this.options.onSessionEnd(peer, session)
    for (const other of others) if (other.hasBegun) this.startSession(other.peer, other.session)
  }

  private startSession(peer: PeerId, session: Session): void {
    if (this.started.has(session)) return
    this.started.add(session)
    this.options.onSessionStart(peer, session)
  }

  /** Returns the other connections of the session of a connection. */
  private othersOf(connection: PeerConnection): ReadonlyArray<PeerConnection> {
    const { peer, session } = connection
    return [...this.of(peer.name)].filter((other) => other !== connection && other.session === session)
  }

  /** Returns whether another connection with the same life of the peer may still come up. */
  private hasSuccessor(connection: PeerConnection): boolean {
    for (const other of this.of(connection.peer.name)) {
      if (other === connection || !other.isPending) continue
      if (other.isSameLife(connection)) return true
    }
    return false
  }

  private cutOldest(name: string): void {
    for (const { isFinished, link } of this.of(name)) {
      if (link === undefined || isFinished || link === this.current(name)) continue
      return link.cut()
    }
  }
}
