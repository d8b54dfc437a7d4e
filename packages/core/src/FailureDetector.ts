/**
 * The policy of noticing that a peer is gone: how often peers show that they live, how long silence is
 * borne, and how long a suspicion lasts (docs/protocol.md, section "Heartbeats" and R5).
 *
 * Nobody is suspected before others were asked whether they reach it, and nobody is called failed whom one of them
 * reaches. A killed process, whose address refuses connections, is called failed after about the shortest suspicion; one
 * that falls silent, after about the link timeout and half the probe timeout more. docs/membership.md has the sums.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as Settings from "./membership/Settings.ts"

export interface Policy {
  /** The time between two heartbeats of a link. Halving it doubles the idle traffic. */
  readonly heartbeat: Duration.Duration
  /** Silence for so long ends a link. At least two heartbeats, or one delayed packet ends it. */
  readonly linkTimeout: Duration.Duration
  /**
   * How long answers are awaited from members that are asked about a peer; they have half of it to find out. At least two
   * round trips, or a slow answer counts for none.
   */
  readonly probeTimeout: Duration.Duration
  /** How many members, drawn at random, are asked at once in a cluster of `size`. */
  readonly probeFanOut: (size: number) => number
  /** The suspicion when enough others share it, and when nobody does. */
  readonly suspicionMin: Duration.Duration
  readonly suspicionMax: Duration.Duration
}

/** What {@link layer} takes; what is not given is as in {@link lan}. */
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

/** One data centre. */
export const lan: Policy = policy(1_000, 3_000, 2_000, 12_000)

/** Several sites. */
export const wan: Policy = policy(3_000, 9_000, 6_000, 36_000)

/** One machine, and tests: fast, at the price of more traffic and less patience. */
export const local: Policy = policy(100, 300, 200, 1_200)

/** The policy in use; {@link lan} unless a layer says otherwise. */
export const FailureDetector = Context.Reference<Policy>("@coterie/core/FailureDetector", { defaultValue: () => lan })

export const layerLan: Layer.Layer<never> = Layer.succeed(FailureDetector, lan)

export const layerWan: Layer.Layer<never> = Layer.succeed(FailureDetector, wan)

export const layerLocal: Layer.Layer<never> = Layer.succeed(FailureDetector, local)

export const layer = (options: Options): Layer.Layer<never> => {
  const pick = (key: Exclude<keyof Policy, "probeFanOut">): Duration.Duration => {
    const input = options[key]
    return input === undefined ? lan[key] : Duration.fromInputUnsafe(input)
  }
  return Layer.succeed(FailureDetector, {
    heartbeat: pick("heartbeat"),
    linkTimeout: pick("linkTimeout"),
    probeTimeout: options.probeTimeout === undefined ? pick("heartbeat") : pick("probeTimeout"),
    probeFanOut: options.probeFanOut ?? lan.probeFanOut,
    suspicionMin: pick("suspicionMin"),
    suspicionMax: pick("suspicionMax"),
  })
}
