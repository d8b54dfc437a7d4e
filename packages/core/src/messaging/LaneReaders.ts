/**
 * The readers of this node: of its inbox, and of its other lanes. A lane is open at every peer while this node has a
 * reader of it. Each reader has its own buffer and its own strategy for a full buffer (docs/messages.md, section
 * "Topics").
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Notice, View, ViewChange } from "../ClusterEvent.ts"
import { NodeStopped, OptionsError } from "../ClusterError.ts"
import type { ReadLane } from "../flow/ReceiveLanes.ts"
import type { LogBudget } from "../internal/LogBudget.ts"
import type { GapReadOptions, LaneItem, LossyReadOptions, ReadOptions, ViewItem, ViewReadOptions } from "../Lane.ts"
import type { Limits } from "../Limits.ts"
import type { Link } from "../link/Link.ts"
import { type Session, sessionWithSelf } from "../link/Session.ts"
import type { Message, MessagesLost, SessionEnded, SessionStarted } from "../Message.ts"
import type { PeerId } from "../Peer.ts"
import type { Sink } from "../peering/PeerConnection.ts"
import { inboxName, maxLanes } from "../protocol/constants.ts"
import { CountedSink, type MessageCount } from "./CountedSink.ts"
import { Loopback } from "./Loopback.ts"
import * as LossyReader from "./LossyReader.ts"
import * as Mailbox from "./Mailbox.ts"
import type { LaneReader } from "./OpenLane.ts"
import { OpenLane } from "./OpenLane.ts"
import { OpenPacer } from "./OpenPacer.ts"
import { ReaderFailures } from "./ReaderFailures.ts"
import { SessionReader } from "./SessionReader.ts"
import { UnreadInbox } from "./UnreadInbox.ts"
import { ViewReader } from "./ViewReader.ts"

/** Default number of messages in a buffer: a few pulls of a reader that is briefly busy. */
const defaultCapacity = 1_024

export interface Options {
  readonly limits: Limits
  /** Returns the name and the current generation of this node. */
  readonly self: () => PeerId
  /** Returns the current view. */
  readonly view: () => View
  /** Called when a lane gets its first reader. */
  readonly onOpened: (lane: ReadLane) => void
  /** Called when a lane loses its last reader. */
  readonly onClosed: (name: string) => void
  /** Called when a message did not fit into the buffer of a reader. */
  readonly onLost: (lane: string, strategy: "dropping" | "sliding") => void
  /** Returns the counter of the messages that arrive on a lane. */
  readonly received: (lane: string) => MessageCount
  /** Log of the node. */
  readonly log: LogBudget
  /** Called for each reader that failed. */
  readonly onFailed: (lane: string) => void
  /** Tests whether the node is running. A reader that fails because the node leaves is not reported. */
  readonly isRunning: () => boolean
}

/** Options of any reader. */
interface ReaderOptions extends ReadOptions {
  readonly gaps?: boolean | undefined
  readonly view?: boolean | undefined
}

/** Effect that opens a reader and returns its stream. */
export type Reading<A> = Effect.Effect<Stream.Stream<A>, OptionsError, Scope.Scope>

interface Parts {
  readonly loopback: Loopback
  readonly mailbox: Mailbox.Mailbox
  readonly pacer: OpenPacer
  readonly failures: ReaderFailures
  readonly unread: UnreadInbox
}

/** Receiver of a lane without readers. It drops the messages that still arrive. */
const noReaders: Sink = new OpenLane(0)

export class LaneReaders {
  /** Messages of the inbox. Several runs of the stream share them. */
  readonly inbox: Stream.Stream<Message>
  /** Takes one message of the inbox. Shares the messages with the runs of {@link inbox}. */
  readonly receive: Effect.Effect<Message, NodeStopped>
  /** Route of messages from this node to these readers. */
  readonly loopback: Loopback
  /** Logs a warning if the inbox has no reader. Never ends. */
  readonly watch: Effect.Effect<never>
  private readonly options: Options
  private readonly mailbox: Mailbox.Mailbox
  private readonly pacer: OpenPacer
  private readonly failures: ReaderFailures
  private readonly lanes = new Map<string, OpenLane>()
  /** Sessions that have started and have not ended. */
  private readonly sessions = new Map<Session, SessionStarted>()
  private openings = 0
  private hasEnded = false

