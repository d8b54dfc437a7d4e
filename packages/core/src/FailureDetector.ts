/**
 * The failure detection policy: how often peers exchange heartbeats, how long silence is allowed, and how long a
 * suspicion lasts (docs/protocol.md, section "Heartbeats" and R5).
 *
 * A node suspects a peer only after it has asked other members whether they reach the peer. It never marks a peer as
 * failed that one of them reaches. A killed process, whose address refuses connections, is marked as failed after about
 * half of `suspicionMin`, and after all of it in a cluster of two nodes. A silent peer is marked as failed after about
 * `linkTimeout` + `probeTimeout` + `suspicionMin`. docs/membership.md has the calculations.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import type * as Layer from "effect/Layer"
import { policyLayer } from "./internal/policyLayer.ts"
import * as Settings from "./membership/Settings.ts"
import { maxLinkTimeout } from "./protocol/constants.ts"

/**
 * Times and numbers of the failure detector.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  /**
   * Time between two heartbeats of a link that is not idle. Halving it doubles the idle traffic and does not speed up
   * detection, which depends on `linkTimeout`. If a member heard a peer within this time, it reports the peer as alive to
   * others.
   */
  readonly heartbeat: Duration.Duration
  /**
   * Number of members that watch each member. Their links carry a heartbeat in each `heartbeat`, so they are the first
   * to detect that the member is silent. If the cluster has no more members than this, all of them watch each other.
   * Must be at least 2, and `Infinity` means all. An odd number counts as the next even one. A larger number costs
   * idle traffic in proportion. With a smaller one, more clusters lose all watchers of a member at once, and the member
   * is then watched by others only after they have failed.
   */
  readonly watchers: number
  /**
   * Time between two heartbeats of an idle link, and time without messages after which a link is idle. A link between
   * two members that watch each other is never idle. Must be at least `heartbeat`. A larger value saves idle traffic in
   * clusters that are larger than `watchers`. It delays the detection of a cut of such a link by up to 1.25 times the
   * amount, and not the detection of a failed member. A firewall on the path that drops idle connections requires a
   * value below its timeout. Defaults to 15 times `heartbeat`.
   */
  readonly idleHeartbeat: Duration.Duration
  /**
   * Time of silence after which a link ends. Must be at least 100 milliseconds and at least two heartbeats, because
   * otherwise one delayed packet would end the link. A larger value delays the detection of a silent peer by the same
   * amount, and does not delay the detection of a killed process. Peers learn the value in the handshake and send
   * something in every third of it, whatever their own heartbeat is. A value below three heartbeats of a peer therefore
   * increases the traffic of that peer.
   */
  readonly linkTimeout: Duration.Duration
  /**
   * Time to wait for the answers of an indirect probe. Probed members get half of it. Use at least two round-trip
   * times, because later answers do not count. A larger value delays the detection of a silent peer by the same amount.
   * Defaults to `heartbeat`.
   */
  readonly probeTimeout: Duration.Duration
  /**
   * Number of members, drawn at random, that are asked in parallel about a peer in a cluster of `size`. Must be at
   * least 1. A larger number finds a member that reaches the peer sooner and costs about a hundred bytes per member. It
   * has no effect on the time to detect a failure.
   */
  readonly probeFanOut: (size: number) => number
  /**
   * Shortest suspicion, which applies when enough other members share it. A larger value delays detection by the same
   * amount, or by half of it if two members saw a refused connection. With a smaller value more healthy peers are
   * marked as failed and recover later, which costs additional gossip.
   */
  readonly suspicionMin: Duration.Duration
  /**
   * Longest suspicion, which applies when no other member shares it, or when this node has no link left. It is also the
   * period in which failures count together towards `PartitionSuspected`. It has no effect on bandwidth.
   */
  readonly suspicionMax: Duration.Duration
}

/**
 * Options of {@link layer}. Each option defaults to its value in {@link lan}.
 *
 * @category options
 * @since 0.1.0
 */
export type Options = {
  readonly [K in keyof Policy]?: (Policy[K] extends Duration.Duration ? Duration.Input : Policy[K]) | undefined
}

/** Default of `idleHeartbeat`, in heartbeats. */
const idleHeartbeats = 15

/** Returns the default of `idleHeartbeat`, which is no longer than a time of a policy may be. */
const idleHeartbeatOf = (heartbeat: Duration.Duration): Duration.Duration =>
  Duration.min(Duration.times(heartbeat, idleHeartbeats), Duration.millis(maxLinkTimeout))

const policy = (heartbeat: number, linkTimeout: number, suspicionMin: number, suspicionMax: number): Policy => ({
  heartbeat: Duration.millis(heartbeat),
  watchers: 20,
  idleHeartbeat: idleHeartbeatOf(Duration.millis(heartbeat)),
  linkTimeout: Duration.millis(linkTimeout),
  probeTimeout: Duration.millis(heartbeat),
  probeFanOut: Settings.defaults.probeFanOut,
  suspicionMin: Duration.millis(suspicionMin),
  suspicionMax: Duration.millis(suspicionMax),
})

/**
 * Policy for one data centre, which is the default: `heartbeat` 1 second, 20 `watchers`, `idleHeartbeat` 15 seconds,
 * `linkTimeout` 3 seconds, `suspicionMin` 2 seconds, `suspicionMax` 12 seconds.
 *
 * @category policies
 * @since 0.1.0
 */
export const lan: Policy = policy(1_000, 3_000, 2_000, 12_000)

/**
 * Policy for several sites: three times the times of {@link lan}.
 *
 * @category policies
 * @since 0.1.0
 */
export const wan: Policy = policy(3_000, 9_000, 6_000, 36_000)

/**
 * Policy for one machine and for tests: a tenth of the times of {@link lan}, and ten times its idle traffic.
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
 * Layer that uses {@link lan}, the default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLan: Layer.Layer<FailureDetector> = provide(FailureDetector, lan)

/**
 * Layer that uses {@link wan}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWan: Layer.Layer<FailureDetector> = provide(FailureDetector, wan)

/**
 * Layer that uses {@link local}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLocal: Layer.Layer<FailureDetector> = provide(FailureDetector, local)

/**
 * Uses the given options, and the values of {@link lan} for the rest. `probeTimeout` defaults to `heartbeat`, and
 * `idleHeartbeat` to 15 times `heartbeat`. The node fails to start with `OptionsError` if the values contradict each
 * other.
 *
 * **Example** (Change the suspicion timer)
 *
 * ```ts
 * import { Cluster, FailureDetector } from "@coterie/core"
 *
 * // A silent peer is marked as failed 3 seconds later than with the default of 2 seconds.
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
  const pick = (key: Exclude<keyof Policy, "probeFanOut" | "watchers">): Duration.Duration => {
    const input = options[key]
    return input === undefined ? lan[key] : Duration.fromInputUnsafe(input)
  }
  const heartbeat = pick("heartbeat")
  return provide(FailureDetector, {
    heartbeat,
    watchers: options.watchers ?? lan.watchers,
    idleHeartbeat: options.idleHeartbeat === undefined ? idleHeartbeatOf(heartbeat) : pick("idleHeartbeat"),
    linkTimeout: pick("linkTimeout"),
    probeTimeout: options.probeTimeout === undefined ? heartbeat : pick("probeTimeout"),
    probeFanOut: options.probeFanOut ?? lan.probeFanOut,
    suspicionMin: pick("suspicionMin"),
    suspicionMax: pick("suspicionMax"),
  })
}
