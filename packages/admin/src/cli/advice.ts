/** Advice about a pair of members without a link, by the reasons of the dials of both sides. */
import type { PairSide } from "../CommandOutput.ts"
import { printable } from "./text.ts"

export interface Input {
  readonly a: PairSide
  readonly b: PairSide
  /** `true` if other members have links to both. */
  readonly othersReachBoth: boolean
}

/** Reasons of a dial without an answer of any process. */
const silent = new Set(["unreachable", "timeout", "lost"])

const disconnected = 'One of them was disconnected on purpose: "coterie join" with the address of the other ends that.'

/** Returns the command that tries a TCP connection, if the address has the characters of one only. */
const tryIt = ({ dial, name }: PairSide): string => {
  const [, host, port] = /^\[?([\w.:-]+?)\]?:(\d+)$/.exec(dial?.address ?? "") ?? []
  return host === undefined || port === undefined ? "" : ` From the host of ${printable(name)}: nc -vz ${host} ${port}`
}

/** Returns the advice for one side, for a reason that one side alone decides. */
const adviceOfSide = (side: PairSide, other: PairSide): ReadonlyArray<string> => {
  const [from, to, place] = [printable(side.name), printable(other.name), printable(side.dial?.address ?? "")]
  switch (side.dial?.reason) {
    case "refused":
      return [`No process listens at ${place}: check the options advertise and port of ${to}.`]
    case "otherPeer":
    case "self":
      return [
        `Another process listens at ${place}: the address of ${to} is used again, or ${to} advertises a wrong one.`,
      ]
    case "unauthenticated":
      return [
        `${from} and ${to} do not accept each other's proof: compare their secrets, or their certificates and trust.`,
      ]
    case "forbidden":
      return [`The option networks of ${from} excludes ${place}.`]
    case "otherCluster":
      return [`${to} answers with the name of another cluster: compare the option cluster of both.`]
    case "version":
      return [`${from} and ${to} have no version of the protocol in common: upgrade the older one.`]
    case "denied":
      return [`The admission policy of one side refuses the other, or their clocks differ by more than a day.`]
    case "duplicate":
      return [`Two processes use the name ${from}: give each process a name of its own.`]
    case "stale":
      return [`${to} knows a newer process with the name ${from}: stop the older one.`]
    case "busy":
      return [`${to} has no room for another connection, or is leaving: ${from} dials again.`]
    case "disconnected":
      return [disconnected]
    case "protocol":
      return [
        `The process at ${place} does not speak the protocol of Coterie: check the address that ${to} advertises.`,
      ]
    case undefined:
    default:
      return []
  }
}

/** Returns the sentences that say what to try. */
export const adviceFor = ({ a, b, othersReachBoth }: Input): ReadonlyArray<string> => {
  if (a.status === "disconnected" || b.status === "disconnected") return [disconnected]
  const own = [...new Set([...adviceOfSide(a, b), ...adviceOfSide(b, a)])]
  if (own.length > 0) return own
  const first = [a, b].find(({ dial }) => dial !== undefined && silent.has(dial.reason))
  if (first === undefined) {
    const isOneSided = a.link === "up" || b.link === "up"
    return [isOneSided ? "The link is just ending or beginning: ask again." : "No dial has failed yet: ask again."]
  }
  const where = othersReachBoth
    ? "Other members reach both, so look for a firewall, a route or a network policy between these two."
    : "Look for a firewall, a route or a network policy, and for an advertised address that is not reachable from there."
  return [`${where}${tryIt(first)}`]
}
