/** Checks of addresses: what nodes advertise, what they dial, and what answers from this machine. */
import * as Address from "@coterie/core/Address"
import type * as Probe from "@coterie/core/Probe"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Net from "node:net"
import type { NodeReport } from "../../Report.ts"
import { list, listNames, printable } from "../text.ts"
import type { AddressProbe, Facts, Probes } from "./facts.ts"
import { check, fail, type Finding, skipped, warn } from "./finding.ts"

type Found = ReadonlyArray<Omit<Finding, "check">>

const networks = (...subnets: ReadonlyArray<readonly [net: string, prefix: number]>): Net.BlockList => {
  const list = new Net.BlockList()
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, net.includes(":") ? "ipv6" : "ipv4")
  return list
}

const loopback = networks(["127.0.0.0", 8], ["::1", 128])
const linkLocal = networks(["169.254.0.0", 16], ["fe80::", 10])
const privateHosts = networks(
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["fc00::", 7],
)

const isIn = (networks: Net.BlockList, host: string): boolean =>
  Net.isIP(host) !== 0 && networks.check(host, Net.isIP(host) === 6 ? "ipv6" : "ipv4")

const isLoopback = (host: string): boolean => host === "localhost" || isIn(loopback, host)

/** Returns the host of an address; `undefined` for a text that is no address. */
const hostOf = (address: string): string | undefined =>
  Option.getOrUndefined(Option.map(Result.getSuccess(Address.parse(address)), Address.host))

const setAdvertise = 'Set "advertise" (COTERIE_ADVERTISE) to an address that its peers can dial.'

/** Returns the problems of the addresses of one node. */
const advertisedBy = ({ addresses, name, observedHosts, peers }: NodeReport): Found => {
  const who = printable(name)
  const hosts = addresses.flatMap((address) => hostOf(address) ?? [])
  const links = peers.flatMap(({ connection }) => (connection === undefined ? [] : [connection.remoteHost]))
  const isAbroad = links.some((host) => !isLoopback(host))
  const seenAs = observedHosts.filter((host) => !isLoopback(host))
  const isNat =
    hosts.length > 0 && seenAs.length > 0 && hosts.every((host) => isIn(privateHosts, host) && !seenAs.includes(host))
  return [
    ...addresses.flatMap((address): Found => {
      const host = hostOf(address) ?? ""
      const text = `${who} advertises ${printable(address)}`
      if (isIn(linkLocal, host)) return [warn(`${text}, which only machines on the same link can dial`, setAdvertise)]
      if (isLoopback(host) && isAbroad) return [fail(`${text}, which no other machine can dial`, setAdvertise)]
      return []
    }),
    ...(isNat
      ? [
          warn(
            `${who} advertises ${list(addresses.map(printable))}, and peers see it at ${list(seenAs.map(printable))}: there may be a NAT in between`,
            `If its peers cannot dial it: ${setAdvertise}`,
          ),
        ]
      : []),
  ]
}

/** Returns a finding for each address that several nodes advertise. */
const shared = (nodes: ReadonlyArray<NodeReport>): Found => {
  const owners = new Map<string, Set<string>>()
  for (const { addresses, name } of nodes) {
    for (const address of addresses) owners.set(address, (owners.get(address) ?? new Set()).add(name))
  }
  return [...owners].flatMap(([address, names]) =>
    names.size < 2
      ? []
      : [
          fail(
            `${listNames([...names])} advertise the same address ${printable(address)}`,
            "Each node needs one of its own.",
          ),
        ],
  )
}

/** Checks the addresses that nodes advertise. */
export const advertised = ({ nodes }: Facts): ReadonlyArray<Finding> =>
  check("addresses", "no advertised address is one that peers cannot dial", [
    ...nodes.flatMap(advertisedBy),
    ...shared(nodes),
  ])

/** A dial that failed, with the node that dials. */
interface FailedDial {
  readonly node: string
  readonly address: string
  readonly reason: string
  readonly message: string
  readonly attempts: number
}

const failedDials = ({ nodes }: Facts): ReadonlyArray<FailedDial> =>
  nodes.flatMap(({ addressesDialed, name, peers }) =>
    [...addressesDialed, ...peers].flatMap(({ dial }) => (dial === undefined ? [] : [{ ...dial, node: name }])),
  )

