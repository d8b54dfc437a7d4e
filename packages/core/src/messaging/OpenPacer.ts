/**
 * Limits the rate at which a node opens lanes, because its peers treat a node that opens and closes lanes faster as a
 * flood. The rate derives from the minimum that every receiver accepts. The `controlRate` of this node is irrelevant
 * for the rate that its peers accept.
 */
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { monotonicMillis } from "../internal/time.ts"
import { TokenBucket } from "../internal/TokenBucket.ts"
import { minControlBurst, minControlRate } from "../protocol/constants.ts"

/**
 * Opening and closing a lane sends two control frames to each peer. Half of the rate that a peer accepts stays
 * available for other frames.
 */
const framesPerReader = 4

/** Number of lanes that a node may open per second, and in one burst. */
export const openRate = minControlRate / framesPerReader
export const openBurst = minControlBurst / framesPerReader

/** Interval at which a waiting fiber checks the clock, in milliseconds. */
const pollMillis = 10

export class OpenPacer {
  private readonly clock: Clock
  private readonly bucket: TokenBucket
  /** Lets only one of the waiting fibers check the clock. */
  private readonly turn = Semaphore.makeUnsafe(1)

  constructor(clock: Clock) {
    this.clock = clock
    this.bucket = new TokenBucket(openRate, openBurst, monotonicMillis(clock))
  }

  /** Waits until a lane may be opened. Does not wait if the lane is already open. */
  await(isOpen: () => boolean): Effect.Effect<void> {
    return Effect.suspend(() => (this.mayOpen(isOpen) ? Effect.void : this.turn.withPermit(this.poll(isOpen))))
  }

  private readonly poll = Effect.fnUntraced(function* (this: OpenPacer, isOpen: () => boolean) {
    while (!this.mayOpen(isOpen)) yield* Effect.sleep(pollMillis)
  })

  private mayOpen(isOpen: () => boolean): boolean {
    return isOpen() || this.bucket.take(monotonicMillis(this.clock), 1)
  }
}
