/** Draws of items, orders and times from a generator. */
import type { Lasting } from "../FaultPlan.ts"
import type { Prng } from "../kernel/Prng.ts"

/** Draws a whole number from 0 to `count - 1`. */
export const below = (count: number, random: Prng): number => Math.floor(random.next() * count)

/** Draws one of the items. Returns `undefined` if there are none. */
export const pick = <A>(all: ReadonlyArray<A>, random: Prng): A | undefined => all[below(all.length, random)]

/** Draws an order of all items. */
export const shuffle = <A>(all: ReadonlyArray<A>, random: Prng): ReadonlyArray<A> => {
  const left = [...all]
  return all.flatMap(() => left.splice(below(left.length, random), 1))
}

/** Draws a time that is exponential above its minimum and limited by its maximum, in whole microseconds. */
export const lasting = ({ max, mean, min }: Lasting, random: Prng): number =>
  Math.min(max, Math.round(min - Math.log(1 - random.next()) * (mean - min)))
