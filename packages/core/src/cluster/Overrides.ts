/**
 * The parts of a node that implement its rules. Every node has {@link defaults}. Tests replace these parts to plant
 * bugs and to observe them. Only `assemble` reads this reference.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { ReceiveLane } from "../flow/ReceiveLane.ts"
import { ReceiveLanes } from "../flow/ReceiveLanes.ts"
import { SendLanes } from "../flow/SendLanes.ts"
import type { LaneFactories } from "../link/Link.ts"
import * as Membership from "../membership/Membership.ts"
import * as LinkRenewer from "../peering/LinkRenewer.ts"
import * as PeerConnections from "../peering/PeerConnections.ts"

export interface Overrides extends LaneFactories {
  readonly step: typeof Membership.step
  readonly makePeerConnections: (options: PeerConnections.Options) => PeerConnections.PeerConnections
  readonly makeLinkRenewer: (options: LinkRenewer.Options) => LinkRenewer.LinkRenewer
}

export const defaults: Overrides = {
  step: Membership.step,
  makePeerConnections: (options) => new PeerConnections.PeerConnections(options),
  makeLinkRenewer: (options) => new LinkRenewer.LinkRenewer(options),
  makeReceiveLane: (options) => new ReceiveLane(options),
  makeReceiveLanes: (options) => new ReceiveLanes(options),
  makeSendLanes: (options) => new SendLanes(options),
}

/** The parts in use. Defaults to {@link defaults}. */
export const Overrides = Context.Reference<Overrides>("@coterie/core/cluster/Overrides", {
  defaultValue: () => defaults,
})

/** Replaces some of the parts. */
export const layer = (overrides: Partial<Overrides>): Layer.Layer<never> =>
  Layer.succeed(Overrides, { ...defaults, ...overrides })
