/** Delivery of segments from one endpoint of a connection to the other: in order, whole, and sometimes late. */
import { maxLosses } from "./Direction.ts"
import type { Endpoint } from "./Endpoint.ts"
import type { Environment } from "./Environment.ts"
import { type Kind, noBytes, Segment } from "./Segment.ts"

/**
 * Time after which a lost segment is sent again for the first time. The time doubles with each loss, as TCP does on
 * Linux.
 */
export const retransmitMicros = 200_000

/**
 * Returns the delay by `losses` losses in a row after `before` earlier losses. The delay stops growing at
 * {@link maxLosses} and is never 0.
 */
export const retransmission = (before: number, losses: number): number => {
  const doubled = Math.min(before, maxLosses - losses)
  return retransmitMicros * (2 ** (doubled + losses) - 2 ** doubled)
}

interface Options {
  readonly environment: Environment
  /** Time after which the delivery of the first segment times out. */
  readonly userTimeout: number
  /** Receives a segment that arrives at the endpoint. */
  readonly deliver: (endpoint: Endpoint, segment: Segment) => void
  /** Called when the first segment of the endpoint could not be delivered within the user timeout. */
  readonly timedOut: (endpoint: Endpoint) => void
}

export class Delivery {
  private readonly options: Options
  private readonly environment: Environment
  private segments = 0

  constructor(options: Options) {
    this.options = options
    this.environment = options.environment
  }

  /** Sends a segment to the peer. */
  send(endpoint: Endpoint, kind: Kind, bytes: Uint8Array = noBytes): void {
    const segment = new Segment(kind, bytes, kind === "bytes" ? ++this.segments : 0)
    if (segment.id > 0) {
      this.environment.observe?.({
        _tag: "Sent",
        connection: endpoint.connection.id,
        segment: segment.id,
        from: endpoint.host.name,
        to: endpoint.direction.to.name,
        side: endpoint === endpoint.connection.dialer ? "dialer" : "acceptor",
        bytes,
      })
    }
    const { last } = endpoint
    endpoint.last = segment
    if (last === undefined) {
      endpoint.first = segment
      endpoint.waitingSince = this.environment.timeline.now()
    } else last.next = segment
    this.transmit(endpoint, segment)
    // No segment overtakes another: only the first arrives.
    if (last === undefined) this.scheduleFirst(endpoint)
  }

  private transmit(endpoint: Endpoint, segment: Segment): void {
    const { direction } = endpoint
    const losses = direction.losses()
    segment.latency = direction.latency()
    if (losses > 0) this.addLosses(segment, losses)
    this.depart(endpoint, segment)
  }

  /** Delays the segment by the retransmissions after the losses. Returns the delay. */
  private addLosses(segment: Segment, times: number): number {
    const wait = retransmission(segment.losses, times)
    segment.losses += times
    segment.latency += wait
    if (segment.id > 0) this.environment.observe?.({ _tag: "Lost", segment: segment.id, times })
    return wait
  }

  /** Puts the segment into the sender's queue. If the queue is full, the segment is lost and sent again later. */
  private depart(endpoint: Endpoint, segment: Segment): void {
    const { timeline } = this.environment
    const now = timeline.now()
    const departure = endpoint.direction.departure(now, segment.bytes.length)
    if (departure !== undefined) {
      segment.arrivesAt = Math.round(departure + segment.latency)
      return
    }
    const { latency } = segment
    const wait = this.addLosses(segment, 1)
    // The wait passes before the departure, so it is not part of the latency.
    segment.latency = latency
    segment.arrivesAt = Number.POSITIVE_INFINITY
    segment.retry = timeline.schedule(now + wait, () => {
      segment.retry = undefined
      this.depart(endpoint, segment)
      if (endpoint.first === segment && !endpoint.stalled) this.scheduleFirst(endpoint)
    })
  }

  /** Schedules the arrival of the first segment, or its timeout if that comes earlier. */
  private scheduleFirst(endpoint: Endpoint): void {
    endpoint.pending?.cancel()
    endpoint.pending = undefined
    const { first } = endpoint
    if (first === undefined) return
    const { timeline } = this.environment
    const at = Math.max(timeline.now(), first.arrivesAt)
    if (at < endpoint.waitingSince + this.options.userTimeout) {
      endpoint.pending = timeline.schedule(at, endpoint.onDue)
    } else this.scheduleTimeout(endpoint)
  }

  private scheduleTimeout(endpoint: Endpoint): void {
    const { timedOut, userTimeout } = this.options
    if (userTimeout === Number.POSITIVE_INFINITY) return
    const { timeline } = this.environment
    endpoint.pending = timeline.schedule(Math.max(timeline.now(), endpoint.waitingSince + userTimeout), () => {
      endpoint.pending = undefined
      timedOut(endpoint)
    })
  }

  /** Delivers the first segment, which is due. */
  readonly onDue = (endpoint: Endpoint): void => {
    endpoint.pending = undefined
    const { first } = endpoint
    if (first === undefined) return
    // A blocked direction keeps all segments as they are, until `resume`.
    if (endpoint.muted || endpoint.direction.isBlocked()) {
      endpoint.stalled = true
      this.scheduleTimeout(endpoint)
      return
    }
    endpoint.first = first.next
    if (endpoint.first === undefined) endpoint.last = undefined
    endpoint.waitingSince = this.environment.timeline.now()
    this.scheduleFirst(endpoint)
    this.options.deliver(endpoint.peer, first)
  }

  /** Transmits the stalled segments of the endpoint again, if its direction is open. */
  resume(endpoint: Endpoint): void {
    if (!endpoint.stalled || endpoint.muted || endpoint.direction.isBlocked()) return
    endpoint.stalled = false
    for (let segment = endpoint.first; segment !== undefined; segment = segment.next) {
      if (segment.retry === undefined) this.transmit(endpoint, segment)
    }
    this.scheduleFirst(endpoint)
  }

  /** Reports a segment whose bytes will never be read. */
  reportDropped(segment: Segment, why: string): void {
    if (segment.id > 0) this.environment.observe?.({ _tag: "Dropped", segment: segment.id, why })
  }

  /** Drops all segments in flight from the endpoint. */
  drop(endpoint: Endpoint, why: string): void {
    for (let segment = endpoint.first; segment !== undefined; segment = segment.next) {
      segment.retry?.cancel()
      this.reportDropped(segment, why)
    }
    endpoint.first = undefined
    endpoint.last = undefined
    endpoint.inFlight = 0
    endpoint.stalled = false
    endpoint.pending?.cancel()
    endpoint.pending = undefined
  }
}
