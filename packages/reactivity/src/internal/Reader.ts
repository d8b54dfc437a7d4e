/**
 * The reader of a channel at this node. Passes stale keys on as they arrive. Passes on that everything is stale at most
 * once in an interval, because that may run every query of the node again.
 */
import type { LaneItem, ViewItem } from "@coterie/core/Lane"
import type { Message } from "@coterie/core/Message"
import type { PeerId } from "@coterie/core/Peer"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { sessionWithSelf } from "./Channel.ts"
import { Ledger } from "./Ledger.ts"
import { MessageBudget } from "./MessageBudget.ts"
import { decode } from "./messages.ts"

/** Cause of an invalidation of everything (`Stale` of `PeerInvalidation`). */
export type Cause = "Told" | "Gone" | "Unread"

export interface Options {
  /** Handles keys that a peer made stale. */
  readonly onKeys: (keys: ReadonlySet<string>) => Effect.Effect<void>
  /** Handles that all keys are stale. */
  readonly onAll: (cause: Cause) => Effect.Effect<void>
  /** Returns the monotonic time, in milliseconds. */
  readonly now: () => number
  /** Maximum number of bytes of a message that is decoded. */
  readonly maxBytes: number
  /** Maximum number of messages of one peer that are decoded in a second. */
  readonly messagesPerSecond: number
  /** Minimum time between two invalidations of everything, in milliseconds. */
  readonly allInterval: number
  /** Reports a message that is not used. */
  readonly deadLetter: (message: Message, reason: string) => Effect.Effect<void>
}

export class Reader {
  private readonly options: Options
  private readonly ledger = new Ledger()
  private readonly budget: MessageBudget
  /** Cause of an invalidation of everything that is due. */
  private due: Cause | undefined
  /** Open while {@link due} is set. */
  private readonly isDue = Latch.makeUnsafe(false)

  constructor(options: Options) {
    this.options = options
    this.budget = new MessageBudget(options.messagesPerSecond)
  }

  /** Reads the items of the lane until the node has left. */
  run(items: Stream.Stream<LaneItem | ViewItem>): Effect.Effect<void> {
    return Effect.raceFirst(
      Stream.runForEachArray(items, (batch) => this.readBatch(batch)),
      this.invalidatesAll,
    )
  }

  private readonly invalidatesAll: Effect.Effect<never> = Effect.suspend(() =>
    this.isDue.await.pipe(
      Effect.andThen(Effect.yieldNow),
      Effect.andThen(
        Effect.suspend(() => {
          const cause = this.due ?? "Told"
          this.due = undefined
          this.isDue.closeUnsafe()
          return this.options.onAll(cause)
        }),
      ),
      Effect.andThen(Effect.sleep(this.options.allInterval)),
      Effect.forever,
    ),
  )

  private readBatch(batch: NonEmptyReadonlyArray<LaneItem | ViewItem>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const keys = new Set<string>()
      const unread: Array<readonly [Message, string]> = []
      for (const item of batch) {
        if (item._tag === "Message") this.readMessage(item, keys, unread)
        else this.readMark(item)
      }
      const stale = keys.size === 0 ? Effect.void : this.options.onKeys(keys)
      const reported = Effect.forEach(unread, ([message, reason]) => this.options.deadLetter(message, reason), {
        discard: true,
      })
      return unread.length === 0 ? stale : Effect.andThen(stale, reported)
    })
  }

  private readMessage(message: Message, keys: Set<string>, unread: Array<readonly [Message, string]>): void {
    const { from } = message
    const { maxBytes, messagesPerSecond, now } = this.options
    const verdict = this.budget.take(from.name, now())
    if (verdict !== "read") {
      // One report for each second. The peer sends thousands of messages.
      if (verdict === "exhausted") unread.push([message, `more than ${messagesPerSecond} messages in a second`])
      return this.notRead(from)
    }
    const decoded = decodeBounded(message, maxBytes)
    if (Result.isFailure(decoded)) {
      unread.push([message, decoded.failure])
      return this.notRead(from)
    }
    const { end = false, keys: stale } = decoded.success
    this.ledger.received(from, end)
    if (stale === undefined) this.allStale("Told")
    else for (const key of stale) keys.add(key)
  }

  private notRead(from: PeerId): void {
    this.ledger.received(from, false)
    this.allStale("Unread")
  }

  private readMark(item: Exclude<LaneItem | ViewItem, Message>): void {
    const now = this.options.now()
    switch (item._tag) {
      case "SessionStarted":
        return item.session === sessionWithSelf ? undefined : this.ledger.sessionStarted(item.from, now)
      case "SessionEnded":
        return this.ledger.sessionEnded(item.from, now)
      case "Snapshot":
        return this.ledger.snapshot(item.view.peers, now) ? this.allStale("Gone") : undefined
      case "Joined":
      case "Recovered":
        return this.ledger.joined(item.peer)
      case "Replaced":
        this.gone(item.old, now)
        return this.ledger.joined(item.peer)
      case "Left":
      case "Failed":
      case "Disconnected":
        return this.gone(item.peer, now)
    }
  }

  private gone(life: PeerId, now: number): void {
    this.budget.forget(life.name)
    if (this.ledger.gone(life, now)) this.allStale("Gone")
  }

  private allStale(cause: Cause): void {
    this.due ??= cause
    this.isDue.openUnsafe()
  }
}

const decodeBounded = ({ payload, text }: Message, maxBytes: number) =>
  payload.length > maxBytes ? Result.fail(`a message of ${payload.length} bytes, more than ${maxBytes}`) : decode(text)
