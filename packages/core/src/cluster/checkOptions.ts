/**
 * What an application may say, checked before anything is started with it.
 */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Address from "../Address.ts"
import type { Options } from "../Cluster.ts"
import * as ClusterError from "../ClusterError.ts"
import type * as Discovery from "../Discovery.ts"
import type * as FailureDetector from "../FailureDetector.ts"
import type * as Gossip from "../Gossip.ts"
import { maxAddresses, minWindow } from "../protocol/constants.ts"
import * as PeerName from "../protocol/PeerName.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"

/** The addresses among the texts, and what is wrong with the others. */
export const parseAll = (inputs: ReadonlyArray<string>) => {
  const addresses: Array<Address.Address> = []
  const problems: Array<Address.AddressError> = []
  for (const input of inputs) {
    const parsed = Address.parse(input)
    if (Result.isSuccess(parsed)) addresses.push(parsed.success)
    else problems.push(parsed.failure)
  }
  return { addresses, problems }
}

/** Why this cannot be the metadata of a peer, or `undefined` if it can. */
export const metadataProblem = (metadata: Readonly<Record<string, string>>): string | undefined => {
  for (const [key, value] of Object.entries(metadata)) {
    // Callers without types may pass anything.
    if (typeof value !== "string") return `the value of "${key}" is not text`
  }
  return PeerRecord.metadataProblem(metadata)
}

/** What policies say in numbers. */
export interface Policies {
  readonly detector: FailureDetector.Policy
  readonly gossip: Gossip.Policy
  readonly discovery: Discovery.Policy
}

/** Which of the policies cannot be used, and why; `undefined` if they all can. */
export const policyProblem = ({ detector, discovery, gossip }: Policies): ClusterError.OptionsError | undefined => {
  const problem = (option: string, message: string) => new ClusterError.OptionsError({ option, message })
  const millis = Duration.toMillis
  const times = {
    "FailureDetector.heartbeat": detector.heartbeat,
    "FailureDetector.linkTimeout": detector.linkTimeout,
    "FailureDetector.probeTimeout": detector.probeTimeout,
    "FailureDetector.suspicionMin": detector.suspicionMin,
    "FailureDetector.suspicionMax": detector.suspicionMax,
    "Discovery.interval": discovery.interval,
    "Discovery.intervalAlone": discovery.intervalAlone,
  }
  for (const [option, time] of Object.entries(times)) {
    if (!(millis(time) >= 1 && millis(time) <= maxLimit)) return problem(option, `a time from 1 ms to ${maxLimit} ms`)
  }
  for (const option of ["updateDelay", "syncInterval"] as const) {
    const time = millis(gossip[option])
    if (!(time >= 0 && time <= maxLimit)) return problem(`Gossip.${option}`, `a time up to ${maxLimit} ms`)
  }
  if (millis(detector.linkTimeout) < 2 * millis(detector.heartbeat)) {
    return problem("FailureDetector.linkTimeout", "at least two heartbeats, or one packet that is late ends a link")
  }
  return millis(detector.suspicionMax) < millis(detector.suspicionMin)
    ? problem("FailureDetector.suspicionMax", "at least as long as suspicionMin")
    : undefined
}

const maxLimit = 0xffff_ffff

/** What the options say, or which of them cannot be used. */
export const checkOptions = (options: Options) => {
  const fail = (option: string, message: string) => Result.fail(new ClusterError.OptionsError({ option, message }))
  const label = PeerName.nameProblem(options.cluster)
  if (label !== undefined) return fail("cluster", `${label} (the same holds for the name of a cluster)`)
  const name = options.name === undefined ? undefined : PeerName.nameProblem(options.name)
  if (name !== undefined) return fail("name", name)
  const metadata = metadataProblem(options.metadata ?? {})
  if (metadata !== undefined) return fail("metadata", metadata)
  const seeds = parseAll(options.seeds ?? [])
  for (const problem of seeds.problems) return fail("seeds", problem.message)
  const advertise = parseAll(options.advertise ?? [])
  for (const problem of advertise.problems) return fail("advertise", problem.message)
  if (advertise.addresses.length > maxAddresses) {
    return fail("advertise", `at most ${maxAddresses} addresses`)
  }
  for (const [name, value] of Object.entries(options.limits ?? {})) {
    // The upper bound is that of the numbers in frames; for times and counts it is no bound at all.
    if (!Number.isInteger(value) || value < 1 || value > maxLimit) {
      return fail(`limits.${name}`, `a whole number from 1 to ${maxLimit}`)
    }
  }
  const window = options.limits?.inboxWindow
  if (window !== undefined && window < minWindow) {
    return fail("limits.inboxWindow", `at least ${minWindow} bytes`)
  }
  return Result.succeed({ seeds: seeds.addresses, advertise: advertise.addresses })
}
