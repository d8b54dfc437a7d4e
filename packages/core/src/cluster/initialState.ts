/** The default name of a node, and the initial state of its membership. */
import * as Duration from "effect/Duration"
import type { Address } from "../Address.ts"
import type { Source } from "../Entropy.ts"
import type * as FailureDetector from "../FailureDetector.ts"
import type * as Gossip from "../Gossip.ts"
import * as Settings from "../membership/Settings.ts"
import * as State from "../membership/State.ts"
import { protocolVersion } from "../protocol/constants.ts"

export interface Options {
  readonly name: string
  /** Addresses at which peers reach this node. */
  readonly addresses: ReadonlyArray<Address>
  readonly metadata: Readonly<Record<string, string>>
  readonly detector: FailureDetector.Policy
  readonly gossip: Gossip.Policy
  /** The monotonic time and the wall clock time, in milliseconds. */
  readonly now: number
  readonly wall: number
  /** Seed of the random draws. */
  readonly seed: number
  /** Random number of this process. */
  readonly instance: number
}

/** Draws the number of this process: 52 bits, so that a greater number remains possible. */
export const randomInstance = (source: Source): number => source.u32() * 2 ** 20 + (source.u32() >>> 12)

/** Returns the default name of a node: 128 random bits in hex. */
export const randomName = (source: Source): string =>
  Array.from({ length: 4 }, () => source.u32().toString(16).padStart(8, "0")).join("")

/** Returns the initial state of the membership. */
export const initialState = ({
  addresses,
  instance,
  metadata,
  name,
  now,
  seed,
  wall,
  ...policies
}: Options): State.State =>
  State.make({
    settings: settings(policies),
    self: {
      name,
      generation: Math.max(1, Math.floor(wall)),
      incarnation: 0,
      status: "alive",
      body: {
        addresses,
        metadata,
        versionMin: protocolVersion,
        versionMax: protocolVersion,
        features: [],
      },
    },
    now,
    wall,
    seed,
    instance,
  })

const settings = ({ detector, gossip }: Pick<Options, "detector" | "gossip">): Settings.Settings => ({
  ...Settings.defaults,
  heartbeat: Duration.toMillis(detector.heartbeat),
  linkTimeout: Duration.toMillis(detector.linkTimeout),
  probeTimeout: Duration.toMillis(detector.probeTimeout),
  probeFanOut: detector.probeFanOut,
  suspicionMin: Duration.toMillis(detector.suspicionMin),
  suspicionMax: Duration.toMillis(detector.suspicionMax),
  updateDelay: Duration.toMillis(gossip.updateDelay),
  relayFanOut: gossip.relayFanOut,
  syncInterval: Duration.toMillis(gossip.syncInterval),
})
