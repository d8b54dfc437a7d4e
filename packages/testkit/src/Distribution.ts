/**
 * Distributions of random quantities, as plain data:
 *
 * ```ts
 * import type { Distribution } from "@coterie/testkit"
 *
 * const delays: ReadonlyArray<Distribution.Encoded<string>> = [
 *   "20 millis",
 *   { uniform: ["1 millis", "40 millis"] },
 *   { exponential: { min: "1 millis", mean: "20 millis" } },
 *   { tail: { chance: 0.001, is: "5 seconds", otherwise: "1 millis" } },
 * ]
 * const bandwidth: Distribution.Encoded<number> = { logUniform: [10_000, 1_000_000_000] }
 * ```
 *
 * Times are written as durations of Effect and decoded to microseconds. All other quantities are numbers.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Elapsed } from "./internal/Microseconds.ts"
import type { Prng } from "./kernel/Prng.ts"

/**
 * Decoded distribution. Times are in whole microseconds.
 *
 * @category models
 * @since 0.1.0
 */
export type Distribution =
  | number
  | { readonly uniform: readonly [number, number] }
  | { readonly exponential: { readonly min: number; readonly mean: number } }
  | { readonly logUniform: readonly [number, number] }
  | { readonly tail: { readonly chance: number; readonly is: Distribution; readonly otherwise: Distribution } }

/**
 * Encoded distribution. `T` is the text of a duration, or a number.
 *
 * @category models
 * @since 0.1.0
 */
export type Encoded<T> =
  | T
  | { readonly uniform: readonly [T, T] }
  | { readonly exponential: { readonly min: T; readonly mean: T } }
  | { readonly logUniform: readonly [T, T] }
  | { readonly tail: { readonly chance: number; readonly is: Encoded<T>; readonly otherwise: Encoded<T> } }

/**
 * Schema of a number from 0 to 1.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Probability = Schema.Finite.check(
  Schema.isBetween({ minimum: 0, maximum: 1 }, { expected: "a probability from 0 to 1" }),
)

const inOrder = Schema.makeFilter(([min, max]: readonly [number, number]) =>
  min <= max ? true : "the range is reversed: write the smaller value first",
)

const aboveZero = Schema.makeFilter(([min]: readonly [number, number]) =>
  min > 0 ? true : "a logarithmic range must begin above 0: use `uniform` for a range that begins at 0",
)

const meanAboveMinimum = Schema.makeFilter(({ mean, min }: { readonly min: number; readonly mean: number }) =>
  min <= mean
    ? true
    : "the mean is below the minimum: both count from 0, so write a mean that is not less than the minimum",
)

const of = <T>(quantity: Schema.Codec<number, T>, example: string): Schema.Codec<Distribution, Encoded<T>> => {
  const self: Schema.Codec<Distribution, Encoded<T>> = Schema.Union([
    quantity,
    Schema.Struct({ uniform: Schema.Tuple([quantity, quantity]).check(inOrder) }),
    Schema.Struct({ exponential: Schema.Struct({ min: quantity, mean: quantity }).check(meanAboveMinimum) }),
    Schema.Struct({ logUniform: Schema.Tuple([quantity, quantity]).check(aboveZero, inOrder) }),
    Schema.Struct({
      tail: Schema.Struct({
        chance: Probability,
        is: Schema.suspend(() => self),
        otherwise: Schema.suspend(() => self),
      }),
    }),
  ]).annotate({
    expected: `${example}, or an object with exactly one of the keys uniform, exponential, logUniform, tail`,
  })
  return self
}

/**
 * Schema of a distribution of times.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Time = of(Elapsed, 'a duration such as "20 millis"')

/**
 * Schema of a distribution of numbers that are not negative: bytes, bytes per second, events per minute.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Quantity = of(
  Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0, { expected: "a number that is not negative" })),
  "a number that is not negative",
)

/**
 * Schema of a distribution of probabilities. All values are from 0 to 1.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Chance = of(Probability, "a probability from 0 to 1")

/**
 * Draws one value. Callers round times and bytes themselves.
 *
 * @category sampling
 * @since 0.1.0
 */
export const sample = (distribution: Distribution, random: Prng): number => {
  if (typeof distribution === "number") return distribution
  if ("uniform" in distribution) {
    const [min, max] = distribution.uniform
    return min + (max - min) * random.next()
  }
  if ("logUniform" in distribution) {
    const [min, max] = distribution.logUniform
    return min * (max / min) ** random.next()
  }
  if ("exponential" in distribution) {
    const { mean, min } = distribution.exponential
    return min - Math.log(1 - random.next()) * Math.max(0, mean - min)
  }
  const { chance, is, otherwise } = distribution.tail
  return sample(random.next() < chance ? is : otherwise, random)
}

/**
 * Returns `true` if the value is always 0.
 *
 * @category guards
 * @since 0.1.0
 */
export const isZero = (distribution: Distribution | undefined): boolean => {
  if (distribution === undefined || typeof distribution === "number") return (distribution ?? 0) === 0
  if ("uniform" in distribution) return distribution.uniform[1] === 0
  if ("logUniform" in distribution) return false
  if ("exponential" in distribution) return distribution.exponential.mean === 0
  const { chance, is, otherwise } = distribution.tail
  return (chance === 0 || isZero(is)) && (chance === 1 || isZero(otherwise))
}
