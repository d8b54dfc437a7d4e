/**
 * Counts the messages and bytes of each lane in one direction. The number of series is bounded: the first lanes use
 * their names as labels, and all later lanes share one label.
 */
import type { MessageCount } from "../messaging/CountedSink.ts"
import type { Counter, CounterFamily } from "./ObservedMetrics.ts"

/** Label that the lanes without a label of their own share. */
export const otherLanes = "other"

/** Assigns the labels of lanes, for all families of metrics. */
export class LaneLabels {
  private readonly limit: number
  private readonly names = new Set<string>()

  /** Takes the number of lanes with a separate label. */
  constructor(limit: number) {
    this.limit = limit
  }

  /** Returns the label of a lane. */
  of(lane: string): string {
    if (this.names.has(lane)) return lane
    if (this.names.size >= this.limit) return otherLanes
    this.names.add(lane)
    return lane
  }
}

/** Counts messages and bytes under one label. */
class LaneCount implements MessageCount {
  private readonly messages: Counter
  private readonly bytes: Counter

  constructor(messages: Counter, bytes: Counter) {
    this.messages = messages
    this.bytes = bytes
  }

  add(bytes: number): void {
    this.messages.count++
    this.bytes.count += bytes
  }
}

export interface Options {
  readonly messages: CounterFamily
  readonly bytes: CounterFamily
  readonly direction: "in" | "out"
  readonly labels: LaneLabels
}

export class LaneTraffic {
  private readonly options: Options
  private readonly counts = new Map<string, LaneCount>()

  constructor(options: Options) {
    this.options = options
  }

  /** Returns the count of a lane. */
  of(lane: string): MessageCount {
    return this.counts.get(lane) ?? this.labelled(this.options.labels.of(lane))
  }

  private labelled(lane: string): LaneCount {
    const known = this.counts.get(lane)
    if (known !== undefined) return known
    const { bytes, direction, messages } = this.options
    const labels = { direction, lane }
    const fresh = new LaneCount(messages.with(labels), bytes.with(labels))
    this.counts.set(lane, fresh)
    return fresh
  }
}
