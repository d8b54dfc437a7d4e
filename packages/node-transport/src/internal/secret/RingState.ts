/** The ring that a keyring has now, and the stream of its changes. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import * as Newest from "../Newest.ts"
import { isSameRing, type KeyringError, type Ring } from "./ring.ts"

export class RingState {
  private readonly newest: Newest.Newest<Ring>

  constructor(newest: Newest.Newest<Ring>) {
    this.newest = newest
  }

  readonly ring: Effect.Effect<Ring> = Effect.sync(() => this.newest.current)

  get changes(): Stream.Stream<Ring> {
    return this.newest.changes
  }

  /** Replaces the ring by the result of the change. A ring with the same keys in the same order is no change. */
  update(change: (ring: Ring) => Result.Result<Ring, KeyringError>): Effect.Effect<void, KeyringError> {
    return Effect.suspend(() => {
      const changed = change(this.newest.current)
      if (Result.isFailure(changed)) return Effect.fail(changed.failure)
      return isSameRing(this.newest.current, changed.success) ? Effect.void : this.newest.set(changed.success)
    })
  }
}

export const make = (ring: Ring): Effect.Effect<RingState> =>
  Effect.map(Newest.make(ring), (newest) => new RingState(newest))
