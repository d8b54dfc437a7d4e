/** Describes single parts of a node for `cluster.inspect`. */
import type { Address } from "../Address.ts"
import type * as Inspection from "../Inspection.ts"
import type { Limits } from "../Limits.ts"
import type { Link } from "../link/Link.ts"
import type * as Member from "../membership/Member.ts"
import { describe } from "../link/Handshake.ts"
import type { DialFailure } from "../peering/DialFailures.ts"
import * as Queues from "./queues.ts"
import { reasonOf } from "./refusals.ts"
import { isOwn, type Outcome, type Source } from "./SeedOutcomes.ts"

/** Describes a failed dial. */
export const inspectDial = ({ address, at, attempts, error }: DialFailure, now: number): Inspection.DialInspection => ({
  address,
  reason: reasonOf(error),
  message: describe(error),
  agoMillis: now - at,
  attempts,
})

/** Describes an open link. */
export const inspectLink = (link: Link, limits: Limits, now: number): Inspection.LinkInspection => {
  const gauges = link.gauges()
  return {
    dialedBy: link.dialed ? "thisNode" : "peer",
    remoteHost: link.remoteHost,
    observedHost: link.observedHost,
    identity: link.identity,
    openForMillis: now - link.openedAt,
    session: link.session().session,
    heardAgoMillis: now - gauges.lastHeard,
    heartbeatMillis: gauges.heartbeat,
    roundTrip: inspectRoundTrip(link),
    peerLagMillis: gauges.peerLag,
    peerViewHash: gauges.viewHash,
    bytesIn: gauges.bytesIn,
    bytesOut: gauges.bytesOut,
    queues: Queues.ofLink.map(({ limit, name, read }) => ({ name, size: read(gauges), limit: limit(limits) })),
  }
}

const inspectRoundTrip = (link: Pick<Link, "roundTrips">): Inspection.RoundTripInspection | undefined => {
  const summary = link.roundTrips()
  if (summary === undefined) return undefined
  const { age, last, max, median, min, samples } = summary
  return { lastMillis: last, minMillis: min, medianMillis: median, maxMillis: max, samples, agoMillis: age }
}

/** Returns the names of the members by their addresses: those that they advertise, and those at which they answered. */
export const linkedAddresses = (members: Iterable<Member.Member>): ReadonlyMap<Address, string> => {
  const names = new Map<Address, string>()
  for (const { address, record } of members) {
    for (const each of record.body.addresses) names.set(each, record.name)
    if (address !== undefined) names.set(address, record.name)
  }
  return names
}

/** An address that this node dials. */
export interface DialedAddress {
  readonly address: Address
  readonly source: Source
  /** Outcome of the last dial, or `undefined` before the first dial has ended. */
  readonly outcome: Pick<Outcome, "answeredBy" | "at" | "error" | "failures"> | undefined
}

/** Describes a dialed address. `linked` is the name of the peer with a link at the address, if there is one. */
export const inspectAddress = (
  { address, outcome, source }: DialedAddress,
  linked: string | undefined,
  now: number,
): Inspection.AddressInspection => {
  const known = {
    address,
    source,
    peer: linked ?? outcome?.answeredBy,
    checkedAgoMillis: outcome === undefined ? undefined : now - outcome.at,
    dial: undefined,
  }
  if (linked !== undefined) return { ...known, state: "linked" }
  if (outcome === undefined) return { ...known, state: "untried" }
  const { at, error, failures } = outcome
  if (error === undefined) return { ...known, state: "answered" }
  if (isOwn(error)) return { ...known, state: "self" }
  return { ...known, state: "failing", dial: inspectDial({ address, error, at, attempts: failures }, now) }
}