  constructor(options: Options, { failures, loopback, mailbox, pacer, unread }: Parts) {
    this.options = options
    this.mailbox = mailbox
    this.pacer = pacer
    this.failures = failures
    this.receive = Effect.catch(unread.during(mailbox.receive), () => Effect.fail(new NodeStopped()))
    this.loopback = loopback
    this.watch = unread.run
    this.inbox = failures.watch(inboxName, unread.count(mailbox.stream))
  }

  /** Returns all lanes that are currently read, except the inbox. */
  readonly openLanes = (): Iterable<ReadLane> => Array.from(this.lanes, ([name, { format }]) => ({ name, format }))

  /** Returns the number of the opening of a lane. `undefined` if the lane has no reader, or if this node has left. */
  readonly openingOf = (name: string): number | undefined => (this.hasEnded ? undefined : this.lanes.get(name)?.opening)

  /**
   * Returns the receiver of the messages of a lane that a link opens. It stays the same while the link has the lane
   * open.
   */
  readonly sinkOf = (name: string): Sink => {
    const lane = name === inboxName ? this.mailbox : this.lanes.get(name)
    return lane === undefined ? noReaders : new CountedSink(lane, this.options.received(name))
  }

  /** Handles the end of a link. Returns `true` if all messages that arrived are kept for their readers. */
  readonly linkEnded = (link: Link): boolean => {
    let isKept = this.mailbox.ended(link)
    for (const { readers } of this.lanes.values()) {
      for (const reader of readers) isKept = reader.ended(link) && isKept
    }
    return isKept
  }

  /** Notifies the readers of all lanes that a session has started, and later readers while the session lasts. */
  readonly sessionStarted = (from: PeerId, session: Session): void => {
    const started = startedOf(from, session)
    this.sessions.set(session, started)
    this.markAll(started)
  }

  /** Notifies the readers of all lanes that a session is over. */
  readonly sessionEnded = ({ generation, name }: PeerId, session: Session): void => {
    this.sessions.delete(session)
    this.markAll({ _tag: "SessionEnded", from: { name, generation }, session: session.session })
  }

  /** Passes a change of the view to the readers with `view`. */
  readonly onEvent = (event: ViewChange | Notice): void => {
    for (const { readers } of this.lanes.values()) {
      for (const reader of readers) if (reader instanceof ViewReader) reader.onEvent(event)
    }
  }

  private markAll(mark: SessionStarted | SessionEnded): void {
    for (const { readers } of this.lanes.values()) for (const reader of readers) reader.mark(mark)
  }

  /** Opens a reader of a lane until the scope closes. */
  open(name: string, options: GapReadOptions, format?: string): Reading<LaneItem | MessagesLost>
  open(name: string, options: LossyReadOptions, format?: string): Reading<Message>
  open(name: string, options: ViewReadOptions, format?: string): Reading<LaneItem | ViewItem>
  open(name: string, options?: ReadOptions, format?: string): Reading<LaneItem>
  open(name: string, options: ReaderOptions = {}, format?: string): Reading<LaneItem | MessagesLost | ViewItem> {
    // A node that opens many lanes waits here and can be interrupted. After that, the scope owns the reader.
    return Effect.andThen(
      this.pacer.await(() => this.lanes.has(name)),
      Effect.map(
        Effect.acquireRelease(this.add({ name, format }, options), (reader) => this.remove(name, reader)),
        ({ stream }) => this.failures.watch(name, stream),
      ),
    )
  }

