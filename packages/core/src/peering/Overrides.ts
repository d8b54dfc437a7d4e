/**
 * The pure parts that hold the rules, and that the shell of a node is made around. Every node has {@link defaults}; the tests
 * of the tests plant bugs in them, and must find each.
 */
import * as Membership from "../membership/Membership.ts"
import { ReceiveLanes } from "../flow/ReceiveLanes.ts"
import { SendLanes } from "../flow/SendLanes.ts"
import { ReceiveLane } from "../flow/ReceiveLane.ts"
import type { LaneFactories } from "../link/Link.ts"
import * as PeerConnections from "./PeerConnections.ts"

export interface Overrides extends LaneFactories {
  readonly step: typeof Membership.step
  readonly makePeerConnections: typeof PeerConnections.make
}

export const defaults: Overrides = {
  step: Membership.step,
  makePeerConnections: PeerConnections.make,
  makeReceiveLane: (options) => new ReceiveLane(options),
  makeReceiveLanes: (options) => new ReceiveLanes(options),
  makeSendLanes: (options) => new SendLanes(options),
}
