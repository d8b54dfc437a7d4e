/** The material that `Certificates` has now, and the stream of its changes. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import * as Newest from "../Newest.ts"
import { credentialsOf, isSameMaterial, type Material } from "./credentials.ts"
import type { CertificatesError } from "./errors.ts"

export class MaterialState {
  private readonly newest: Newest.Newest<Material>
  private rejectedChanges = 0

  constructor(newest: Newest.Newest<Material>) {
    this.newest = newest
  }

  readonly material: Effect.Effect<Material> = Effect.sync(() => this.newest.current)

  /** Number of changes that could not be used. */
  readonly rejected: Effect.Effect<number> = Effect.sync(() => this.rejectedChanges)

  get changes(): Stream.Stream<Material> {
    return this.newest.changes
  }

  /** Replaces the material, if it can be used now. A failure leaves it as it was, and counts. */
  readonly set = (material: Material): Effect.Effect<void, CertificatesError> =>
    Effect.tapError(this.replace(material), () => Effect.sync(() => this.reject()))

  /** Replaces the material, if it can be used now. The caller counts a failure. */
  replace(material: Material): Effect.Effect<void, CertificatesError> {
    return Effect.suspend(() =>
      isSameMaterial(this.newest.current, material)
        ? Effect.void
        : Effect.andThen(check(material), this.newest.set(material)),
    )
  }

  /** Counts a change that could not be used. */
  reject(): void {
    this.rejectedChanges++
  }
}

const check = (material: Material): Effect.Effect<void, CertificatesError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Result.match(credentialsOf(material, now), { onSuccess: () => Effect.void, onFailure: Effect.fail }),
  )

/** Makes the state of a material that can be used now. */
export const make = (material: Material): Effect.Effect<MaterialState, CertificatesError> =>
  Effect.andThen(
    check(material),
    Effect.map(Newest.make(material), (newest) => new MaterialState(newest)),
  )
