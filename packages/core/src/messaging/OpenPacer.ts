/**
 * The pace at which a node opens lanes. A node that opens and closes lanes faster would be taken for a flood by every peer.
 */
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { monotonicMillis } from "../internal/time.ts"
import { TokenBucket } from "../internal/TokenBucket.ts"
import type { Limits } from "../Limits.ts"

/** To open a lane and to close it are two control frames to each peer; half of what a peer bears is for others. */
const framesPerReader = 4

/** Time between two looks at the clock, in milliseconds. */
const pollMillis = 10

export class OpenPacer {
  private readonly clock: Clock
  private readonly bucket: TokenBucket
  /** Lets one of many waiting fibers look at the clock. */
  private readonly turn = Semaphore.makeUnsafe(1)

  constructor(limits: Pick<Limits, "controlRate" | "controlBurst">, clock: Clock) {
    this.clock = clock
    this.bucket = new TokenBucket(
      limits.controlRate / framesPerReader,
      limits.controlBurst / framesPerReader,
      monotonicMillis(clock),
    )
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
