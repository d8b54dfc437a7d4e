/**
 * Starts a node: it accepts connections, and dials the seeds and the discovered addresses. The node listens before its
 * start, so that a port in use fails its layer.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Address } from "../Address.ts"
import type * as Discovery from "../Discovery.ts"
import { DiscoveryPause } from "../internal/DiscoveryPause.ts"
import type { Dialer } from "../peering/Dialer.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { LonelyPause } from "../peering/LonelyPause.ts"
import type { Listener } from "../Transport.ts"
import type { DiscoveredAddresses } from "./DiscoveredAddresses.ts"
import type { SeedOutcomes } from "./SeedOutcomes.ts"
import type { StatusTracker } from "./StatusTracker.ts"

/**
 * Time after which the log has a warning about a node with a manual start that has not been started. Building the
 * layers of an application rarely takes longer, so the application probably forgot to start its node.
 */
export const startWarning = Duration.seconds(30)

export interface Options {
  readonly links: Pick<LinkManager, "serve">
  readonly listener: Listener
  readonly dialer: Pick<Dialer, "addSeed">
  readonly discovery: Discovery.Policy
  readonly pause: LonelyPause
  readonly found: DiscoveredAddresses
  readonly seeds: ReadonlyArray<Address>
  readonly outcomes: SeedOutcomes
  readonly status: Pick<StatusTracker, "discoveryEnded" | "started" | "timedOut">
  /** Time after which the first attempts count as over, in milliseconds. */
  readonly settleTimeout: number
  /** Scope of all fibers of the node. */
  readonly scope: Scope.Scope
}

export class Starter {
  private readonly options: Options
  private isStarted = false

  constructor(options: Options) {
    this.options = options
  }

  /** Starts the node. Has no effect if the node is already started. */
  readonly start: Effect.Effect<void> = Effect.suspend(() => {
    if (this.isStarted) return Effect.void
    this.isStarted = true
    // An interruption of the caller must not leave a partly started node.
    return Effect.uninterruptible(this.takePart())
  })

  /** Logs a warning if the node is not started in time. */
  readonly watch: Effect.Effect<void> = Effect.andThen(
    Effect.sleep(startWarning),
    Effect.suspend(() =>
      this.isStarted
        ? Effect.void
        : Effect.logWarning(
            `this node has no peers because it is not started after ${Duration.format(startWarning)}: ` +
              'call cluster.start or build Cluster.layerStart (option "start")',
          ),
    ),
  )

  private readonly takePart = Effect.fnUntraced(function* (this: Starter) {
    const { dialer, discovery, found, links, listener, outcomes, pause, scope, seeds, settleTimeout, status } =
      this.options
    yield* Effect.forkIn(links.serve(listener), scope)
    yield* Effect.forkIn(
      Stream.runForEach(discovery.addresses, (addresses) => found.accept(addresses)).pipe(
        Effect.provideService(DiscoveryPause, pause.sleep),
        Effect.ignoreCause({
          log: "Error",
          message: "the discovery failed with a defect; the addresses found before stay in use",
        }),
        Effect.ensuring(Effect.sync(() => status.discoveryEnded())),
      ),
      scope,
    )
    yield* Effect.forkIn(
      Effect.andThen(
        Effect.sleep(settleTimeout),
        Effect.sync(() => status.timedOut()),
      ),
      scope,
    )
    for (const address of seeds) {
      outcomes.addSeed(address)
      dialer.addSeed(address)
    }
    status.started()
  })
}
