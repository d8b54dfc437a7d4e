/**
 * Readiness, start and liveness of a node, for load balancers and supervisors. Pure functions of an inspection. Neither
 * readiness nor liveness depends on other members: otherwise the death of one node would take other nodes out of service.
 *
 * **Example** (A node that is ready only after the application has warmed its cache)
 *
 * ```ts
 * import { Health } from "@coterie/admin"
 *
 * let isWarm = false
 *
 * const HealthLive = Health.layer({
 *   ready: (answer) => (isWarm ? answer : { ok: false, reason: "the cache is not warm" }),
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { StoppedError } from "@coterie/core/ClusterError"
import type { AddressInspection, Inspection } from "@coterie/core/Inspection"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import { isIsolated } from "./internal/reports/nodeReport.ts"

/**
 * Answer to one question about the health of a node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly ok: boolean
  /** Reason, for people. It has no names and addresses, because anybody may ask. */
  readonly reason: string
}

/**
 * Settings of the health of a node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  /**
   * Time after which a node that nobody answers is started and ready, as the first node of its cluster. With a shorter
   * time, nodes that start together may serve before they know each other. With a longer time, the first node starts later.
   */
  readonly aloneAfter: Duration.Duration
  /**
   * Number of links that readiness requires. With more than 0, one fault of the network makes all nodes unready at once, and
   * the death of one of two nodes makes the other unready.
   */
  readonly minimumLinks: number
  /** Fails liveness if the node has stopped because of an error, so that the supervisor restarts the process. */
  readonly restartStopped: boolean
  /** Replaces the readiness. Gets the answer of {@link ready} and the inspection. */
  readonly ready: (answer: Answer, inspection: Inspection) => Answer
}

/**
 * Settings of {@link layer}. Absent settings keep their defaults.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Defaults to 10 seconds. */
  readonly aloneAfter?: Duration.Input | undefined
  /** Defaults to 0. */
  readonly minimumLinks?: number | undefined
  /** Defaults to `true`. */
  readonly restartStopped?: boolean | undefined
  /** Returns the answer of the node by default. */
  readonly ready?: ((answer: Answer, inspection: Inspection) => Answer) | undefined
}

/**
 * Default settings. Ten seconds are three attempts of the default `Reconnect` schedule and two lookups of a name in DNS.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Policy = {
  aloneAfter: Duration.seconds(10),
  minimumLinks: 0,
  restartStopped: true,
  ready: (answer) => answer,
}

/**
 * The settings in use. Defaults to {@link defaults}.
 *
 * @category services
 * @since 0.1.0
 */
export const Health = Context.Reference<Policy>("@coterie/admin/Health", { defaultValue: () => defaults })

/**
 * Changes settings. Provide the layer to the layer that serves the health.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = ({ aloneAfter, minimumLinks, ready, restartStopped }: Options): Layer.Layer<never> =>
  Layer.succeed(Health, {
    aloneAfter: aloneAfter === undefined ? defaults.aloneAfter : Duration.fromInputUnsafe(aloneAfter),
    minimumLinks: minimumLinks ?? defaults.minimumLinks,
    restartStopped: restartStopped ?? defaults.restartStopped,
    ready: ready ?? defaults.ready,
  })

const yes = (reason: string): Answer => ({ ok: true, reason })
const no = (reason: string): Answer => ({ ok: false, reason })

/** Refusals that a retry cannot fix: a process of the cluster answers, and does not want this node. */
const finalRefusals: ReadonlySet<string> = new Set([
  "duplicate",
  "denied",
  "otherCluster",
  "version",
  "unauthenticated",
])

const stopReasons: { readonly [Reason in StoppedError["reason"]["_tag"]]: string } = {
  Superseded: "a newer process uses the name of this node",
  DuplicateName: "another process uses the name of this node",
  OtherCluster: "the peers belong to another cluster",
  Denied: "the peers refuse this node",
  VersionMismatch: "the peers speak another version of the protocol",
  Defect: "a defect ended the node",
}

/**
 * Tests whether the process works. Fails only for a problem that a restart of the process may fix: the node has stopped
 * because of an error. A partition, isolation or an absent seed is none.
 *
 * @category getters
 * @since 0.1.0
 */
export const live = ({ status }: Inspection, policy: Policy = defaults): Answer => {
  const error = status._tag === "Stopped" ? status.error : undefined
  if (error === undefined) return yes("the process works")
  const reason = `this node has stopped: ${stopReasons[error.reason._tag]}`
  return policy.restartStopped ? no(`${reason}; restart the process`) : yes(reason)
}

const isOther = ({ state }: AddressInspection): boolean => state !== "self"

/**
 * Tests whether the node has found its place: it has had a link, or it is the first node of its cluster. A node that a
 * process of the cluster refuses permanently, and that never had a link, is not the first.
 *
 * @category getters
 * @since 0.1.0
 */
export const started = (inspection: Inspection, policy: Policy = defaults): Answer => {
  const { addresses, everLinked, status, uptimeMillis } = inspection
  if (everLinked) return yes("this node has met a peer")
  if ((status._tag === "Stopped" || status._tag === "Leaving") && status.error !== undefined) {
    return no(`this node has stopped: ${stopReasons[status.error.reason._tag]}`)
  }
  if (status._tag === "Starting" && status.reason === "notStarted")
    return no("the application has not started this node")
  const others = addresses.filter(isOther)
  const refused = others.find(({ dial }) => dial !== undefined && finalRefusals.has(dial.reason))
  if (refused?.dial !== undefined) return no(`a peer refuses this node: ${refused.dial.reason}`)
  if (others.length === 0 && status._tag !== "Starting") return yes("this node knows no other address")
  const aloneAfter = Duration.toMillis(policy.aloneAfter)
  const isTried = others.every(({ state }) => state !== "untried")
  if (isTried && others.length > 0 && uptimeMillis >= aloneAfter) {
    return yes(`no peer answered within ${Duration.format(policy.aloneAfter)}; this node is the first`)
  }
  return no("this node looks for peers")
}

/**
 * Tests whether the process may get traffic: it has started, and the node is not leaving and has not stopped. An isolated
 * node stays ready.
 *
 * @category getters
 * @since 0.1.0
 */
export const ready = (inspection: Inspection, policy: Policy = defaults): Answer =>
  policy.ready(readiness(inspection, policy), inspection)

const readiness = (inspection: Inspection, policy: Policy): Answer => {
  const { peers, status } = inspection
  if (status._tag === "Stopped") return no("this node has stopped")
  if (status._tag === "Leaving") return no("this node is leaving")
  const start = started(inspection, policy)
  if (!start.ok) return start
  const links = peers.filter(({ link }) => link === "up").length
  if (links < policy.minimumLinks) return no(`${links} of at least ${policy.minimumLinks} links are up`)
  if (isIsolated(inspection)) return yes("this node reaches no member and serves alone")
  return links > 0 ? yes(`${links} ${links === 1 ? "link is" : "links are"} up`) : start
}
