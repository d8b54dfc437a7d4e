/**
 * The sending side of a channel at this node: sends the keys that became stale here to each peer that reads the channel.
 * The keys that wait for a peer are merged, so a slow peer delays nobody and costs bounded memory.
 */
import type { Lane, ReadingPeer } from "@coterie/core/Lane"
import type { NodeLog } from "@coterie/core/NodeLog"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { encode } from "./messages.ts"
import { type Bounds, type Keys, StaleKeys } from "./StaleKeys.ts"

/** Pause after a send that failed, in case the peer still reads. Most failures end the link, and this fiber with it. */
const retryPause = "1 second"

/** Time for the last messages of a channel that is closed. A peer that takes none invalidates everything instead. */
const endTimeout = "1 second"

/** Number of the session of a node with itself (docs/messages.md, section "Addressing a peer"). */
export const sessionWithSelf = 0

const nothing: ReadonlySet<string> = new Set()

export interface Options {
  readonly lane: Pick<Lane, "readerChanges" | "ready" | "send">
  readonly bounds: Bounds
  /** Minimum time between two messages to one peer, in milliseconds. */
  readonly messageInterval: number
  readonly log: NodeLog
}

/** A peer that reads the channel, from one opening of the lane to its close. */
interface Recipient {
  readonly peer: ReadingPeer
  /** Keys that wait. The first message is "all keys": the peer has not heard what was written before. */
  readonly pending: StaleKeys
  /** Open while keys wait. */
  readonly hasKeys: Latch.Latch
}

export class Channel {
  private readonly options: Options
  /** Keys that became stale since the last flush. */
  private readonly current: StaleKeys
  /** Open while {@link current} has keys. */
  private readonly hasKeys = Latch.makeUnsafe(false)
  private readonly recipients = new Map<string, Recipient>()
  /** Last keys that were encoded. Most peers get the same ones. */
  private encoded: { readonly keys: Keys; readonly text: string } | undefined

  constructor(options: Options) {
    this.options = options
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

  /** Sends until it is interrupted, or until this node has left. `fibers` has a fiber for each peer. */
  run(fibers: FiberMap.FiberMap<string>): Effect.Effect<void> {
    return Effect.ensuring(Effect.raceFirst(this.flushes, this.follow(fibers)), FiberMap.clear(fibers))
  }

  /** Sends each peer the keys that wait, and that no message follows. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.flush()
    return Effect.forEach(
      this.recipients.values(),
      ({ peer, pending }) => this.options.lane.send(peer, encode(pending.take() ?? nothing, { end: true })),
      { concurrency: "unbounded", discard: true },
    ).pipe(Effect.timeout(endTimeout), Effect.ignore)
  })

  /** Passes the keys that became stale in one turn of the scheduler to all peers at once. */
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
    for (const { hasKeys, pending } of this.recipients.values()) {
      pending.merge(keys)
      hasKeys.openUnsafe()
    }
  }

  /** Runs one fiber for each opening of the channel by a peer. Ends when this node has left. */
  private follow(fibers: FiberMap.FiberMap<string>): Effect.Effect<void> {
    return Stream.runForEach(this.options.lane.readerChanges, (readers) =>
      Effect.suspend(() => {
        const peers = new Map(
          readers.flatMap((peer) => (peer.session === sessionWithSelf ? [] : [[peer.name, peer] as const])),
        )
        const closed = [...this.recipients.keys()].filter((name) => !peers.has(name))
        for (const name of closed) this.recipients.delete(name)
        const opened = [...peers.values()].filter((peer) => !isSameOpening(this.recipients.get(peer.name)?.peer, peer))
        return Effect.andThen(
          Effect.forEach(closed, (name) => FiberMap.remove(fibers, name), { discard: true }),
          Effect.forEach(opened, (peer) => FiberMap.run(fibers, peer.name, this.deliver(this.add(peer))), {
            discard: true,
          }),
        )
      }),
    )
  }

  private add(peer: ReadingPeer): Recipient {
    const pending = new StaleKeys(this.options.bounds)
    pending.merge("all")
    const recipient = { peer, pending, hasKeys: Latch.makeUnsafe(true) }
    this.recipients.set(peer.name, recipient)
    return recipient
  }

  /** Sends the messages of one peer, until it is interrupted. */
  private deliver({ hasKeys, peer, pending }: Recipient): Effect.Effect<never> {
    const { lane, log, messageInterval } = this.options
    const send = Effect.suspend(() => {
      hasKeys.closeUnsafe()
      return lane.send(peer, this.encode(pending.take() ?? nothing))
    })
    return hasKeys.await.pipe(
      // The keys of the moment at which the peer has credit go into the message, not those of an earlier moment.
      Effect.andThen(lane.ready(peer)),
      Effect.andThen(send),
      Effect.andThen(Effect.sleep(messageInterval)),
      Effect.catchTag("SendError", ({ message }) => {
        // The keys of the message may be lost.
        pending.merge("all")
        hasKeys.openUnsafe()
        const logged = log.write({
          level: "Debug",
          kind: "unsent invalidations",
          subject: peer.name,
          text: `an invalidation for ${peer.name} was not sent: ${message}`,
        })
        return Effect.andThen(logged, Effect.sleep(retryPause))
      }),
      Effect.forever,
    )
  }

  private encode(keys: Keys): string {
    if (this.encoded?.keys !== keys) this.encoded = { keys, text: encode(keys) }
    return this.encoded.text
  }
}

/**
 * Tests whether nothing that was sent to the first reader is lost to the second. An opening is known before the session
 * of its link begins, so it may have the same number in two sessions.
 */
const isSameOpening = (a: ReadingPeer | undefined, b: ReadingPeer): boolean =>
  a !== undefined && a.generation === b.generation && a.session === b.session && a.opening === b.opening
