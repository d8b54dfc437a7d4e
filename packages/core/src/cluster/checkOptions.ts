/**
 * The check of what an application may say, before anything is started with it.
 */
import * as Result from "effect/Result"
import type { Address } from "../Address.ts"
import { OptionsError } from "../ClusterError.ts"
import * as Limits from "../Limits.ts"
import { maxAddresses, minControlBurst, minControlRate, minWindow } from "../protocol/constants.ts"
import { nameProblem } from "../protocol/PeerName.ts"
import { metadataProblem } from "../protocol/PeerRecord.ts"
import { parseAddresses } from "./parseAddresses.ts"
import type { Options } from "./Service.ts"

/** The addresses that the options name. */
export interface Checked {
  readonly seeds: ReadonlyArray<Address>
}

/** Greatest limit: that of the numbers in frames. For times and counts it is no bound at all. */
const maxLimit = 0xffff_ffff

/** Returns what the options say, or which of them cannot be used. */
export const checkOptions = (options: Options): Result.Result<Checked, OptionsError> => {
  const fail = (option: string, problem: string) => Result.fail(new OptionsError({ option, problem }))
  const label = nameProblem(options.cluster)
  if (label !== undefined) return fail("cluster", `${label} (the same holds for the name of a cluster)`)
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

/** Returns why a node cannot tell its peers these addresses of its transport, or `undefined` if it can. */
export const advertiseProblem = (addresses: ReadonlyArray<Address>): OptionsError | undefined =>
  addresses.length > maxAddresses
    ? new OptionsError({
        option: "advertise",
        problem: `at most ${maxAddresses} addresses (an option of the transport)`,
      })
    : undefined

/** Limits that the protocol does not let a node choose smaller, with their units. */
const leastLimits = [
  ["inboxWindowBytes", minWindow, "bytes"],
  ["laneWindowBytes", minWindow, "bytes"],
  ["controlRate", minControlRate, "control frames a second, which every peer counts on"],
  ["controlBurst", minControlBurst, "control frames, which every peer counts on"],
] as const

/** Returns why one of the limits cannot be used, or `undefined` if all of them can. */
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
        ? `a duration from 1 to ${maxLimit} milliseconds`
        : `a whole number from 1 to ${maxLimit}`
      return new OptionsError({ option: `limits.${name}`, problem })
    }
  }
  for (const [name, least, unit] of leastLimits) {
    if (limits[name] < least) {
      return new OptionsError({ option: `limits.${name}`, problem: `at least ${least} ${unit}` })
    }
  }
  return undefined
}
