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
  private readonly rejections: Newest.Newest<number>

  constructor(newest: Newest.Newest<Material>, rejections: Newest.Newest<number>) {
    this.newest = newest
    this.rejections = rejections
  }

  readonly material: Effect.Effect<Material> = Effect.sync(() => this.newest.current)

  get changes(): Stream.Stream<Material> {
    return this.newest.changes
  }

  /** Number of changes that could not be used. */
  get rejected(): Stream.Stream<number> {
    return this.rejections.changes
  }

  /** Counts a change that could not be used. */
  readonly reject: Effect.Effect<void> = Effect.suspend(() => this.rejections.set(this.rejections.current + 1))

  /** Replaces the material, if it can be used now. A failure leaves it as it was, and counts. */
  readonly set = (material: Material): Effect.Effect<void, CertificatesError> =>
    Effect.tapError(this.replace(material), () => this.reject)

  /** Replaces the material, if it can be used now. The caller counts a failure. */
  replace(material: Material): Effect.Effect<void, CertificatesError> {
    return Effect.suspend(() =>
      isSameMaterial(this.newest.current, material)
        ? Effect.void
        : Effect.andThen(check(material), this.newest.set(material)),
    )
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
    Effect.zipWith(
      Newest.make(material),
      Newest.make(0),
      (newest, rejections) => new MaterialState(newest, rejections),
    ),
  )
