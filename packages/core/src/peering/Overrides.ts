/**
 * The pure parts that hold the rules, and that the shell of a node is made around. Every node has {@link defaults}; the tests
 * of the tests plant bugs in them, and must find each.
 */
import * as Membership from "../membership/Membership.ts"
import * as ReceiveLanes from "../flow/ReceiveLanes.ts"
import * as SendLanes from "../flow/SendLanes.ts"
import * as ReceiveLane from "../flow/ReceiveLane.ts"
import * as PeerConnections from "./PeerConnections.ts"

export interface Overrides {
  readonly step: typeof Membership.step
  readonly makePeerConnections: typeof PeerConnections.make
  readonly makeReceiveLane: typeof ReceiveLane.make
  readonly makeReceiveLanes: typeof ReceiveLanes.make
  readonly makeSendLanes: typeof SendLanes.make
}

export const defaults: Overrides = {
  step: Membership.step,
  makePeerConnections: PeerConnections.make,
  makeReceiveLane: ReceiveLane.make,
  makeReceiveLanes: ReceiveLanes.make,
  makeSendLanes: SendLanes.make,
}
