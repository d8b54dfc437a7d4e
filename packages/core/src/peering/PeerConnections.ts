/**
 * All connections with each peer, and which of them is used: the decision between simultaneous ones, and the order of
 * a peer's messages over all of them (docs/protocol.md, section "Simultaneous connections"). Plain bookkeeping without
 * Effect; {@link Links} moves the bytes.
 */
import * as Deferred from "effect/Deferred"
import type { ByeCode } from "../protocol/Frame.ts"
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import type { PeerId } from "../Peer.ts"
import type { LaneReader } from "../flow/ReceiveLanes.ts"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { Link, Rank } from "../link/Link.ts"
import { compareRanks } from "../link/Link.ts"
import type { Session } from "../link/Session.ts"

export type { Session }

/** Takes the messages of one lane, from whatever link they arrive on. Never waits. */
export interface Sink {
  readonly offer: (link: Link, lane: LaneReader, message: InboundMessage) => void
}

/** A connection on which the other side may count: its Ready is under way. */
export interface PeerConnection {
  readonly peer: PeerRecord
  readonly rank: Rank
  /** The link is there, or will never be. */
  readonly settled: Deferred.Deferred<void>
  /** The connection is closed. */
  readonly done: Deferred.Deferred<void>
  link: Link | undefined
  /** Why it is to end as soon as it is up. */
  unwanted: ByeCode | undefined
  session: Session
  /** All connections with the peer that are not forgotten, this one among them. */
  readonly siblings: ReadonlySet<PeerConnection>
  /** Messages that wait because a connection that was used before this one is not read to its end. */
  held: Array<readonly [sink: Sink, lane: LaneReader, message: InboundMessage]>
  /** Nothing more comes; it stays only for what it holds. */
  finished: boolean
  /** The peer said that it goes on elsewhere, so all that it said here has come. */
  complete: boolean
}

export interface PeerConnections {
  /** Connections that are committed and not finished. */
  readonly size: () => number
  readonly commit: (peer: PeerRecord, rank: Rank) => PeerConnection
  /** Decides between a new link and the one in use. `true`: the peer had none, and membership must know. */
  readonly install: (entry: PeerConnection, link: Link) => boolean
  /** A message from the peer: handed on in the order in which the peer spoke, over however many connections. */
  readonly deliver: (entry: PeerConnection, sink: Sink, lane: LaneReader, message: InboundMessage) => void
  /**
   * The connection is used no more. `true`: the peer has no link now, and membership must know. `duplicate` says that
   * the peer closed it for a better one, which may still be on its way here.
   */
  readonly uninstall: (entry: PeerConnection, duplicate: boolean) => boolean
  /** Nothing more comes from the connection; `complete` if the peer said before that it goes on elsewhere. */
  readonly retire: (entry: PeerConnection, complete: boolean) => void
  /** The link that is used with the peer, open or closing. */
  readonly current: (name: string) => Link | undefined
  /** All of these. */
  readonly currents: () => Iterable<Link>
  /** All connections with the peer. */
  readonly of: (name: string) => Iterable<PeerConnection>
  /** All connections. */
  readonly all: () => ReadonlyArray<PeerConnection>
}

/**
 * Connections of one peer that follow each other before the oldest of them is cut. An honest peer may leave some that are dead
 * and seem alive for the link timeout; one that leaves ever more would take a window with each.
 */
export const connectionsPerPeer = 8