/** Returns one dial for each address and reason, with the names of all nodes that dial it in vain. */
const byAddress = (
  dials: ReadonlyArray<FailedDial>,
): ReadonlyArray<{ readonly dial: FailedDial; readonly by: string }> => {
  const groups = new Map<string, Array<FailedDial>>()
  for (const dial of dials) {
    const key = JSON.stringify([dial.address, dial.reason])
    groups.set(key, [...(groups.get(key) ?? []), dial])
  }
  return [...groups.values()].flatMap((group) => {
    const [dial] = group
    return dial === undefined ? [] : [{ dial, by: listNames([...new Set(group.map(({ node }) => node))]) }]
  })
}

/** Checks that no two processes refuse the proof of each other. */
export const secrets = (facts: Facts): ReadonlyArray<Finding> => {
  const refused = byAddress(failedDials(facts).filter(({ reason }) => reason === "unauthenticated"))
  return check(
    "secrets",
    "no dial fails because of a secret or certificate",
    refused.map(({ by, dial }) =>
      fail(
        `${by} and the process at ${printable(dial.address)} do not accept each other's proof: ${printable(dial.message)}`,
        'Compare the ids in their log lines "keyring: this node accepts", or their certificates and the option "trust".',
      ),
    ),
  )
}

/** Failed dials after which the problem of an address lasts: about a minute, or 15 seconds while the node is alone. */
const lasting = 3

/** Reasons that do not go away by themselves, with the advice. */
const refusals: ReadonlyMap<string, string> = new Map([
  ["duplicate", "A process with the name of the node answers there: give each process a name of its own."],
  ["otherCluster", 'Remove the address, or correct the option "cluster": another cluster is there.'],
  ["denied", "The admission policy there refuses the node, or their clocks differ by more than a day."],
  ["version", "They have no version of the protocol in common: upgrade the older one."],
  ["protocol", "The process there does not speak the protocol of Coterie: correct the address, and mind the port."],
  ["forbidden", 'The option "networks" of the node excludes the address.'],
  ["stale", "A newer process with the name of the node is in the cluster: end the older process."],
])

/** Checks the addresses that nodes dial: seeds, joins and discovered addresses. */
export const seeds = (facts: Facts): ReadonlyArray<Finding> => {
  const { nodes } = facts
  const owned = new Set(
    nodes.flatMap(({ addresses, peers }) => [...addresses, ...peers.flatMap((peer) => peer.addresses)]),
  )
  const dials = nodes.flatMap(({ addressesDialed, name }) =>
    addressesDialed.flatMap(({ dial }) => (dial === undefined ? [] : [{ ...dial, node: name }])),
  )
  const failing = dials.filter(
    ({ attempts, reason }) => reason !== "unauthenticated" && (refusals.has(reason) || attempts >= lasting),
  )
  return check("seeds", "no seed or discovered address keeps failing", [
    ...byAddress(failing).map(({ by, dial: { address, attempts, message, reason } }) => {
      const refusal = refusals.get(reason)
      const text = `${by} cannot join through ${printable(address)} (${printable(reason)}, ${attempts} attempts): ${printable(message)}`
      if (refusal !== undefined) return fail(text, refusal)
      return warn(
        text,
        owned.has(address)
          ? "It is the address of a member: look for a firewall or a route, and check that its process runs."
          : "It is the address of no member: correct it, or remove it from the seeds or the discovery.",
      )
    }),
    ...single(facts),
  ])
}

/** Members from which a single seed is a warning. */
const manyMembers = 3

const single = ({ nodes }: Facts): Found => {
  const dialed = nodes.flatMap(({ addressesDialed }) => addressesDialed)
  const all = new Set(dialed.map(({ address }) => address))
  const [only] = all
  const isOnly = nodes.length >= manyMembers && all.size === 1 && dialed.every(({ source }) => source === "seed")
  return isOnly && only !== undefined
    ? [
        warn(
          `the only seed of all nodes is ${printable(only)}`,
          "Give all nodes the same two or three seeds, on different machines, or a discovery.",
        ),
      ]
    : []
}

/** Returns the reason of a probe that needs a proof. */
export const proofNeeded = (subject: string): string =>
  `${subject} only peers with a proof: give --secret-file, or --cert, --key, --ca and --trust`

