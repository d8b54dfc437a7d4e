/**
 * The pure parts that hold the rules, and that the shell of a node is made around. Every node has {@link parts}; the tests
 * of the tests plant bugs in them, and must find each.
 */
import * as Membership from "../membership/Membership.ts"
import * as Intake from "./Intake.ts"
import * as Outbox from "./Outbox.ts"
import * as Receiver from "./Receiver.ts"
import * as Pairs from "./Pairs.ts"

export interface Parts {
  readonly step: typeof Membership.step
  readonly makePairs: typeof Pairs.make
  readonly makeReceiver: typeof Receiver.makeReceiver
  readonly makeIntake: typeof Intake.make
  readonly makeOutbox: typeof Outbox.make
}

export const parts: Parts = {
  step: Membership.step,
  makePairs: Pairs.make,
  makeReceiver: Receiver.makeReceiver,
  makeIntake: Intake.make,
  makeOutbox: Outbox.make,
}
