/** The ring that a keyring has now, and the stream of its changes. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import * as Newest from "../Newest.ts"
import { isSameRing, type KeyringError, type Ring } from "./ring.ts"

export class RingState {
  private readonly newest: Newest.Newest<Ring>
  private readonly rejections: Newest.Newest<number>

  constructor(newest: Newest.Newest<Ring>, rejections: Newest.Newest<number>) {
    this.newest = newest
    this.rejections = rejections
  }

  readonly ring: Effect.Effect<Ring> = Effect.sync(() => this.newest.current)

  get changes(): Stream.Stream<Ring> {
    return this.newest.changes
  }

  /** Number of changes that could not be used. */
  get rejected(): Stream.Stream<number> {
    return this.rejections.changes
  }

  /** Counts a change that could not be used. */
  readonly reject: Effect.Effect<void> = Effect.suspend(() => this.rejections.set(this.rejections.current + 1))

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
  Effect.zipWith(Newest.make(ring), Newest.make(0), (newest, rejections) => new RingState(newest, rejections))
