/**
 * The readers of lanes that this node knows: the peers that have opened a lane on their current link, and this node
 * itself. The links hold the lists of lanes. This class numbers the openings and reports changes.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { SendLane } from "../flow/SendLane.ts"
import { awaitLatch } from "../internal/yieldingAwait.ts"
import type { ReadingPeer } from "../Lane.ts"
import type { Link } from "../link/Link.ts"
import { sessionWithSelf } from "../link/Session.ts"
import type { PeerId } from "../Peer.ts"

/** The part of a link that describes the readers at its other end. */
export type ReaderLink = Pick<Link, "lane" | "lanesKnown" | "peer" | "session">

export interface Options {
  /** Returns the current links, one for each peer. */
  readonly current: () => Iterable<ReaderLink>
  /** Returns the other links of the session of a link. They may be about to take over or to end. */
  readonly siblings: (link: ReaderLink) => Iterable<ReaderLink>
  /** Returns the name and the current generation of this node. */
  readonly self: () => PeerId
  /** Returns the number of the opening of a lane that this node reads. */
  readonly ownOpening: (lane: string) => number | undefined
}

export class ReadingPeers {
  private readonly options: Options
  /** Number of each opening that a peer announced. */
  private readonly openings = new WeakMap<SendLane, number>()
  private lastOpening = 0
  /** Latches of the subscribers that wait for a change, with their lanes. */
  private readonly waiting = new Map<Latch.Latch, string>()
  private hasEnded = false

  constructor(options: Options) {
    this.options = options
  }

  /** Returns the readers of a lane, ordered by name. */
  of(lane: string): ReadonlyArray<ReadingPeer> {
    const readers: Array<ReadingPeer> = []
    const opening = this.options.ownOpening(lane)
    if (opening !== undefined) readers.push(readerOf(this.options.self(), sessionWithSelf.session, opening))
    for (const link of this.options.current()) {
      const reader = this.readerAt(link, lane)
      if (reader !== undefined) readers.push(reader)
    }
    return readers.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  }

  /** Returns the readers of a lane now and after each change. A slow subscriber gets the newest list. */
  changes(lane: string): Stream.Stream<ReadonlyArray<ReadingPeer>> {
    return Stream.unwrap(
      Effect.map(this.subscribe(lane), (changed) => {
        let last: ReadonlyArray<ReadingPeer> | undefined
        const pull: Effect.Effect<readonly [ReadonlyArray<ReadingPeer>], Cause.Done> = Effect.suspend(() => {
          if (this.hasEnded) return Cause.done()
          changed.closeUnsafe()
          const readers = this.of(lane)
          if (last !== undefined && isSame(last, readers)) return Effect.andThen(awaitLatch(changed), () => pull)
          last = readers
          return Effect.succeed([readers] as const)
        })
        return Stream.fromPull(Effect.succeed(pull))
      }),
    )
  }

  /**
   * Records that a peer has opened a lane on a link. The lane is the same opening on all links of a session, unless the
   * peer has closed it.
   */
  readonly opened = (link: ReaderLink, lane: SendLane): void => {
    this.openings.set(lane, this.openingAtSiblings(link, lane.name) ?? ++this.lastOpening)
    this.changed(lane.name)
  }

  /**
   * Records that a peer has closed a lane on a link. If another link of the session has the lane open, the peer may
   * have opened it again since, so that lane counts as another opening.
   */
  readonly closed = (link: ReaderLink, lane: SendLane): void => {
    const opening = this.openings.get(lane)
    for (const sibling of this.options.siblings(link)) {
      const other = sibling.lane(lane.name)
      if (other !== undefined && this.openings.get(other) === opening) this.openings.set(other, ++this.lastOpening)
    }
    this.changed(lane.name)
  }

  /**
   * Reports that the readers of a lane, or of all lanes if none is given, may have changed: a link took over or ended,
   * a session changed, or this node opened or closed a lane. A peer may open and close lanes as often as its rate
   * allows, which wakes only the subscribers of these lanes.
   */
  readonly changed = (lane?: string): void => {
    for (const [latch, watched] of this.waiting) if (lane === undefined || lane === watched) latch.openUnsafe()
  }

  /** Ends all streams. */
  readonly end = (): void => {
    this.hasEnded = true
    this.changed()
  }

  private readonly subscribe = (lane: string) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const latch = Latch.makeUnsafe(true)
        this.waiting.set(latch, lane)
        return latch
      }),
      (latch) => Effect.sync(() => this.waiting.delete(latch)),
    )

  /**
   * Returns the reader at the other end of a link. A link that has just taken over may not have listed its lanes yet.
   */
  private readerAt(link: ReaderLink, lane: string): ReadingPeer | undefined {
    const outlet = link.lane(lane)
    const opening =
      outlet !== undefined
        ? this.openings.get(outlet)
        : link.lanesKnown() === undefined
          ? undefined
          : this.openingAtSiblings(link, lane)
    return opening === undefined ? undefined : readerOf(link.peer, link.session().session, opening)
  }

  private openingAtSiblings(link: ReaderLink, lane: string): number | undefined {
    for (const sibling of this.options.siblings(link)) {
      const outlet = sibling.lane(lane)
      const opening = outlet === undefined ? undefined : this.openings.get(outlet)
      if (opening !== undefined) return opening
    }
    return undefined
  }
}

const readerOf = ({ generation, name }: PeerId, session: number, opening: number): ReadingPeer => ({
  name,
  generation,
  session,
  opening,
})

const isSame = (a: ReadonlyArray<ReadingPeer>, b: ReadonlyArray<ReadingPeer>): boolean =>
  a.length === b.length &&
  a.every((one, i) => {
    const other = b[i]
    return (
      one.name === other?.name &&
      one.generation === other.generation &&
      one.session === other.session &&
      one.opening === other.opening
    )
  })
