/** Checks the policies before a node starts. */
import * as Duration from "effect/Duration"
import { OptionsError } from "../ClusterError.ts"
import type * as Discovery from "../Discovery.ts"
import type * as FailureDetector from "../FailureDetector.ts"
import type * as Gossip from "../Gossip.ts"
import { maxExchangeRate, maxLinkTimeout, minLinkTimeout } from "../protocol/constants.ts"
import { formatProblem } from "../protocol/PeerName.ts"
import type * as TopicSerialization from "../TopicSerialization.ts"

/** The policies with values to check. */
export interface Policies {
  readonly detector: FailureDetector.Policy
  readonly gossip: Gossip.Policy
  readonly discovery: Discovery.Policy
  readonly serialization: Pick<TopicSerialization.Service, "format">
}

/** Longest time of a policy, in milliseconds: the maximum of the numbers in frames. */
const maxMillis = maxLinkTimeout

/**
 * Shortest time between two exchanges, in milliseconds. Peers end the link of a node that starts exchanges more often.
 */
const minSyncInterval = 1_000 / maxExchangeRate

/** Smallest number of watchers: one on each side of a member. */
const minWatchers = 2

/** Returns the problem of a policy that cannot be used, or `undefined` if there is none. */
export const policyProblem = ({ detector, discovery, gossip, serialization }: Policies): OptionsError | undefined => {
  const problem = (option: string, text: string) => new OptionsError({ option, problem: text })
  const badFormat = formatProblem(serialization.format)
  if (badFormat !== undefined) return problem("TopicSerialization.format", badFormat)
  const millis = Duration.toMillis
  const times = {
    "FailureDetector.heartbeat": detector.heartbeat,
    "FailureDetector.idleHeartbeat": detector.idleHeartbeat,
    "FailureDetector.linkTimeout": detector.linkTimeout,
    "FailureDetector.probeTimeout": detector.probeTimeout,
    "FailureDetector.suspicionMin": detector.suspicionMin,
    "FailureDetector.suspicionMax": detector.suspicionMax,
    "Discovery.interval": discovery.interval,
    "Discovery.intervalAlone": discovery.intervalAlone,
  }
  for (const [option, time] of Object.entries(times)) {
    if (!(millis(time) >= 1 && millis(time) <= maxMillis))
      return problem(option, `must be a time from 1 ms to ${maxMillis} ms`)
  }
  const atLeast = { updateDelay: 0, syncInterval: minSyncInterval }
  for (const option of ["updateDelay", "syncInterval"] as const) {
    const time = millis(gossip[option])
    if (!(time >= atLeast[option] && time <= maxMillis)) {
      return problem(`Gossip.${option}`, `must be a time from ${atLeast[option]} ms to ${maxMillis} ms`)
    }
  }
  if (millis(detector.linkTimeout) < minLinkTimeout) {
    return problem(
      "FailureDetector.linkTimeout",
      `must be at least ${minLinkTimeout} ms, because peers refuse a shorter time`,
    )
  }
  if (millis(detector.linkTimeout) < 2 * millis(detector.heartbeat)) {
    return problem(
      "FailureDetector.linkTimeout",
      "must be at least two heartbeats, because otherwise one late packet ends a link",
    )
  }
  if (millis(detector.idleHeartbeat) < millis(detector.heartbeat)) {
    return problem("FailureDetector.idleHeartbeat", "must be at least as long as heartbeat")
  }
  if (!(detector.watchers >= minWatchers) || (detector.watchers % 1 !== 0 && detector.watchers !== Infinity)) {
    return problem("FailureDetector.watchers", `must be a whole number of at least ${minWatchers}, or Infinity`)
  }
  return millis(detector.suspicionMax) < millis(detector.suspicionMin)
    ? problem("FailureDetector.suspicionMax", "must be at least as long as suspicionMin")
    : undefined
}
