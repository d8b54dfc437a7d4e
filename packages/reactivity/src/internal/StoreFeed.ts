/**
 * The feed of one store at this node, for all readers of the store. It holds one stream of the storage open, which has what
 * this instance writes. When something of other instances may be missing, it opens the stream again at its position.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { FeedParts } from "./feedParts.ts"
import type { FeedPosition, ReaderPosition, Run, Span } from "./FeedPosition.ts"

/**
 * Time after which a read that has returned nothing may be replaced by another one, in milliseconds, so that a storage that
 * hangs can recover.
 */
const readTimeout = 60_000

/**
 * Timeout of a read of a store that may be empty, as far as this node knows. The read of an empty store returns nothing, so it does
 * not tell when it ends. The time doubles with each read that was replaced, because it may have been the read of a large store.
 */
const emptyReadTimeout = 250

/** Store of a storage, as the storage streams it. */
export interface Source<A> {
  /** Returns the items from a sequence on: those in the storage in one array, and then those that this instance writes. */
  readonly changes: (startSequence: number) => Stream.Stream<A>
  /** Lowest sequence of the storage. */
  readonly firstSequence: number
  readonly spanOf: (item: A) => Span
}

export interface Options {
  /** Minimum time between two reads of the storage, in milliseconds. */
  readonly readInterval: number
  /** Number of runs that wait for the slowest reader. */
  readonly capacity: number
  readonly parts: FeedParts
}

