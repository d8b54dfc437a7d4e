/** How segments get from one end of a connection to the other: in order, whole, and sometimes late. */
import { type End, type Kind, nothing, Segment } from "./Link.ts"
import { maxLosses } from "./Way.ts"
import type { World } from "./World.ts"

/** After which time a segment that was lost is sent again, for the first time; then it doubles, as TCP does on Linux. */
export const retransmitMicros = 200_000

/** The time that so many losses in a row cost, if there were others before. It stops to grow somewhere, and is never nothing. */
export const retransmission = (before: number, losses: number): number => {
  const doubled = Math.min(before, maxLosses - losses)
  return retransmitMicros * (2 ** (doubled + losses) - 2 ** doubled)
}

interface Options {
  readonly world: World
  /** For how long the first segment is tried. */
  readonly userTimeout: number
  /** It arrived at the end. */
  readonly deliver: (end: End, segment: Segment) => void
  /** What the end sent could not be delivered for too long. */
  readonly giveUp: (end: End) => void
}

export class Wires {
  private readonly options: Options
  private readonly world: World
  private segments = 0

  constructor(options: Options) {
    this.options = options
    this.world = options.world
  }

  /** Sends something to the peer. */
  launch(end: End, kind: Kind, bytes: Uint8Array = nothing): void {
    const segment = new Segment(kind, bytes, kind === "bytes" ? ++this.segments : 0)
    if (segment.id > 0) {
      this.world.observe?.({
        _tag: "Sent",
        connection: end.link.id,
        segment: segment.id,
        from: end.host.name,
        to: end.way.to.name,
        bytes,
      })
    }
    const { last } = end
    end.last = segment
    if (last === undefined) {
      end.first = segment
      end.since = this.world.timeline.now()
    } else last.next = segment
    this.setOut(end, segment)
    // Nothing overtakes: only the first arrives.
    if (last === undefined) this.attend(end)
  }

  private setOut(end: End, segment: Segment): void {
    const { way } = end
    const losses = way.losses()
    segment.lag = way.latency()
    if (losses > 0) this.lose(segment, losses)
    this.pass(end, segment)
  }

  private lose(segment: Segment, times: number): number {
    const wait = retransmission(segment.losses, times)
    segment.losses += times
    segment.lag += wait
    if (segment.id > 0) this.world.observe?.({ _tag: "Lost", segment: segment.id, times })
    return wait
  }

  /** Lets it through what bandwidth there is. What finds the queue full is lost, and tries again. */
  private pass(end: End, segment: Segment): void {
    const { timeline } = this.world
    const now = timeline.now()
    const left = end.way.leaves(now, segment.bytes.length)
    if (left !== undefined) {
      segment.at = Math.round(left + segment.lag)
      return
    }
    const { lag } = segment
    const wait = this.lose(segment, 1)
    // It is spent before it sets out.
    segment.lag = lag
    segment.at = Number.POSITIVE_INFINITY
    segment.retry = timeline.schedule(now + wait, () => {
      segment.retry = undefined
      this.pass(end, segment)
      if (end.first === segment && !end.stalled) this.attend(end)
    })
  }

  /** Waits for the arrival of the first segment, or until it was tried for too long. */
  private attend(end: End): void {
    end.event?.cancel()
    end.event = undefined
    const { first } = end
    if (first === undefined) return
    const { timeline } = this.world
    const at = Math.max(timeline.now(), first.at)
    if (at < end.since + this.options.userTimeout) end.event = timeline.schedule(at, end.due)
    else this.limit(end)
  }

  /** Lets the end give up when its time is over. */
  private limit(end: End): void {
    const { giveUp, userTimeout } = this.options
    if (userTimeout === Number.POSITIVE_INFINITY) return
    const { timeline } = this.world
    end.event = timeline.schedule(Math.max(timeline.now(), end.since + userTimeout), () => {
      end.event = undefined
      giveUp(end)
    })
  }

  /** The time of the first has come. */
  readonly due = (end: End): void => {
    end.event = undefined
    const { first } = end
    if (first === undefined) return
    // A closed way keeps all as it is, until `release`.
    if (end.mute || end.way.isClosed()) {
      end.stalled = true
      this.limit(end)
      return
    }
    end.first = first.next
    if (end.first === undefined) end.last = undefined
    end.since = this.world.timeline.now()
    this.attend(end)
    this.options.deliver(end.peer, first)
  }

  /** What waited at a way that is open again sets out anew. */
  release(end: End): void {
    if (!end.stalled || end.mute || end.way.isClosed()) return
    end.stalled = false
    for (let segment = end.first; segment !== undefined; segment = segment.next) {
      if (segment.retry === undefined) this.setOut(end, segment)
    }
    this.attend(end)
  }

  /** The bytes of a segment will never be read. */
  dropped(segment: Segment, why: string): void {
    if (segment.id > 0) this.world.observe?.({ _tag: "Dropped", segment: segment.id, why })
  }

  /** Throws away what is under way from the end. */
  clear(end: End, why: string): void {
    for (let segment = end.first; segment !== undefined; segment = segment.next) {
      segment.retry?.cancel()
      this.dropped(segment, why)
    }
    end.first = undefined
    end.last = undefined
    end.flying = 0
    end.stalled = false
    end.event?.cancel()
    end.event = undefined
  }
}
