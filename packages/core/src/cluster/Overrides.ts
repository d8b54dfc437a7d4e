/**
 * The parts of a node that hold its rules. Every node has {@link defaults}; tests plant bugs in these parts, and watch them.
 * Only `assemble` reads this reference.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as ReceiveLane from "../flow/ReceiveLane.ts"
import * as ReceiveLanes from "../flow/ReceiveLanes.ts"
import * as SendLanes from "../flow/SendLanes.ts"
import * as Membership from "../membership/Membership.ts"
import * as PeerConnections from "../peering/PeerConnections.ts"

export interface Overrides {
  readonly step: typeof Membership.step
  readonly makePeerConnections: (options: PeerConnections.Options) => PeerConnections.PeerConnections
  readonly makeReceiveLane: typeof ReceiveLane.make
  readonly makeReceiveLanes: typeof ReceiveLanes.make
  readonly makeSendLanes: typeof SendLanes.make
}

export const defaults: Overrides = {
  step: Membership.step,
  makePeerConnections: (options) => new PeerConnections.PeerConnections(options),
  makeReceiveLane: ReceiveLane.make,
  makeReceiveLanes: ReceiveLanes.make,
  makeSendLanes: SendLanes.make,
}

/** The parts in use; {@link defaults} unless a test says otherwise. */
export const Overrides = Context.Reference<Overrides>("@coterie/core/cluster/Overrides", {
  defaultValue: () => defaults,
})

/** Replaces some of the parts. */
export const layer = (overrides: Partial<Overrides>): Layer.Layer<never> =>
  Layer.succeed(Overrides, { ...defaults, ...overrides })
