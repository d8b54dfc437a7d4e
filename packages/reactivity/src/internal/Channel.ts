/**
 * The writer of a channel at this node: sends the keys that became stale here to each peer that reads the channel. An
 * outbox for each peer merges the keys that wait, so a slow peer delays nobody and costs bounded memory.
 */
import type { Lane, ReadingPeer } from "@coterie/core/Lane"
import type { PeerId } from "@coterie/core/Peer"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { encode } from "./messages.ts"
import { Outbox, type Parcel } from "./Outbox.ts"
import { type Bounds, StaleKeys } from "./StaleKeys.ts"

/** Pause after a send that failed, in case the peer still reads. Most failures end the link, and this fiber with it. */
const retryPause = "1 second"

/** Time for the last messages of a channel that is closed. A peer that takes none invalidates everything instead. */
const endTimeout = "1 second"

export interface Options {
  readonly lane: Lane
  readonly bounds: Bounds
  /** Minimum time between two messages to one peer, in milliseconds. */
  readonly messageInterval: number
  /** Returns `true` if this life of a peer is a member. */
  readonly isMember: (life: PeerId) => boolean
}

/** Outbox of one life of a peer. */
interface Recipient extends PeerId {
  readonly outbox: Outbox
  /** Open while the outbox has a message. */
  readonly hasMessage: Latch.Latch
  /** Opening of the channel by the peer, while the peer reads. */
  opening: number | undefined
}

export class Channel {
  private readonly options: Options
  private readonly writer: string
  /** Keys that became stale since the last flush. */
  private readonly current: StaleKeys
  /** Open while {@link current} has keys. */
  private readonly hasKeys = Latch.makeUnsafe(false)
  /** Number of the last invalidation. */
  private last = 0
  private readonly recipients = new Map<string, Recipient>()
  /** Last message that was encoded. Most peers get the same one. */
  private encoded: (Parcel & { readonly text: string }) | undefined

  constructor(options: Options, writer: string) {
    this.options = options
    this.writer = writer
    this.current = new StaleKeys(options.bounds)
  }

  /** Sends keys to all peers. Never waits. */
  invalidate(keys: Iterable<string>): void {
    for (const key of keys) this.current.add(key)
    if (!this.current.isEmpty) this.hasKeys.openUnsafe()
  }

  /** Tells all peers that all keys are stale. Never waits. */
  invalidateAll(): void {
    this.current.merge("all")
    this.hasKeys.openUnsafe()
  }

  /** Drops the outboxes of peers that are gone. */
  prune(): void {
    for (const [name, recipient] of this.recipients) {
      if (recipient.opening === undefined && !this.options.isMember(recipient)) this.recipients.delete(name)
    }
  }

  /** Sends until it is interrupted. Requires the fibers that send to the peers. */
  run(fibers: FiberMap.FiberMap<string>): Effect.Effect<void> {
    return Effect.raceFirst(this.flushes, this.follow(fibers))
  }

  /** Sends to each peer that reads what it has not been sent, and that no message follows. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.flush()
    const reading = [...this.recipients.values()].filter(({ opening }) => opening !== undefined)
    return Effect.forEach(reading, (recipient) => this.send(recipient, true), {
      concurrency: "unbounded",
      discard: true,
    }).pipe(Effect.timeout(endTimeout), Effect.ignore)
  })

  /** Passes the keys that became stale in one turn of the scheduler to all outboxes at once. */
  private readonly flushes: Effect.Effect<never> = Effect.suspend(() =>
    this.hasKeys.await.pipe(
      Effect.andThen(Effect.yieldNow),
      Effect.andThen(Effect.sync(() => this.flush())),
      Effect.forever,
    ),
  )

  private flush(): void {
    this.hasKeys.closeUnsafe()
    const keys = this.current.take()
    if (keys === undefined) return
    this.last++
    for (const { hasMessage, outbox } of this.recipients.values()) {
      outbox.push(keys, this.last)
      hasMessage.openUnsafe()
    }
  }

  /** Runs one fiber for each opening of the channel by a peer. Ends when this node has left. */
  private follow(fibers: FiberMap.FiberMap<string>): Effect.Effect<void> {
    return Stream.runForEach(this.options.lane.readerChanges, (readers) => this.update(fibers, readers))
  }

  private update(fibers: FiberMap.FiberMap<string>, readers: ReadonlyArray<ReadingPeer>): Effect.Effect<void> {
    // The session with this node itself has the number 0.
    const peers = new Map(readers.flatMap((reader) => (reader.session === 0 ? [] : [[reader.name, reader] as const])))
    const gone = [...this.recipients.values()].filter(({ name, opening }) => opening !== undefined && !peers.has(name))
    for (const recipient of gone) recipient.opening = undefined
    const opened = [...peers.values()].filter((reader) => this.open(reader))
    this.prune()
    return Effect.andThen(
      Effect.forEach(gone, ({ name }) => FiberMap.remove(fibers, name), { discard: true }),
      Effect.forEach(
        opened,
        ({ name }) => {
          const recipient = this.recipients.get(name)
          return recipient === undefined ? Effect.void : FiberMap.run(fibers, name, this.deliver(recipient))
        },
        { discard: true },
      ),
    )
  }

  /** Records that a peer reads. Returns `false` if this opening is known. */
  private open({ generation, name, opening }: ReadingPeer): boolean {
    const known = this.recipients.get(name)
    if (known?.generation === generation) {
      if (known.opening === opening) return false
      known.opening = opening
      known.outbox.greet()
      known.hasMessage.openUnsafe()
      return true
    }
    const outbox = new Outbox(this.options.bounds, this.last)
    this.recipients.set(name, { name, generation, outbox, hasMessage: Latch.makeUnsafe(true), opening })
    return true
  }

  /** Sends the messages of one peer, until it is interrupted. */
  private deliver(recipient: Recipient): Effect.Effect<never> {
    const { hasMessage, outbox } = recipient
    const one = hasMessage.await.pipe(
      // The newest keys go into the message, not those of the moment at which it began to wait for credit.
      Effect.andThen(this.options.lane.ready(recipient)),
      Effect.andThen(Effect.suspend(() => this.send(recipient, false))),
      Effect.andThen(Effect.sleep(this.options.messageInterval)),
      Effect.catchTag("SendError", ({ message }) =>
        Effect.logDebug(`an invalidation for ${recipient.name} was not sent: ${message}`).pipe(
          Effect.andThen(Effect.sleep(retryPause)),
        ),
      ),
    )
    return Effect.forever(
      Effect.suspend(() => {
        if (outbox.isEmpty) hasMessage.closeUnsafe()
        return one
      }),
    )
  }

  private send({ generation, name, outbox }: Recipient, end: boolean) {
    const text = this.encode(outbox.take(), end)
    return Effect.tapError(this.options.lane.send({ name, generation }, text), () =>
      Effect.sync(() => outbox.lose()),
    )
  }

  private encode(parcel: Parcel, end: boolean): string {
    const { after, keys, until } = parcel
    if (end) return encode(this.writer, parcel, end)
    const last = this.encoded
    if (last?.after === after && last.until === until && last.keys === keys) return last.text
    const text = encode(this.writer, parcel, end)
    this.encoded = { after, until, keys, text }
    return text
  }
}

/** Makes a channel with an identity of its own. */
export const make = (options: Options): Effect.Effect<Channel> =>
  Effect.map(
    Effect.all([Random.nextInt, Random.nextInt]),
    (numbers) => new Channel(options, numbers.map((number) => (number >>> 0).toString(36)).join("")),
  )
