/**
 * The pace at which a node opens lanes. A node that opens and closes lanes faster would be taken for a flood by its peers. The
 * pace follows the rate that every receiver bears. The `controlRate` of this node says nothing about what its peers bear.
 */
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { monotonicMillis } from "../internal/time.ts"
import { TokenBucket } from "../internal/TokenBucket.ts"
import { minControlBurst, minControlRate } from "../protocol/constants.ts"

/** Opening and closing a lane are two control frames to each peer, and half of what a peer bears is left to other frames. */
const framesPerReader = 4

/** Number of lanes that a node opens in a second, and at once. */
export const openRate = minControlRate / framesPerReader
export const openBurst = minControlBurst / framesPerReader

/** Time between two looks at the clock, in milliseconds. */
const pollMillis = 10

export class OpenPacer {
  private readonly clock: Clock
  private readonly bucket: TokenBucket
  /** Lets one of many waiting fibers look at the clock. */
  private readonly turn = Semaphore.makeUnsafe(1)

  constructor(clock: Clock) {
    this.clock = clock
    this.bucket = new TokenBucket(openRate, openBurst, monotonicMillis(clock))
  }

  /** Waits until a lane may be opened. A lane that is open already has to wait for nothing. */
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
