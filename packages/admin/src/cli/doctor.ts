/** `coterie doctor`: looks for the cause of a problem, and says what to do. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { CommandError } from "./CommandError.ts"
import * as Addresses from "./doctor/addresses.ts"
import { proofNeeded } from "./doctor/addresses.ts"
import { clocks } from "./doctor/clocks.ts"
import { type AddressProbe, type Facts, gather, type Probes } from "./doctor/facts.ts"
import { type Finding, worst } from "./doctor/finding.ts"
import * as Members from "./doctor/members.ts"
import * as Nodes from "./doctor/nodes.ts"
import { type ExitCode, exits } from "./exits.ts"
import { loadProbe } from "./loadProbe.ts"
import { hasProof, type ProofFlags } from "./proofFlags.ts"
import type { Color, Session } from "./Session.ts"
import { output } from "./Session.ts"
import { printable } from "./text.ts"

export interface Flags extends ProofFlags {
  /** Name of which the addresses are probed, `NAME` or `NAME:PORT`. */
  readonly dns: string | undefined
}

/** Maximum number of probed addresses. More would take longer than people wait. */
const maxProbes = 256

/** Maximum time of one probe, in milliseconds: a node answers a Hello at once. */
const probeTimeout = 5_000

type Targets = ReadonlyArray<Pick<AddressProbe, "address" | "name">>

/** Returns the addresses that members advertise, also of those that did not answer. */
const targetsOf = ({ nodes }: Pick<Facts, "nodes">): Targets => {
  const targets = new Map<string, { readonly address: string; readonly name: string }>()
  const add = (name: string, addresses: ReadonlyArray<string>): void => {
    for (const address of addresses) targets.set(JSON.stringify([name, address]), { name, address })
  }
  for (const { addresses, name, peers, status } of nodes) {
    if (status.phase === "stopped") continue
    add(name, addresses)
    for (const peer of peers) if (peer.status === "alive" || peer.status === "suspect") add(peer.name, peer.addresses)
  }
  return [...targets.values()].slice(0, maxProbes)
}

/** Returns the name of the cluster, if the nodes report one and it is the same. */
const clusterOf = ({ nodes }: Pick<Facts, "nodes">): string | undefined => {
  const [first, ...others] = new Set(nodes.map(({ cluster }) => cluster))
  return others.length === 0 ? first : undefined
}

/** Splits `NAME:PORT`. */
const dnsTarget = (text: string): { readonly host: string; readonly port: string } => {
  const [, host = text, port = ""] = /^(.*?)(:\d+)?$/.exec(text) ?? []
  return { host, port }
}

const withBrackets = (host: string): string => (host.includes(":") ? `[${host}]` : host)

/** Tests whether the nodes require a proof: a peer has proved itself to one of them, or a proof has failed. */
export const requireProof = ({ nodes }: Pick<Facts, "nodes">): boolean =>
  nodes.some(({ addressesDialed, peers }) =>
    [...addressesDialed, ...peers].some(
      (each) =>
        each.dial?.reason === "unauthenticated" || ("connection" in each && each.connection.identity !== undefined),
    ),
  )

/** Probes the advertised addresses and those of `--dns`. */
const probe = Effect.fnUntraced(function* (
  session: Session,
  facts: Pick<Facts, "nodes">,
  flags: Flags,
): Effect.fn.Return<Pick<Facts, "probes" | "dns">, CommandError> {
  // A node logs a probe over plain TCP as a stranger, and a tool may ban the host of strangers.
  const useless = !hasProof(flags) && requireProof(facts) ? proofNeeded("the nodes accept") : undefined
  const loaded = yield* Effect.result(useless === undefined ? loadProbe("doctor") : Effect.fail(useless))
  if (Result.isFailure(loaded)) {
    const probes: Probes = Result.fail(loaded.failure)
    return { probes, ...(flags.dns === undefined ? {} : { dns: { name: flags.dns, probes } }) }
  }
  const { probeAll, resolve } = loaded.success
  const options = { cluster: clusterOf(facts), proof: flags, timeout: Math.min(session.timeout, probeTimeout) }
  const probes = Result.succeed(yield* probeAll(options, targetsOf(facts)))
  if (flags.dns === undefined) return { probes }
  const { host, port } = dnsTarget(flags.dns)
  const hosts = yield* Effect.result(resolve(host))
  const found = yield* Result.match(hosts, {
    onFailure: (reason) => Effect.succeed<Probes>(Result.fail(printable(reason))),
    onSuccess: (hosts) =>
      Effect.map(
        probeAll(
          options,
          hosts.slice(0, maxProbes).map((each) => ({ address: `${withBrackets(each)}${port}` })),
        ),
        (list): Probes => Result.succeed(list),
      ),
  })
  return { probes, dns: { name: flags.dns, probes: found } }
})

/** Returns the findings of all checks, in the order in which a person would look. */
export const diagnose = (facts: Facts, hasProof: boolean): ReadonlyArray<Finding> => [
  ...Nodes.services(facts),
  ...(facts.nodes.length === 0
    ? []
    : [
        ...Nodes.phases(facts),
        ...Members.cluster(facts),
        ...Members.answers(facts),
        ...Members.links(facts),
        ...Members.names(facts),
        ...Addresses.secrets(facts),
        ...Addresses.seeds(facts),
        ...Addresses.advertised(facts),
        ...Addresses.dialed(facts, hasProof),
        ...Addresses.dns(facts, hasProof),
        ...clocks(facts),
        ...Nodes.versions(facts),
        ...Nodes.settings(facts),
        ...Nodes.load(facts),
      ]),
]

const colors: { readonly [Level in Finding["level"]]: Color | undefined } = {
  ok: "green",
  warn: "yellow",
  fail: "red",
  skipped: undefined,
}

/** Returns the lines of findings: the level, the check, the sentence, and what to do in a line of its own. */
export const lines = (findings: ReadonlyArray<Finding>, paint: Session["paint"]): ReadonlyArray<string> => {
  const [level, check] = [
    Math.max(...findings.map((each) => each.level.length)),
    Math.max(...findings.map((each) => each.check.length)),
  ]
  const indent = " ".repeat(level + check + 4)
  return findings.flatMap((each) => {
    const color = colors[each.level]
    const head = each.level.padEnd(level)
    const shown = color === undefined ? head : paint(color, head)
    return [
      `${shown}  ${each.check.padEnd(check)}  ${each.message}`,
      ...(each.advice === undefined ? [] : [`${indent}${each.advice}`]),
    ]
  })
}

export const run = Effect.fnUntraced(function* (
  session: Session,
  flags: Flags,
): Effect.fn.Return<ExitCode, CommandError> {
  const facts = yield* gather(session)
  const probed = facts.nodes.length === 0 ? { probes: Result.fail("") } : yield* probe(session, facts, flags)
  const findings = diagnose({ ...facts, ...probed }, hasProof(flags))
  const level = worst(findings)
  yield* output(session, { schema: 1, level, findings }, () => lines(findings, session.paint))
  const [first] = facts.services
  // Without any answer, the code says whether nothing answers or the service refuses.
  if (facts.nodes.length === 0 && first !== undefined && Result.isFailure(first.self)) return first.self.failure.exit
  return level === "fail" ? exits.no : exits.yes
})
