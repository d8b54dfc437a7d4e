/**
 * Seeds of a swarm.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { hash32 } from "./kernel/Prng.ts"
import { SimulationError } from "./SimulationError.ts"

/**
 * Range of seeds, from the first to the last, both included.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seeds {
  readonly from: number
  readonly to: number
}

const wrong = (message: string, advice = "write 1..200, or one seed such as 42") =>
  Result.fail(new SimulationError({ reason: "seeds", message: `${message}: ${advice}` }))

/**
 * Makes a range of seeds. Fails with `SimulationError` and the reason `seeds` if a seed is not a whole number from 0,
 * or if the range is reversed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (from: number, to: number): Result.Result<Seeds, SimulationError> => {
  for (const seed of [from, to]) {
    if (!Number.isSafeInteger(seed) || seed < 0) return wrong(`${seed} is not a seed`, "seeds are whole numbers from 0")
  }
  if (from > to) return wrong(`the range of seeds ${from}..${to} is reversed`, `did you mean ${to}..${from}?`)
  return Result.succeed({ from, to })
}

/**
 * Parses a range such as `1..200`, or one seed. Fails with `SimulationError` and the reason `seeds`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Seeds, SimulationError> => {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(text.trim())
  if (match === null) return wrong(`"${text}" is not a range of seeds`)
  const [, from = "", to = from] = match
  return make(Number(from), Number(to))
}

/**
 * Returns the number of seeds in a range.
 *
 * @category getters
 * @since 0.1.0
 */
export const count = ({ from, to }: Seeds): number => to - from + 1

/**
 * Returns a base for seeds from a text, such as the hash of a commit. Each commit has its own seeds, and every run of
 * one commit has the same seeds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const base = (text: string): number => hash32(text) * seedsPerBase

/** Distance between the bases of two texts with neighbouring hashes. More seeds than any swarm runs. */
const seedsPerBase = 1_000_000

/**
 * Iterates over the seeds of a range.
 *
 * @category getters
 * @since 0.1.0
 */
export function* iterate({ from, to }: Seeds): Generator<number> {
  for (let seed = from; seed <= to; seed++) yield seed
}
