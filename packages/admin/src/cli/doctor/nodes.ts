/** Checks of single nodes: their services, phases, versions, settings and load. */
import * as Result from "effect/Result"
import { version } from "../../internal/version.ts"
import type { NodeReport } from "../../Report.ts"
import { list, listNames, printable } from "../text.ts"
import type { Facts } from "./facts.ts"
import { check, fail, type Finding, ok, warn } from "./finding.ts"

type Found = ReadonlyArray<Omit<Finding, "check">>

/** Checks that every `--url` is an admin service that answers. */
export const services = ({ services }: Facts): ReadonlyArray<Finding> =>
  check(
    "service",
    "",
    services.flatMap(({ self, url }): Found => {
      if (Result.isFailure(self)) return [fail(self.failure.message)]
      const { cluster, name, version: running } = self.success
      const answers = `${printable(url)} is ${printable(name)}${cluster === undefined ? "" : ` of the cluster "${printable(cluster)}"`}, version ${printable(running)}`
      return running === version
        ? [ok(answers)]
        : [warn(`${answers}; this command has version ${version}`, "Use a command of the version of the nodes.")]
    }),
  )

const superseded =
  "A newer process uses its name. Give each process a name of its own, and end or restart this process: it never comes back " +
  "by itself."

const phaseOf = ({ name, status: { message, phase, reason } }: NodeReport): Found => {
  const who = printable(name)
  const because = `${reason === undefined ? "" : ` (${printable(reason)})`}${message === undefined ? "" : `: ${printable(message)}`}`
  switch (phase) {
    case "stopped":
      return reason === undefined
        ? [warn(`${who} has left the cluster, and its process continues`, "End the process, unless this is intended.")]
        : [
            fail(
              `${who} has stopped${because}`,
              reason === "Superseded" ? superseded : "Restart its process. Its log has an ERROR line with the cause.",
            ),
          ]
    case "leaving":
      return [warn(`${who} is leaving the cluster${because}`, "Ask again in some seconds.")]
    case "starting":
      return [
        reason === "notStarted"
          ? warn(`${who} is not started`, 'Call "cluster.start", or build "Cluster.layerStart" (option "start").')
          : warn(`${who} is starting${because}`, "Ask again in some seconds."),
      ]
    case "alone":
      return aloneOf(who, reason, message)
    default:
      return []
  }
}

const aloneOf = (who: string, reason: string | undefined, message: string | undefined): Found => {
  switch (reason) {
    case "noSeeds":
      return [warn(`${who} is alone and dials no address`, "Give it seeds or a discovery, unless it is the only node.")]
    case "isolated":
      return [
        fail(
          `${who} has lost its links and reaches no member`,
          "Check the network of its machine first. If its peers are gone on purpose, nothing is wrong.",
        ),
      ]
    default:
      return [
        warn(
          `${who} is alone, because no address lets it in: ${printable(message ?? "no answer")}`,
          'The checks "seeds" and "secrets" have the reason of each address.',
        ),
      ]
  }
}

/** Checks that no node has stopped, and that each has a link. A stopped node that still answers HTTP is found here alone. */
export const phases = ({ nodes }: Facts): ReadonlyArray<Finding> =>
  check("nodes", `${nodes.length} ${nodes.length === 1 ? "node runs" : "nodes run"}`, nodes.flatMap(phaseOf))

const grouped = <A>(values: ReadonlyArray<A>, keyOf: (value: A) => string): ReadonlyMap<string, ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const value of values) {
    const group = groups.get(keyOf(value))
    if (group === undefined) groups.set(keyOf(value), [value])
    else group.push(value)
  }
  return groups
}

const groupTexts = (groups: ReadonlyMap<string, ReadonlyArray<{ readonly name: string }>>): string =>
  list([...groups].map(([key, nodes]) => `${printable(key)} (${listNames(nodes.map(({ name }) => name))})`))

/** Checks that all nodes have one version. */
export const versions = ({ rows }: Facts): ReadonlyArray<Finding> => {
  const groups = grouped(rows, ({ version }) => version)
  return check(
    "versions",
    "all nodes have one version",
    groups.size < 2
      ? []
      : [
          warn(
            `the versions of the nodes differ: ${groupTexts(groups)}`,
            "Finish the upgrade. Neighboring versions work together.",
          ),
        ],
  )
}

const settingNames = [
  "heartbeatMillis",
  "idleHeartbeatMillis",
  "watchers",
  "linkTimeoutMillis",
  "probeTimeoutMillis",
  "suspicionMinMillis",
  "suspicionMaxMillis",
] as const

/** Checks that the failure detection of all nodes has the same settings. */
export const settings = ({ nodes }: Facts): ReadonlyArray<Finding> =>
  check(
    "settings",
    "the failure detection has the same settings at all nodes",
    settingNames.flatMap((setting): Found => {
      const known = nodes.filter(({ failureDetector }) => failureDetector?.[setting] !== undefined)
      const groups = grouped(known, ({ failureDetector }) => String(failureDetector?.[setting]))
      return groups.size < 2
        ? []
        : [
            warn(
              `${setting} of the failure detection differs: ${groupTexts(groups)}`,
              "Give all nodes the same FailureDetector layer.",
            ),
          ]
    }),
  )

/** Link timeout of the default policy, for nodes that do not report theirs, in milliseconds. */
const defaultLinkTimeout = 3_000

/** Part of the link timeout above which a delay of timers is a warning. Three heartbeats must fit into the rest. */
const lagShare = 0.1

/** Distrust of a node in its own timing above which it is a warning, as in the details of a verdict. */
const maxLocalHealth = 2

/** Part of the bound above which a queue is a warning. */
const queueShare = 0.8

const loadOf = (report: NodeReport): Found => {
  const { failureDetector, lagMillis, localHealth, peers, queues } = report
  const who = printable(report.name)
  const limit = lagShare * (failureDetector?.linkTimeoutMillis ?? defaultLinkTimeout)
  const busy =
    "Find what blocks its event loop: long computations, synchronous I/O, garbage collection, too little CPU."
  const fullest = new Map<string, number>()
  for (const { limit, name, size } of [...queues, ...peers.flatMap(({ connection }) => connection?.queues ?? [])]) {
    if (limit > 0) fullest.set(name, Math.max(fullest.get(name) ?? 0, size / limit))
  }
  const full = [...fullest].filter(([, share]) => share > queueShare)
  return [
    ...(lagMillis > limit ? [warn(`the timers of ${who} are late by ${Math.round(lagMillis)} ms`, busy)] : []),
    ...(localHealth > maxLocalHealth ? [warn(`${who} distrusts its own timing (${localHealth} of 7)`, busy)] : []),
    ...full.map(([name, share]) =>
      warn(
        `the queue ${printable(name)} of ${who} is ${Math.round(100 * share)} % full`,
        'Find the reader that is too slow (docs/metrics.md, section "Queues").',
      ),
    ),
  ]
}

/** Checks that no event loop is late and no queue is nearly full. */
export const load = ({ nodes }: Facts): ReadonlyArray<Finding> =>
  check("load", "no event loop is late, and no queue is nearly full", nodes.flatMap(loadOf))
