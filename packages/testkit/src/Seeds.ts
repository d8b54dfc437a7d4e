/**
 * Which seeds a swarm runs.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { hash32 } from "./kernel/Prng.ts"
import { SimulationError } from "./SimulationError.ts"

/**
 * From the first to the last, both included.
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
 * Makes a range of seeds. Fails with `SimulationError` if it is empty or the wrong way round.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (from: number, to: number): Result.Result<Seeds, SimulationError> => {
  for (const seed of [from, to]) {
    if (!Number.isSafeInteger(seed) || seed < 0) return wrong(`${seed} is no seed`, "seeds are whole numbers from 0")
  }
  if (from > to)
    return wrong(`the range of seeds ${from}..${to} is the wrong way round`, `did you mean ${to}..${from}?`)
  return Result.succeed({ from, to })
}

/**
 * Reads `1..200`, or one seed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Seeds, SimulationError> => {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(text.trim())
  if (match === null) return wrong(`"${text}" is no range of seeds`)
  const [, from = "", to = from] = match
  return make(Number(from), Number(to))
}

/**
 * How many there are.
 *
 * @category getters
 * @since 0.1.0
 */
export const count = ({ from, to }: Seeds): number => to - from + 1

/**
 * A base for seeds from a text, such as the hash of a commit: every commit has others, and each run of it the same.
 *
 * @category constructors
 * @since 0.1.0
 */
export const base = (text: string): number => hash32(text) * seedsPerBase

/** As many as anybody runs. */
const seedsPerBase = 1_000_000

/**
 * The seeds, one after the other.
 *
 * @category getters
 * @since 0.1.0
 */
export function* iterate({ from, to }: Seeds): Generator<number> {
  for (let seed = from; seed <= to; seed++) yield seed
}
