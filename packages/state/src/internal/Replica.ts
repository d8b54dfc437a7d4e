/**
 * One instance of an owned map at one node: the state machines, their lane, and one writer for each peer.
 *
 * The fiber that reads the lane never sends. It changes the state and wakes writers. Two nodes that waited for credit in
 * their readers would wait for each other forever.
 */
import type { ViewChange } from "@coterie/core/ClusterEvent"
import type { SendError } from "@coterie/core/ClusterError"
import type { Lane, LaneItem, ViewItem } from "@coterie/core/Lane"
import type { Message } from "@coterie/core/Message"
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import type { NodeLog } from "@coterie/core/NodeLog"
import type { PeerId } from "@coterie/core/Peer"
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { DeadlineTimer } from "./DeadlineTimer.ts"
import { Isolation } from "./Isolation.ts"
import type { Reach } from "./MapObserver.ts"
import type { MapRole } from "./MapRole.ts"
import { oneLine } from "./oneLine.ts"
import type { Overrides } from "./Overrides.ts"
import type { Cursors } from "./replication/Cursors.ts"
import { decode, encode, type Message as WireMessage } from "./replication/messages.ts"
import type { Counted, Mirrors, Outputs } from "./replication/Mirrors.ts"
import type { Changes, Outcome, OwnEntries } from "./replication/OwnEntries.ts"

export interface Bounds {
  readonly ownerEntries: number
  readonly ownerBytes: number
  readonly partBytes: number
  readonly tombstones: number
  /** Maximum number of bytes of a message of this node, sent or received. */
  readonly messageBytes: number
  /** Time between the batches to one peer, in milliseconds. */
  readonly delay: number
  /** Time for which `synced` waits for one member, in milliseconds. */
  readonly syncTimeout: number
}

/** Time for which a writer keeps the values of a batch while its reader gives no credit. */
const pinned = "30 seconds"

/** Number of items of a part after which other work of the process runs before the next part. They take about 1 ms. */
const yieldItems = 100

export type CountedEvent = Counted | "full" | "delta" | "parts"

/** `Copy` is the type of the entries of others as this node keeps them. */
export interface Options<Copy> {
  readonly parts: Overrides
  readonly lane: Lane
  readonly log: NodeLog
  readonly role: MapRole
  readonly bounds: Bounds
  /** Random numbers that identify this instance, and its first request. */
  readonly epoch: number
  readonly nonce: number
  readonly decode: (owner: PeerId, key: string, value: Uint8Array) => Copy
  readonly count: (what: CountedEvent) => void
  /** Runs after each part of a peer, with the message that carried it. */
  readonly afterPart: (message: Message) => Effect.Effect<void>
  /** Gets the effects of each input, in the step of the input. */
  readonly onOutputs: (outputs: Outputs<Copy>) => void
  /** The generation of this node has changed. */
  readonly onSelf: (self: PeerId) => void
}

/** `Own` is the type of the entries of this node, and `Copy` that of the entries of others. */
export class Replica<Own, Copy> {
  readonly entries: OwnEntries<Own>
  readonly mirrors: Mirrors<Copy>
  /** `true` once the lane has ended, because this node has left or the scope has closed. */
  isClosed = false
  private readonly options: Options<Copy>
  private readonly cursors: Cursors
  private readonly clock: Clock
  /** Peers with a writer. */
  private readonly writing = new Set<string>()
  private readonly fork: (effect: Effect.Effect<void>) => void
  private readonly timer: DeadlineTimer
  private readonly synced = Latch.makeUnsafe(false)
  /** `true` once the first view has arrived. */
  private hasView = false
  private readonly isolation = new Isolation()
  /** `isolated` of the view. */
  private isIsolated = false
  private isCutOff = false

  constructor(options: Options<Copy>, clock: Clock, fork: (effect: Effect.Effect<void>) => void) {
    const { bounds, count, epoch, parts } = options
    this.options = options
    this.clock = clock
    this.fork = fork
    const { ownerBytes, ownerEntries, partBytes, tombstones } = bounds
    this.entries = parts.makeOwnEntries({ entries: ownerEntries, bytes: ownerBytes, removals: tombstones })
    this.cursors = parts.makeCursors({
      entries: this.entries,
      epoch,
      partBytes,
      messageBytes: bounds.messageBytes,
      count,
    })
    this.mirrors = parts.makeMirrors({
      bounds: { entries: ownerEntries, bytes: ownerBytes },
      syncMillis: bounds.syncTimeout,
      nonce: options.nonce,
      decode: options.decode,
      count,
    })
    const onDue = this.input((now) => {
      this.mirrors.tick(now)
      for (const name of this.cursors.tick(now)) this.wake(name)
    })
    const dueAt = () => Math.min(this.mirrors.dueAt(), this.cursors.dueAt())
    this.timer = new DeadlineTimer({ clock, dueAt, onDue })
  }

  get reach(): Reach {
    if (this.isCutOff) return "isolated"
    if (!this.synced.isOpen()) return "syncing"
    return this.mirrors.hasLink() ? "synced" : "alone"
  }

