/** The ring that a keyring has now, and the stream of its changes. */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { isSameRing, type KeyringError, type Ring } from "./ring.ts"

export class RingState {
  private current: Ring
  /** Holds the newest ring alone, which is the one that a slow reader needs. */
  private readonly rings: PubSub.PubSub<Ring>

  constructor(ring: Ring, rings: PubSub.PubSub<Ring>) {
    this.current = ring
    this.rings = rings
  }

  readonly ring: Effect.Effect<Ring> = Effect.sync(() => this.current)

  get changes(): Stream.Stream<Ring> {
    return Stream.fromPubSub(this.rings)
  }

  /** Replaces the ring by the result of the change. A ring with the same keys in the same order is no change. */
  update(change: (ring: Ring) => Result.Result<Ring, KeyringError>): Effect.Effect<void, KeyringError> {
    return Effect.suspend(() => {
      const changed = change(this.current)
      if (Result.isFailure(changed)) return Effect.fail(changed.failure)
      if (isSameRing(this.current, changed.success)) return Effect.void
      this.current = changed.success
      return Effect.asVoid(PubSub.publish(this.rings, changed.success))
    })
  }
}

export const make = (ring: Ring): Effect.Effect<RingState> =>
  Effect.gen(function* () {
    const rings = yield* PubSub.sliding<Ring>({ capacity: 1, replay: 1 })
    yield* PubSub.publish(rings, ring)
    return new RingState(ring, rings)
  })
