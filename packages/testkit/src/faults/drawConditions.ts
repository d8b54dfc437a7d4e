/** Draws the conditions of the network of one seed from the ranges of a swarm. */
import * as Distribution from "../Distribution.ts"
import type * as FaultPlan from "../FaultPlan.ts"
import * as Prng from "../kernel/Prng.ts"

type Round = (value: number) => number

/** Rounds a chance to parts per million, the unit in which chances are drawn. */
const millionths: Round = (value) => Math.round(value * 1_000_000) / 1_000_000

/** Draws two values, and returns the range between them. */
const between = (range: Distribution.Distribution, random: Prng.Prng, round: Round): Distribution.Distribution => {
  const [low = 0, high = 0] = [Distribution.sample(range, random), Distribution.sample(range, random)]
    .map(round)
    .sort((a, b) => a - b)
  if (low === high) return low
  return typeof range === "object" && "logUniform" in range && low > 0
    ? { logUniform: [low, high] }
    : { uniform: [low, high] }
}

const delayOf = (
  { mean, min, tail }: NonNullable<FaultPlan.Ranges["delay"]>,
  random: Prng.Prng,
): Distribution.Distribution => {
  const least = Math.round(Distribution.sample(min, random))
  const usual = { exponential: { min: least, mean: Math.max(least, Math.round(Distribution.sample(mean, random))) } }
  return tail.chance === 0 ? usual : { tail: { ...tail, otherwise: usual } }
}

/** Draws each condition from a generator of its own, so that switching one off does not change the others. */
export const drawConditions = ({ network = {}, off }: FaultPlan.Swarm["swarm"], seed: number): FaultPlan.Network => {
  const { bandwidth, delay, distance, loss, queue, sendBuffer, split } = network

  const draw = <R>(
    kind: string,
    ranges: R | undefined,
    make: (ranges: R, random: Prng.Prng) => Partial<FaultPlan.Network>,
  ) => {
    if (ranges === undefined) return {}
    const random = Prng.make(seed, `network ${kind}`)
    return random.next() < off ? {} : make(ranges, random)
  }

  return {
    ...draw("delay", delay, (ranges, random) => ({ delay: delayOf(ranges, random) })),
    ...draw("distance", distance, (range, random) => ({ distance: between(range, random, Math.round) })),
    ...draw("loss", loss, (range, random) => ({ loss: between(range, random, millionths) })),
    ...draw("bandwidth", bandwidth, (range, random) => ({
      bandwidth: between(range, random, Math.round),
      ...(queue === undefined ? {} : { queue: between(queue, random, Math.round) }),
    })),
    ...draw("split", split, (range, random) => ({ split: between(range, random, millionths) })),
    ...draw("sendBuffer", sendBuffer, (range, random) => ({ sendBuffer: between(range, random, Math.round) })),
  }
}
