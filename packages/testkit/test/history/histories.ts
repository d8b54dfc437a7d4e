/** Handmade and random histories for tests. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type * as History from "../../src/History.ts"
import type * as Prng from "../../src/kernel/Prng.ts"

export const seed = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })))

export const below = (count: number, random: Prng.Prng): number => Math.floor(random.next() * count)

/** Call written as `[who, operation, from, to, value]`. Without an end or a value its outcome is unknown. */
export type Written<Operation, Value> = readonly [
  who: string,
  operation: Operation,
  from: number,
  to?: number,
  value?: Value | "failed",
]

export const calls = <Operation, Value>(
  ...written: ReadonlyArray<Written<Operation, Value>>
): ReadonlyArray<History.Call<Operation, Value>> =>
  written.map(([who, operation, from, to, value]) => ({
    who,
    operation,
    called: { at: from * 1000, order: from },
    returned: to === undefined ? undefined : { at: to * 1000, order: to },
    outcome:
      value === undefined
        ? { _tag: "unknown" }
        : value === "failed"
          ? { _tag: "failed", error: "no" }
          : { _tag: "ok", value },
  }))