  /** Number of versions that the slowest reader of the own entries is behind. */
  get behind(): number {
    return this.cursors.behind
  }

  /** Returns the number of versions that a reader of the own entries is behind, if the peer reads them. */
  behindOf(name: string): number | undefined {
    return this.cursors.behindOf(name)
  }

  /** Waits until the entries of every member with a link are here, or will not come. */
  readonly awaitSynced: Effect.Effect<void> = Effect.suspend(() => this.synced.await)

  /** Changes own entries in one step. */
  change(changes: Changes<Own>): Outcome<Own> {
    const outcome = this.entries.change(changes)
    if (Result.isSuccess(outcome) && outcome.success.length > 0)
      for (const name of this.cursors.names) if (this.cursors.hasNext(name)) this.wake(name)
    return outcome
  }

  /** Runs the replication until the lane ends. */
  run(items: Stream.Stream<LaneItem | ViewItem>): Effect.Effect<void> {
    const { lane } = this.options
    const readers = Stream.runForEach(lane.readerChanges, (peers) =>
      this.input((now) => this.mirrors.readersChanged(peers, now)),
    )
    const reading = Stream.runForEach(items, (item) => this.handle(item))
    return Effect.ensuring(
      Effect.raceFirst(
        reading,
        Effect.andThen(Effect.all([readers, this.timer.run], { concurrency: 2 }), Effect.never),
      ),
      Effect.sync(() => this.close()),
    )
  }

  /** Ends all waits. */
  close(): void {
    this.isClosed = true
    this.synced.openUnsafe()
  }

  private now(): number {
    return MonotonicTime.millisUnsafe(this.clock)
  }

  /** Runs an input and its effects in one step. */
  private input(step: (now: number) => void): Effect.Effect<void> {
    return Effect.sync(() => {
      step(this.now())
      const outputs = this.mirrors.take()
      for (const name of outputs.wakes) this.wake(name)
      if (outputs.touched.size > 0) this.updateSynced(outputs.touched)
      for (const name of outputs.overdue) this.warnOverdue(name)
      this.options.onOutputs(outputs)
      this.timer.update()
    })
  }

  private warnOverdue(name: string): void {
    const seconds = this.options.bounds.syncTimeout / 1_000
    const text = `state: "${name}" has a link and has not sent its entries of ${this.options.role.text} for ${seconds} s; "synced" does not wait for it any more`
    this.fork(this.options.log.write({ level: "Warn", kind: "overdue entries", subject: name, text }))
  }

  private updateSynced(touched: ReadonlySet<string>): void {
    if (!this.hasView) return
    const isOpen = this.synced.isOpen()
    if (isOpen && [...touched].every((name) => this.mirrors.isSyncedWith(name))) return
    if (this.mirrors.isSynced()) this.synced.openUnsafe()
    else this.synced.closeUnsafe()
  }

  // ---- input ----

  private handle(item: LaneItem | ViewItem): Effect.Effect<void> {
    switch (item._tag) {
      case "Message":
        return this.receive(item)
      case "SessionStarted":
      case "Lagged":
        return Effect.void
      case "SessionEnded":
        return this.input((now) => {
          this.cursors.sessionEnded(item.from.name)
          this.wake(item.from.name)
          this.mirrors.sessionEnded(item.from.name, item.session, now)
        })
      case "Snapshot":
        return this.input((now) => {
          this.hasView = true
          this.options.onSelf(item.view.self)
          this.mirrors.snapshot(item.view.peers, now)
          this.isIsolated = item.view.isolated
          this.updateIsolation()
          this.updateSynced(new Set())
        })
      default:
        return this.input((now) => {
          this.viewChanged(item, now)
          this.updateIsolation()
        })
    }
  }

  private updateIsolation(): void {
    this.isCutOff = this.isolation.update(this.isIsolated, this.mirrors.size)
  }

  private viewChanged(change: ViewChange, now: number): void {
    switch (change._tag) {
      case "Left":
      case "Failed":
      case "Disconnected":
        this.cursors.memberGone(change.peer)
        return this.mirrors.memberGone(change.peer.name, change.peer.status)
      case "SelfChanged":
        return this.options.onSelf(change.self)
      case "Replaced":
        // The writer addresses a peer by its name, and the newer life has made no request yet.
        this.cursors.memberGone(change.old)
        return this.mirrors.memberChanged(change.peer, now)
      case "Isolated":
      case "Reconnected":
        this.isIsolated = change._tag === "Isolated"
        return
      default:
        return this.mirrors.memberChanged(change.peer, now)
    }
  }

  private receive(message: Message): Effect.Effect<void> {
    const { from, payload } = message
    const decoded = decode(payload)
    if (Result.isFailure(decoded)) return this.options.lane.deadLetter(message, decoded.failure)
    const { success: wire } = decoded
    if (wire._tag === "Part") {
      const input = this.input((now) => this.mirrors.received(from, wire, now))
      const done = Effect.andThen(input, () => this.options.afterPart(message))
      return wire.items.length < yieldItems ? done : Effect.andThen(done, Effect.yieldNow)
    }
    return this.input((now) => {
      if (wire._tag === "Stop") this.cursors.stop(from.name)
      else if (this.cursors.want(from, wire, now)) this.wake(from.name)
    })
  }