/** Function that makes a backlog shorter. */
export type Compact<A> = (items: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<A>>

export class StoreFeed<A> {
  private readonly source: Source<A>
  private readonly options: Options
  private readonly runs: PubSub.PubSub<Run<A>>
  private readonly position: FeedPosition<A>
  /** Completes when the storage has ended or failed the stream. */
  private readonly ended = Deferred.makeUnsafe<void>()
  /** Open from the first reader on. */
  private readonly isJoined = Latch.makeUnsafe(false)
  /** Open while another read is due. */
  private readonly isDue = Latch.makeUnsafe(false)
  /** Open when the read has returned items. */
  private readonly hasRead = Latch.makeUnsafe(false)
  /** Number of reads in a row that were replaced because they returned nothing. */
  private emptyReads = 0

  constructor(source: Source<A>, options: Options, runs: PubSub.PubSub<Run<A>>) {
    this.source = source
    this.options = options
    this.runs = runs
    this.position = options.parts.makeFeedPosition(source)
  }

  /** Reads the storage soon, because others may have written. Never waits. */
  refresh(): void {
    this.isDue.openUnsafe()
  }

  /** Runs the feed until the storage ends or fails the stream. Then the streams of all readers end or fail in the same way. */
  readonly run: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      this.isJoined.await,
      Effect.repeat(
        Effect.suspend(() => Effect.raceFirst(Effect.as(this.read, true), Effect.as(this.readIsDue, false))),
        { until: (hasEnded) => hasEnded },
      ),
    ),
  ).pipe(
    Effect.asVoid,
    Effect.onExit((exit) =>
      Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)
        ? Deferred.failCause(this.ended, exit.cause)
        : Deferred.succeed(this.ended, undefined),
    ),
  )

  /** Streams the items from a sequence on to one reader. `compact` is applied to those that are in the storage already. */
  changes(startSequence: number, compact: Compact<A>): Stream.Stream<A> {
    return Stream.unwrap(
      Effect.gen({ self: this }, function* () {
        const { firstSequence, spanOf } = this.source
        const position = Math.max(startSequence, firstSequence) - 1
        const reader = this.options.parts.makeReaderPosition<A>({ position, spanOf })
        const subscription = yield* PubSub.subscribe(this.runs)
        const joined = this.position.join(reader.position)
        this.isJoined.openUnsafe()
        // The storage may have more than the peers have told this node.
        if (joined === "joined") this.refresh()
        const backlog = Effect.flatMap(this.readAfter(reader), compact)
        const take = (run: Run<A>): Effect.Effect<ReadonlyArray<A>> => {
          const taken = reader.take(run)
          if (taken === "missing") return this.catchUp(reader, run)
          return run.backlogOf !== undefined && run.backlogOf === joined ? compact(taken) : Effect.succeed(taken)
        }
        return (joined === "behind" ? Stream.fromEffect(backlog) : Stream.empty).pipe(
          Stream.concat(Stream.mapEffect(Stream.fromSubscription(subscription), take)),
          Stream.filter(isNonEmpty),
          Stream.flattenArray,
          Stream.interruptWhen(Deferred.await(this.ended)),
        )
      }),
    )
  }

  /** Takes what the storage has now and from now on, until the storage ends the stream. */
  private readonly read: Effect.Effect<void> = Effect.suspend(() => {
    this.isDue.closeUnsafe()
    this.hasRead.closeUnsafe()
    return Stream.runForEachArray(this.source.changes(this.position.startRead()), (items) =>
      Effect.uninterruptible(Effect.suspend(() => this.take(items))),
    )
  })

  private take(items: NonEmptyReadonlyArray<A>): Effect.Effect<unknown> {
    const { isMissing, run } = this.position.take(items)
    this.hasRead.openUnsafe()
    this.emptyReads = 0
    if (isMissing) this.refresh()
    // A slow reader loses the oldest run, so this never waits.
    return run === undefined ? Effect.void : PubSub.publish(this.runs, run)
  }

  /** Waits until the storage must be read again. A read that runs is not replaced, or a slow storage would never answer. */
  private readonly readIsDue: Effect.Effect<void> = Effect.suspend(() =>
    Effect.sleep(this.options.readInterval).pipe(
      Effect.andThen(
        Effect.raceFirst(
          this.hasRead.await,
          Effect.suspend(() => Effect.sleep(this.patience)),
        ),
      ),
      Effect.andThen(this.isDue.await),
      Effect.andThen(Effect.sync(() => void this.emptyReads++)),
    ),
  )

  private get patience(): number {
    return this.position.isSeen ? readTimeout : Math.min(emptyReadTimeout * 2 ** this.emptyReads, readTimeout)
  }

  /** Reads what the storage has after the position of a reader, which is something. */
  private readAfter(reader: ReaderPosition<A>): Effect.Effect<ReadonlyArray<A>> {
    return Effect.suspend(() =>
      this.source.changes(reader.position + 1).pipe(Stream.mapArray(toItem), Stream.runHead),
    ).pipe(Effect.map((items) => reader.takeBacklog(Option.getOrElse(items, () => []))))
  }

  /** Reads what a slow reader has lost. */
  private readonly catchUp = Effect.fnUntraced(
    { self: this },
    function* (this: StoreFeed<A>, reader: ReaderPosition<A>, run: Run<A>) {
      const items = [...(yield* this.readAfter(reader))]
      while (run.after > reader.position) {
        // A replica of the database may not have them yet.
        yield* Effect.sleep(this.options.readInterval)
        items.push(...(yield* this.readAfter(reader)))
      }
      const rest = reader.take(run)
      return rest === "missing" ? items : [...items, ...rest]
    },
  )
}

const isNonEmpty = <A>(items: ReadonlyArray<A>): items is NonEmptyReadonlyArray<A> => items.length > 0

const toItem = <A>(items: NonEmptyReadonlyArray<A>): NonEmptyReadonlyArray<NonEmptyReadonlyArray<A>> => [items]

/** Makes a feed, which runs until the scope closes. */
export const make = Effect.fnUntraced(function* <A>(
  source: Source<A>,
  options: Options,
): Effect.fn.Return<StoreFeed<A>, never, Scope.Scope> {
  const runs = yield* Effect.acquireRelease(PubSub.sliding<Run<A>>(options.capacity), PubSub.shutdown)
  return new StoreFeed(source, options, runs)
})