export const make = (options: {
  /** Nothing more comes from the link. Answers whether all that came is kept for its readers. */
  readonly onEnd: (link: Link) => boolean
  /** What was said in the session and has not come is lost. Comes after its last message. */
  readonly onSessionEnd: (peer: PeerId, session: Session) => void
  /** Of so many peers the rank of their last connection is remembered after it has ended. */
  readonly remembered: number
}): PeerConnections => {
  const committed = new Map<string, Set<PeerConnection>>()
  const used = new Map<string, PeerConnection>()
  let total = 0
  let sessions = 0

  const newSession = (): Session => ({ session: ++sessions })

  /** The greatest rank that was ever up with a life of a peer. */
  const newest = new Map<string, { readonly generation: number; readonly rank: Rank }>()

  /** The connection is the one that is used with the peer from now on. */
  const use = (entry: PeerConnection): void => {
    const { peer, rank } = entry
    const { generation, name } = peer
    used.set(name, entry)
    newest.delete(name)
    newest.set(name, { generation, rank })
    for (const oldest of newest.keys()) {
      if (newest.size <= options.remembered) break
      newest.delete(oldest)
    }
  }

  const of = (name: string): Iterable<PeerConnection> => committed.get(name) ?? []

  const isBlocked = (entry: PeerConnection): boolean => {
    // Nearly always it is the only one.
    if (entry.siblings.size === 1) return false
    for (const other of entry.siblings) {
      if (other.peer.generation !== entry.peer.generation) continue
      if (other !== entry && compareRanks(other.rank, entry.rank) < 0) return true
    }
    return false
  }

  /** The session that a new connection with this life of the peer takes part in. */
  const sessionOf = ({ generation, name }: PeerRecord): Session | undefined => {
    for (const { peer, session } of of(name)) if (peer.generation === generation) return session
    return undefined
  }

  /** A connection is forgotten; what comes on others of its session follows on it only if it was read to its end. */
  const leaveSession = (entry: PeerConnection, complete: boolean): void => {
    const { peer, session } = entry
    let next: Session | undefined
    for (const other of of(peer.name)) {
      if (other === entry || other.session !== session) continue
      if (complete) return
      other.session = next ??= newSession()
    }
    options.onSessionEnd(peer, session)
  }

  const release = (name: string): void => {
    const entries = [...of(name)].sort((a, b) => compareRanks(a.rank, b.rank))
    // From the lowest rank on, because each that goes may set the next one free.
    for (const entry of entries) {
      if (isBlocked(entry)) continue
      const { held, link } = entry
      entry.held = []
      if (link !== undefined) for (const [sink, lane, message] of held) sink.offer(link, lane, message)
      if (!entry.finished) continue
      committed.get(name)?.delete(entry)
      const isKept = link === undefined || options.onEnd(link)
      leaveSession(entry, entry.complete && isKept)
    }
    if (committed.get(name)?.size === 0) committed.delete(name)
  }

  /** Whether a connection of the same life is committed and not up yet. */
  const hasSuccessor = (entry: PeerConnection): boolean => {
    for (const other of of(entry.peer.name)) {
      if (other === entry || other.finished || other.link !== undefined) continue
      if (other.peer.generation === entry.peer.generation) return true
    }
    return false
  }

  const cutOldest = (name: string): void => {
    for (const { finished, link } of of(name)) {
      if (link === undefined || finished || link === used.get(name)?.link) continue
      return link.cut()
    }
  }

  return {
    size: () => total,
    commit: (peer, rank) => {
      const siblings = committed.get(peer.name) ?? new Set()
      const entry: PeerConnection = {
        peer,
        siblings,
        rank,
        settled: Deferred.makeUnsafe(),
        done: Deferred.makeUnsafe(),
        link: undefined,
        unwanted: undefined,
        session: sessionOf(peer) ?? newSession(),
        held: [],
        finished: false,
        complete: false,
      }
      siblings.add(entry)
      committed.set(peer.name, siblings)
      total++
      if (siblings.size > connectionsPerPeer) cutOldest(peer.name)
      return entry
    },
    install: (entry, link) => {
      const { rank } = entry
      const { name, generation } = entry.peer
      const before = used.get(name)
      const last = newest.get(name)
      if (last !== undefined && last.generation === generation && compareRanks(rank, last.rank) < 0) {
        // The peer reads it before the later one, so nothing may be said on it now.
        link.close("duplicate", "a later connection of this pair was up before this one")
        return false
      }
      if (before?.link?.isOpen() === true) {
        if (before.peer.generation > generation) {
          link.close("replaced", "a newer life of this name has a link")
          return false
        }
        if (before.peer.generation === generation) {
          use(entry)
          before.link.close("duplicate", "another connection of this pair is up")
          return false
        }
        before.link.close("replaced", "a newer life of this name has a link")
      }
      use(entry)
      return true
    },
    deliver: (entry, sink, lane, message) => {
      const { held, link } = entry
      if (link === undefined || held.length > 0 || isBlocked(entry)) held.push([sink, lane, message])
      else sink.offer(link, lane, message)
    },
    uninstall: (entry, duplicate) => {
      const { name } = entry.peer
      const now = used.get(name)
      if (now !== undefined && now !== entry) return false
      used.delete(name)
      // The peer has the better connection already, and this side is about to: nothing is lost.
      return !(duplicate && hasSuccessor(entry))
    },
    retire: (entry, complete) => {
      if (entry.finished) return
      entry.finished = true
      entry.complete = complete
      total--
      release(entry.peer.name)
    },
    current: (name) => used.get(name)?.link,
    currents: function* () {
      for (const { link } of used.values()) if (link !== undefined) yield link
    },
    of,
    all: () => [...committed.values()].flatMap((entries) => [...entries]),
  }
}
