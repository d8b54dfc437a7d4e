/** Checks the options of a node before it starts. */
import * as Result from "effect/Result"
import type { Address } from "../Address.ts"
import { OptionsError } from "../ClusterError.ts"
import * as Limits from "../Limits.ts"
import { maxAddresses, minControlBurst, minControlRate, minWindow } from "../protocol/constants.ts"
import { nameProblem } from "../protocol/PeerName.ts"
import { metadataProblem } from "../protocol/PeerRecord.ts"
import { parseAddresses } from "./parseAddresses.ts"
import type { Options } from "./Service.ts"

/** The parsed addresses of the options. */
export interface Checked {
  readonly seeds: ReadonlyArray<Address>
}

/** Largest limit: the maximum of the numbers in frames. It does not restrict times and counts in practice. */
const maxLimit = 0xffff_ffff

/** Returns the parsed options, or the error of an option that cannot be used. */
export const checkOptions = (options: Options): Result.Result<Checked, OptionsError> => {
  const fail = (option: string, problem: string) => Result.fail(new OptionsError({ option, problem }))
  const label = nameProblem(options.cluster)
  if (label !== undefined) return fail("cluster", `${label} (the rules of names also apply to the name of a cluster)`)
  const name = options.name === undefined ? undefined : nameProblem(options.name)
  if (name !== undefined) return fail("name", name)
  const metadata = metadataProblem(options.metadata ?? {})
  if (metadata !== undefined) return fail("metadata", metadata)
  const seeds = parseAddresses(options.seeds ?? [])
  for (const problem of seeds.problems) return fail("seeds", problem.message)
  const limit = limitProblem(options.limits ?? {})
  if (limit !== undefined) return Result.fail(limit)
  return Result.succeed({ seeds: seeds.addresses })
}

/** Returns the problem of the addresses of the transport, or `undefined` if a node can announce them to its peers. */
export const advertiseProblem = (addresses: ReadonlyArray<Address>): OptionsError | undefined =>
  addresses.length > maxAddresses
    ? new OptionsError({
        option: "advertise",
        problem: `at most ${maxAddresses} addresses are possible (an option of the transport)`,
      })
    : undefined

/** Limits with a minimum in the protocol, with their units. */
const leastLimits = [
  ["inboxWindowBytes", minWindow, "bytes"],
  ["laneWindowBytes", minWindow, "bytes"],
  ["controlRate", minControlRate, "control frames per second, because every peer relies on this minimum"],
  ["controlBurst", minControlBurst, "control frames, because every peer relies on this minimum"],
] as const

/** Returns the problem of a limit that cannot be used, or `undefined` if there is none. */
const limitProblem = (options: Limits.Options): OptionsError | undefined => {
  const limits = Limits.make(options)
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(Limits.defaults, name)) {
      return new OptionsError({ option: `limits.${name}`, problem: "there is no such limit" })
    }
  }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isInteger(value) || value < 1 || value > maxLimit) {
      const problem = Limits.isTime(name)
        ? `must be a duration from 1 to ${maxLimit} milliseconds`
        : `must be a whole number from 1 to ${maxLimit}`
      return new OptionsError({ option: `limits.${name}`, problem })
    }
  }
  for (const [name, least, unit] of leastLimits) {
    if (limits[name] < least) {
      return new OptionsError({ option: `limits.${name}`, problem: `must be at least ${least} ${unit}` })
    }
  }
  return undefined
}
