/**
 * Connection with a peer, from the time at which the peer may rely on it: its phase, and the messages that wait
 * because an earlier connection is not completely read.
 */
import * as Deferred from "effect/Deferred"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import type { Link, Rank } from "../link/Link.ts"
import type { Session } from "../link/Session.ts"
import { compareRanks } from "../link/Link.ts"
import type { PeerId } from "../Peer.ts"
import type { ByeCode } from "../protocol/Frame.ts"
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import { compareProcesses, type Process } from "../protocol/processOrder.ts"

/** A link as the readers of its messages see it. Messages of one source arrive in order. */
export interface Source {
  readonly peer: PeerId
  readonly session: () => Session
}

/** Receiver of the messages of one lane, on any link. Never waits. */
export interface Sink {
  readonly offer: (link: Source, lane: ReadableLane, message: InboundMessage) => void
}

/**
 * Phase of a connection. The transitions are Committed -> Up -> Retired, and Committed -> Abandoned if the handshake
 * fails after this side committed to the connection.
 */
export type Phase =
  /**
   * The Ready of this side is in flight, so the peer may rely on the connection. `closeCode` ends the connection once
   * it is up.
   */
  | { readonly _tag: "Committed"; readonly closeCode: ByeCode | undefined }
  /** The connection has a link. */
  | { readonly _tag: "Up"; readonly link: Link }
  /**
   * The link has ended. The connection stays in the table only for the messages that it holds. `isComplete`: the peer
   * sent a Bye `duplicate`, so everything that it sent on this connection has arrived.
   */
  | { readonly _tag: "Retired"; readonly link: Link; readonly isComplete: boolean }
  /** The connection ended before it had a link. */
  | { readonly _tag: "Abandoned" }

/** A waiting message, and its receiver. */
interface HeldMessage {
  readonly sink: Sink
  readonly lane: ReadableLane
  readonly message: InboundMessage
}

/** Identity of the process at the other end of a connection, from its handshake. */
export type Met = Pick<PeerConnection, "peer" | "rank">

const processOf = ({ peer: { generation }, rank: { instance } }: Met): Process => ({ generation, instance })

/** Compares two connections with processes of one name by the order in which this side reads them. */
export const compareConnections = (a: Met, b: Met): number =>
  a.peer.generation - b.peer.generation || compareRanks(a.rank, b.rank)

export class PeerConnection {
  /** Record of the peer from the handshake. */
  readonly peer: PeerRecord
  readonly rank: Rank
  /** All connections with the peer in the table, including this one. */
  readonly siblings: ReadonlySet<PeerConnection>
  /** Completes when the connection is up and the membership knows it, or when the connection has ended. */
  readonly settled: Deferred.Deferred<void> = Deferred.makeUnsafe()
  /** Completes when the connection is closed. */
  readonly done: Deferred.Deferred<void> = Deferred.makeUnsafe()
  /** Current session of the connection. Changed by `PeerConnections`. */
  session: Session
  /** `true` once the link is about to be read and the membership knows the peer. Set by `PeerConnections`. */
  hasBegun = false
  /** `true` once the connection has been the one in use with its peer. Set by `PeerConnections`. */
  wasUsed = false
  private current: Phase = { _tag: "Committed", closeCode: undefined }
  private held: Array<HeldMessage> = []

  constructor(peer: PeerRecord, rank: Rank, session: Session, siblings: ReadonlySet<PeerConnection>) {
    this.peer = peer
    this.rank = rank
    this.session = session
    this.siblings = siblings
  }

  get phase(): Phase {
    return this.current
  }

  /** Link, also after its end; `undefined` if the connection has not been up. */
  get link(): Link | undefined {
    const phase = this.current
    return phase._tag === "Up" || phase._tag === "Retired" ? phase.link : undefined
  }

  /** `true` if nothing more can arrive on the connection. */
  get isFinished(): boolean {
    return this.current._tag === "Retired" || this.current._tag === "Abandoned"
  }

  /** `true` if the connection may still come up. */
  get isPending(): boolean {
    return this.current._tag === "Committed"
  }

  /** Ends the connection: at once if it is up, or as soon as it is up. */
  close(code: ByeCode): void {
    if (this.current._tag === "Committed") this.current = { _tag: "Committed", closeCode: code }
    else this.link?.close(code, "")
  }

  /**
   * Gives the connection its link. Returns the code with which the caller must close the link at once, if there is one.
   */
  comeUp(link: Link): ByeCode | undefined {
    const closeCode = this.current._tag === "Committed" ? this.current.closeCode : undefined
    this.current = { _tag: "Up", link }
    return closeCode
  }

  /** Records that nothing more can arrive on the connection. */
  finish(isComplete: boolean): void {
    const { link } = this
    this.current = link === undefined ? { _tag: "Abandoned" } : { _tag: "Retired", link, isComplete }
  }

  /** Returns whether the peer of this connection is the process of another connection. */
  isSameProcess(other: Met): boolean {
    return compareProcesses(processOf(this), processOf(other)) === 0
  }

  /**
   * Returns whether the peer of this connection is the same life as the peer of another connection of the same name. Two
   * processes of one life may be one process that has taken a greater instance.
   */
  isSameLife(other: Met): boolean {
    return this.peer.generation === other.peer.generation
  }

  /**
   * Returns whether this connection is with another process of the peer's name than another connection, and takes
   * precedence over it.
   */
  isNewerThan(other: Met): boolean {
    return !this.isSameProcess(other) && compareConnections(this, other) > 0
  }

  /** Returns whether an earlier connection with the same life of the peer is not completely read. */
  isBlocked(): boolean {
    // Usually this is the only connection.
    if (this.siblings.size === 1) return false
    for (const other of this.siblings) {
      if (other !== this && other.isSameLife(this) && compareConnections(other, this) < 0) return true
    }
    return false
  }

  /** Passes a message to its receiver, or holds it while an earlier connection is not completely read. */
  deliver(sink: Sink, lane: ReadableLane, message: InboundMessage): void {
    const { link } = this
    if (link === undefined || this.held.length > 0 || this.isBlocked()) this.held.push({ sink, lane, message })
    else sink.offer(link, lane, message)
  }

  /** Passes all held messages to their receivers. */
  deliverHeld(): void {
    const { held, link } = this
    this.held = []
    if (link !== undefined) for (const { lane, message, sink } of held) sink.offer(link, lane, message)
  }
}