  /** Ends all streams after the items that wait. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => Effect.andThen(this.mailbox.end, this.endLanes))

  private readonly endLanes: Effect.Effect<void> = Effect.suspend(() => {
    this.hasEnded = true
    this.loopback.end()
    const readers = [...this.lanes.values()].flatMap((lane) => [...lane.readers])
    return Effect.forEach(readers, ({ end }) => end, { discard: true })
  })

  private readonly add = Effect.fnUntraced(function* (
    this: LaneReaders,
    { format, name }: ReadLane,
    options: ReaderOptions,
  ) {
    const { capacity = defaultCapacity, gaps = false, strategy = "suspend", view = false } = options
    if (!Number.isInteger(capacity) || capacity < 1) {
      return yield* new OptionsError({
        option: "capacity",
        problem: "the capacity of a reader must be a whole number of at least 1",
      })
    }
    const reader: LaneReader = yield* this.makeReader(name, { strategy, capacity, gaps, view })
    // From here on everything happens in one step, so that concurrent fibers see the lanes of the fibers before them.
    const open = this.lanes.get(name)
    if (open === undefined && this.lanes.size >= maxLanes) {
      return yield* new OptionsError({ option: "lanes", problem: `a node can read at most ${maxLanes} lanes` })
    }
    // Peers know only one format of a lane.
    if (open !== undefined && open.format !== format) return yield* otherFormat(name, open.format, format)
    if (this.hasEnded) yield* reader.end
    else this.addTo({ name, format }, reader)
    return reader
  })

  private addTo(lane: ReadLane, reader: LaneReader): void {
    if (reader instanceof ViewReader) reader.begin()
    reader.mark(startedOf(this.options.self(), sessionWithSelf))
    for (const started of this.sessions.values()) reader.mark(started)
    const open = this.lanes.get(lane.name)
    if (open === undefined) this.openLane(lane, reader)
    else open.readers.add(reader)
  }

  private makeReader(
    name: string,
    { capacity, gaps, strategy, view }: { readonly [Key in keyof ReaderOptions]-?: NonNullable<ReaderOptions[Key]> },
  ): Effect.Effect<LaneReader> {
    const { limits, onLost } = this.options
    if (strategy !== "suspend") {
      return LossyReader.make({ strategy, capacity, gaps, onLost: () => onLost(name, strategy) })
    }
    const kept = limits.laneWindowBytes + limits.messageBytes
    return Effect.sync(() =>
      view
        ? new ViewReader({ kept, capacity: limits.eventBuffer, view: this.options.view })
        : new SessionReader({ kept }),
    )
  }

  private openLane({ format, name }: ReadLane, reader: LaneReader): void {
    const lane = new OpenLane(++this.openings, format)
    lane.readers.add(reader)
    this.lanes.set(name, lane)
    this.loopback.open({ name, format }, new CountedSink(lane, this.options.received(name)))
    this.options.onOpened({ name, format })
  }

  private remove(name: string, reader: LaneReader): Effect.Effect<void> {
    return Effect.suspend(() => {
      const lane = this.lanes.get(name)
      if (lane?.readers.delete(reader) === true && lane.readers.size === 0) {
        this.lanes.delete(name)
        this.loopback.close(name)
        if (!this.hasEnded) this.options.onClosed(name)
      }
      return reader.close
    })
  }
}

const otherFormat = (name: string, open: string | undefined, format: string | undefined): OptionsError =>
  new OptionsError({
    option: "format",
    problem: `"${name}" is read ${withFormat(open)} on this node, and cannot be read ${withFormat(format)} at the same time`,
  })

const withFormat = (format: string | undefined): string =>
  format === undefined ? "without a format" : `with the format "${format}"`

const startedOf = ({ generation, name }: PeerId, { session }: Session): SessionStarted => ({
  _tag: "SessionStarted",
  from: { name, generation },
  session,
})

export const make = Effect.fnUntraced(function* (options: Options) {
  const { isRunning, limits, log, onFailed } = options
  const clock = yield* Clock.Clock
  const mailbox: Mailbox.Mailbox = Mailbox.make({
    kept: limits.inboxWindowBytes + limits.messageBytes,
    onQueued: () => unread.arrived(),
  })
  const unread = new UnreadInbox({ timeout: limits.slowPeerTimeout, waiting: () => mailbox.waitingLinks() })
  const failures = new ReaderFailures({ log, context: yield* Effect.context(), isRunning, onFailed })
  const loopback = new Loopback({
    limits,
    self: options.self,
    inbox: new CountedSink(mailbox, options.received(inboxName)),
  })
  return new LaneReaders(options, { loopback, mailbox, pacer: new OpenPacer(clock), failures, unread })
})