/** Reasons of a probe that prove that a process listens, though it does not take the probe. */
const isThere = ({ answer }: AddressProbe): boolean => answer._tag !== "ProbeError"

/** Returns the reason why a probe without a proof says nothing; `undefined` if it says something. */
const unproved = ({ answer }: AddressProbe): boolean =>
  answer._tag === "ProbeError" &&
  (answer.reason === "unauthenticated" || (answer.reason === "lost" && answer.steps.length > 0))

const textOf = ({ message, reason }: Probe.Refused | Probe.ProbeError): string => `${printable(message)} (${reason})`

const fromHere = (probe: AddressProbe, isLinked: (name: string) => boolean, hasProof: boolean): Found => {
  const { address, answer } = probe
  const name = probe.name ?? ""
  const who = printable(name)
  if (isThere(probe)) {
    return answer._tag === "Accepted" && answer.peer.name !== name
      ? [
          fail(
            `${printable(answer.peer.name)} answers at ${printable(address)}, which ${who} advertises`,
            `The address of ${who} is used again, or ${who} advertises a wrong one.`,
          ),
        ]
      : []
  }
  if (answer._tag !== "ProbeError") return []
  if (unproved(probe) && !hasProof) return [skipped(proofNeeded(`${who} accepts`))]
  const text = `${who} cannot be dialed from this machine: ${textOf(answer)}`
  return [
    isLinked(name)
      ? warn(text, "Members have links to it, so this is a problem only if a node is to run on this machine.")
      : fail(text, "No member has a link to it either: check its process, its port and its address."),
  ]
}

/** Checks that the advertised addresses can be dialed from this machine. */
export const dialed = ({ probes, rows }: Facts, hasProof: boolean): ReadonlyArray<Finding> => {
  const linked = new Set(rows.flatMap(({ link, names }) => names.filter((_, i) => link[i] === "u")))
  return Result.match(probes, {
    onFailure: (reason) => check("dial", "", [skipped(reason)]),
    onSuccess: (list) =>
      check(
        "dial",
        `this machine can dial ${list.length === 1 ? "the advertised address" : `all ${list.length} advertised addresses`}`,
        list.flatMap((probe) => fromHere(probe, (name) => linked.has(name), hasProof)),
      ),
  })
}

/** Returns the findings of the addresses of a DNS name. */
const nameOf = (probes: ReadonlyArray<AddressProbe>, members: ReadonlySet<string>, hasProof: boolean): Found =>
  probes.flatMap((probe): Found => {
    const { address, answer } = probe
    const place = printable(address)
    if (unproved(probe) && !hasProof) return [skipped(proofNeeded(`${place} accepts`))]
    if (answer._tag === "ProbeError") {
      return [warn(`no node answers at ${place}: ${textOf(answer)}`, "DNS may be late: ask again in a minute.")]
    }
    if (answer._tag === "Refused") {
      return answer.reason === "otherCluster"
        ? [
            fail(
              `another cluster answers at ${place}: ${printable(answer.message)}`,
              "Give each cluster a DNS name of its own.",
            ),
          ]
        : [warn(`${place} refuses the probe: ${textOf(answer)}`)]
    }
    return members.has(answer.peer.name)
      ? []
      : [
          fail(
            `${printable(answer.peer.name)} at ${place} is not a member of this cluster`,
            "The nodes behind the name are two clusters of one name: look for what keeps them apart.",
          ),
        ]
  })

/** Checks that one cluster alone is behind the DNS name of `--dns`. */
export const dns = ({ dns: given, probes, rows }: Facts, hasProof: boolean): ReadonlyArray<Finding> => {
  if (given === undefined) return []
  const members = new Set(
    rows.flatMap(({ name, names, status }) => [name, ...names.filter((_, i) => status[i] !== "f")]),
  )
  return Result.match(given.probes, {
    // If there are no probes at all, the name has not been looked up.
    onFailure: (reason) => check("dns", "", [(Result.isFailure(probes) ? skipped : warn)(reason)]),
    onSuccess: (list: Result.Result.Success<Probes>) =>
      check("dns", `${printable(given.name)} leads to this cluster alone`, nameOf(list, members, hasProof)),
  })
}