  // ---- output ----

  private wake(name: string): void {
    if (this.writing.has(name) || this.isClosed) return
    this.writing.add(name)
    this.fork(this.write(name))
  }

  /** Returns `true` if a message waits for the peer. Otherwise its writer ends in the same step, so no wake is lost. */
  private keepsWriting(name: string): boolean {
    if (this.mirrors.hasNext(name) || this.cursors.hasNext(name)) return true
    this.writing.delete(name)
    return false
  }

  /** Writes everything to one peer. */
  private write(name: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.keepsWriting(name)) return Effect.void
      // Most batches come later than the delay after the one before, so a pause after each batch would cost a timer for each.
      const pause = this.mirrors.hasNext(name) ? 0 : this.cursors.pauseOf(name, this.now())
      return Effect.andThen(pause > 0 ? Effect.sleep(Math.ceil(pause)) : this.writeOne(name), this.write(name))
    })
  }

  /** Waits for credit, and then encodes the newest message. */
  private writeOne(name: string): Effect.Effect<void> {
    const { bounds, lane } = this.options
    return Effect.matchEffect(this.awaitCredit(name), {
      onFailure: (error) => this.failUnready(name, error),
      onSuccess: (hasCredit) => {
        if (!hasCredit) return Effect.sync(() => this.cursors.dropRest(name))
        const message = this.next(name)
        if (message === undefined) return Effect.void
        const isLast = message._tag === "Part" && message.end !== undefined
        const sending = Effect.matchEffect(lane.send(name, encode(message)), {
          onFailure: (error) => this.fail(name, message, error),
          onSuccess: () => Effect.sync(() => isLast && this.cursors.rest(name, this.now() + bounds.delay)),
        })
        return Effect.andThen(sending, this.warnTooLarge(name))
      },
    })
  }

  /** Waits for credit of a peer. Returns `false` if a batch is under way and waits for too long. */
  private awaitCredit(name: string): Effect.Effect<boolean, SendError> {
    const ready = this.options.lane.ready(name)
    // Only a batch that is under way keeps old values. A timeout costs two fibers and a timer.
    return this.cursors.hasBatch(name)
      ? Effect.map(Effect.timeoutOption(ready, pinned), Option.isSome)
      : Effect.as(ready, true)
  }

  private next(name: string): WireMessage | undefined {
    const request = this.mirrors.next(name)
    if (request?._tag === "Want") return { ...request, messageBytes: this.options.bounds.messageBytes }
    if (request !== undefined) return request
    const part = this.cursors.next(name)
    if (part !== undefined) this.options.count("parts")
    return part
  }

  /** The link accepts no message. No batch is made for it. */
  private failUnready(name: string, error: SendError): Effect.Effect<void> {
    const request = this.mirrors.next(name)
    return request === undefined
      ? this.failPart(name, this.cursors.nonceOf(name), error)
      : this.fail(name, request, error)
  }

  /** Forgets a message that cannot be sent. */
  private fail(name: string, message: WireMessage, error: SendError): Effect.Effect<void> {
    if (message._tag === "Stop") return Effect.void
    if (message._tag === "Part") return this.failPart(name, message.nonce, error)
    const isFinal = error.reason._tag === "IncompatibleFormat"
    return this.input((now) => this.mirrors.failed(name, message.nonce, isFinal, now))
  }

  /** Sends the entries again later. The log has one line if the reason is neither the link nor the reader. */
  private failPart(name: string, nonce: number | undefined, { message, reason }: SendError): Effect.Effect<void> {
    if (nonce === undefined) return Effect.void
    let isFirst = false
    const input = this.input((now) => {
      isFirst = this.cursors.failed(name, nonce, reason._tag !== "NotReading", now)
    })
    const text = `state: the entries of ${this.options.role.text} do not reach "${name}": ${message}`
    const warning = this.options.log.write({ level: "Warn", kind: "unsent entries", subject: name, text })
    return Effect.andThen(input, () => (isFirst && reason._tag === "TooLarge" ? warning : Effect.void))
  }

  /** Logs that the messages of a peer cannot have an entry, once in the life of the peer. */
  private warnTooLarge(name: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const found = this.cursors.takeTooLarge(name)
      if (found === undefined) return Effect.void
      const { keyOf, text } = this.options.role
      const { bytes, key, messageBytes } = found
      return this.options.log.write({
        level: "Warn",
        kind: "large entries",
        subject: name,
        text:
          `state: large entries of ${text} do not reach "${name}", which allows messages of ${messageBytes} bytes: ` +
          `"${oneLine(keyOf(key))}" has ${bytes} bytes. Use the same "limits.messageBytes" on all nodes`,
      })
    })
  }
}
