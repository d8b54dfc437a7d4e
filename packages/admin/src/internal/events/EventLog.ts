/**
 * The newest events of a node with numbers, so that a reader that lost its connection can continue. The numbers count the
 * events that this log got, from 1. The log keeps a bounded number of events, and nothing else.
 */
import * as ChangeFeed from "@coterie/core/ChangeFeed"
import * as ClusterEvent from "@coterie/core/ClusterEvent"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { NodeEvent } from "../../Report.ts"
import { parseEventId, writeEventId } from "./eventIds.ts"

const encode = Schema.encodeUnknownSync(Schema.toCodecJson(ClusterEvent.ClusterEvent))

/** A change of the feed. It has no `_tag` of its own, so that no event is taken for an item of the feed. */
class Entry {
  readonly number: number
  readonly at: number
  readonly event: ClusterEvent.ClusterEvent
  private readonly life: number
  private encoded: NodeEvent | undefined

  constructor(life: number, number: number, at: number, event: ClusterEvent.ClusterEvent) {
    this.life = life
    this.number = number
    this.at = at
    this.event = event
  }

  /** Encodes the event when the first reader needs it, and once for all readers. */
  encode(): NodeEvent {
    this.encoded ??= {
      id: writeEventId(this.life, this.number),
      event: this.event._tag,
      data: { at: this.at, event: encode(this.event) },
    }
    return this.encoded
  }
}

/** The state of the feed: the view after the event with the number. */
class Position {
  readonly view: ClusterEvent.View
  readonly number: number
  readonly at: number
  private readonly life: number
  private encoded: NodeEvent | undefined

  constructor(life: number, number: number, at: number, view: ClusterEvent.View) {
    this.life = life
    this.number = number
    this.at = at
    this.view = view
  }

  /** Encodes the view when the first reader needs it, and once for all readers, since many can fall behind together. */
  snapshot(): NodeEvent {
    this.encoded ??= {
      id: writeEventId(this.life, this.number),
      event: "Snapshot",
      data: { at: this.at, event: encode({ _tag: "Snapshot", view: this.view }) },
    }
    return this.encoded
  }
}

export interface Options {
  /** Number of this life of the node, the first part of the ids. */
  readonly life: number
  readonly view: ClusterEvent.View
  /** Wall clock, in milliseconds. */
  readonly at: number
  /** Monotonic time, in milliseconds. */
  readonly now: number
  /** Number of events that the log keeps. */
  readonly kept: number
  /** Number of events that may wait for one reader. */
  readonly waiting: number
}

export class EventLog {
  private readonly options: Options
  private readonly feed: ChangeFeed.ChangeFeed<Position, Entry>
  private position: Position
  private kept: Array<Entry> = []
  /** Monotonic time of the last change of the view. */
  private changedAt: number

  constructor(options: Options) {
    this.options = options
    this.position = new Position(options.life, 0, options.at, options.view)
    this.changedAt = options.now
    this.feed = ChangeFeed.makeUnsafe({ state: () => this.position, capacity: options.waiting })
  }

  /** Adds an event of the node. `at` is the wall clock and `now` the monotonic time. */
  append(event: ClusterEvent.ClusterEvent, at: number, now: number): void {
    const { number, view } = this.position
    const missed = event._tag === "Lagged" ? event.missed : 0
    const next = ClusterEvent.apply(view, event)
    if (next !== view) this.changedAt = now
    this.position = new Position(this.options.life, number + 1 + missed, at, next)
    const entry = new Entry(this.options.life, this.position.number, at, event)
    this.kept.push(entry)
    // Trimmed rarely, because removing the first element of an array costs its length.
    if (this.kept.length >= 2 * this.options.kept) this.kept = this.kept.slice(-this.options.kept)
    this.feed.publishUnsafe(entry)
  }

  /** Ends all streams after the events so far. */
  end(): void {
    this.feed.endUnsafe()
  }

  /** Returns the time since the last change of the view. */
  unchangedMillis(now: number): number {
    return Math.max(0, now - this.changedAt)
  }

  /**
   * Returns the events after the id, and then every event as it occurs. Begins with a snapshot if there is no id, and with
   * `Lagged` and a snapshot if the log does not keep all events after the id.
   */
  stream(after: string | undefined): Stream.Stream<NodeEvent> {
    return Stream.suspend(() => {
      const reader = new Reader(after, this.options.life, this)
      return Stream.flatMap(this.feed.changes, (item) => Stream.fromIterable(reader.read(item)))
    })
  }

  /** Wall clock of the last event. */
  get at(): number {
    return this.position.at
  }

  /** Returns the events after one number and up to another, or `undefined` if some of them are not kept. */
  between(number: number, last: number): ReadonlyArray<Entry> | undefined {
    if (number > last) return undefined
    const found = this.kept.slice(-this.options.kept).filter((entry) => entry.number > number && entry.number <= last)
    // A gap of the node's own events counts as events that are not kept.
    return found.length === last - number ? found : undefined
  }
}

type Item = ChangeFeed.Item<Position, Entry>

type LogView = Pick<EventLog, "at" | "between">

/** One reader of the log. */
class Reader {
  private readonly after: string | undefined
  private readonly life: number
  private readonly log: LogView
  private isFirst = true

  constructor(after: string | undefined, life: number, log: LogView) {
    this.after = after
    this.life = life
    this.log = log
  }

  read(item: Item): ReadonlyArray<NodeEvent> {
    if (item instanceof Entry) return [item.encode()]
    if (item._tag === "Lagged") return [lagged(this.log.at, item.missed)]
    const isFirst = this.isFirst
    this.isFirst = false
    const snapshot = item.state.snapshot()
    if (!isFirst || this.after === undefined) return [snapshot]
    const after = parseEventId(this.after)
    if (after?.life !== this.life || after.number > item.state.number)
      return [lagged(item.state.at, undefined), snapshot]
    const missed = this.log.between(after.number, item.state.number)
    if (missed === undefined) return [lagged(item.state.at, item.state.number - after.number), snapshot]
    return missed.map((entry) => entry.encode())
  }
}

/** Returns the marker of a gap. It has no id, because the snapshot that follows has one. */
const lagged = (at: number, missed: number | undefined): NodeEvent => ({
  event: "Lagged",
  data: { at, event: missed === undefined ? { _tag: "Lagged" } : { _tag: "Lagged", missed } },
})
