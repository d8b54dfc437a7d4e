/**
 * The policy of noticing that a peer is gone: how often peers show that they live, how long silence is
 * borne, and how long a suspicion lasts (docs/protocol.md, section "Heartbeats" and R5).
 *
 * Nobody is suspected before others were asked whether they reach it, and nobody is called failed whom one of them
 * reaches. A killed process, whose address refuses connections, is called failed after about half the shortest suspicion,
 * of two nodes after all of it; one that falls silent, after about link timeout, probe timeout and shortest suspicion.
 * docs/membership.md has the sums.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import type * as Layer from "effect/Layer"
import { policyLayer } from "./internal/policyLayer.ts"
import * as Settings from "./membership/Settings.ts"

/**
 * Times and numbers of the failure detector.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  /**
   * The time between two heartbeats of a link. Halving it doubles the idle traffic, and detection is no faster for it: that is
   * up to the link timeout. What was heard within it counts as a sign of life for others.
   */
  readonly heartbeat: Duration.Duration
  /**
   * Silence for so long ends a link. At least two heartbeats, or one delayed packet ends it. Detection of a silent peer takes
   * so much longer, and that of a killed one does not. The peers learn it in the handshake, and send something in every third
   * of it, however long their own heartbeat is; a shorter one than three heartbeats of theirs costs so much more traffic. At
   * least 100 milliseconds.
   */
  readonly linkTimeout: Duration.Duration
  /**
   * How long answers are awaited from members that are asked about a peer; they have half of it to find out. At least two
   * round trips, or a slow answer counts for none. Detection of a silent peer takes so much longer. Default: a heartbeat.
   */
  readonly probeTimeout: Duration.Duration
  /**
   * How many members, drawn at random, are asked at once in a cluster of `size`; at least one. More find sooner somebody who
   * reaches the peer, at about a hundred bytes each. No effect on the detection of who is dead.
   */
  readonly probeFanOut: (size: number) => number
  /**
   * The suspicion when enough others share it. Detection takes so much longer, or half of it where two saw a connection
   * refused. A shorter one calls more peers failed that recover, which costs news about it.
   */
  readonly suspicionMin: Duration.Duration
  /**
   * The suspicion when nobody shares it, or this node has no link left. Who fails within it counts as lost at one time. No
   * effect on bandwidth.
   */
  readonly suspicionMax: Duration.Duration
}

/**
 * Options of {@link layer}. Options that are not given are as in {@link lan}.
 *
 * @category options
 * @since 0.1.0
 */
export type Options = {
  readonly [K in keyof Policy]?: (Policy[K] extends Duration.Duration ? Duration.Input : Policy[K]) | undefined
}

const policy = (heartbeat: number, linkTimeout: number, suspicionMin: number, suspicionMax: number): Policy => ({
  heartbeat: Duration.millis(heartbeat),
  linkTimeout: Duration.millis(linkTimeout),
  probeTimeout: Duration.millis(heartbeat),
  probeFanOut: Settings.defaults.probeFanOut,
  suspicionMin: Duration.millis(suspicionMin),
  suspicionMax: Duration.millis(suspicionMax),
})

/**
 * Policy of one data centre, which is the default: `heartbeat` 1 second, `linkTimeout` 3 seconds, `suspicionMin` 2 seconds, `suspicionMax`
 * 12 seconds.
 *
 * @category policies
 * @since 0.1.0
 */
export const lan: Policy = policy(1_000, 3_000, 2_000, 12_000)

/**
 * Policy of several sites: three times the times of {@link lan}.
 *
 * @category policies
 * @since 0.1.0
 */
export const wan: Policy = policy(3_000, 9_000, 6_000, 36_000)

/**
 * Policy of one machine, and of tests: a tenth of the times of {@link lan}, and ten times its idle traffic.
 *
 * @category policies
 * @since 0.1.0
 */
export const local: Policy = policy(100, 300, 200, 1_200)

/**
 * Identifier of the policy in the types of layers: a layer of this module is a `Layer.Layer<FailureDetector>`.
 *
 * @category services
 * @since 0.1.0
 */
export interface FailureDetector {
  readonly policy: "FailureDetector"
}

/**
 * The policy in use. Defaults to {@link lan}.
 *
 * @category services
 * @since 0.1.0
 */
export const FailureDetector = Context.Reference<Policy>("@coterie/core/FailureDetector", { defaultValue: () => lan })

const provide = policyLayer<FailureDetector>()

/**
 * Uses {@link lan}, which is the default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLan: Layer.Layer<FailureDetector> = provide(FailureDetector, lan)

/**
 * Uses {@link wan}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWan: Layer.Layer<FailureDetector> = provide(FailureDetector, wan)

/**
 * Uses {@link local}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLocal: Layer.Layer<FailureDetector> = provide(FailureDetector, local)

/**
 * Uses the given times and numbers, and those of {@link lan} for the rest. `probeTimeout` defaults to `heartbeat`. The node fails to
 * start with `OptionsError` if they do not fit each other.
 *
 * **Example** (Change the suspicion timer)
 *
 * ```ts
 * import { Cluster, FailureDetector } from "@coterie/core"
 *
 * // A silent peer is called failed 3 seconds later than with the default of 2 seconds.
 * const ClusterLive = Cluster.layer({
 *   cluster: "shop",
 *   policies: [FailureDetector.layer({ suspicionMin: "5 seconds", suspicionMax: "30 seconds" })],
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<FailureDetector> => {
  const pick = (key: Exclude<keyof Policy, "probeFanOut">): Duration.Duration => {
    const input = options[key]
    return input === undefined ? lan[key] : Duration.fromInputUnsafe(input)
  }
  return provide(FailureDetector, {
    heartbeat: pick("heartbeat"),
    linkTimeout: pick("linkTimeout"),
    probeTimeout: options.probeTimeout === undefined ? pick("heartbeat") : pick("probeTimeout"),
    probeFanOut: options.probeFanOut ?? lan.probeFanOut,
    suspicionMin: pick("suspicionMin"),
    suspicionMax: pick("suspicionMax"),
  })
}
