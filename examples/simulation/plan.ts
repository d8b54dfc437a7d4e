/** Plan of faults, written by hand. */
import type { FaultPlan } from "@coterie/testkit"

// #region plan
export const faults: FaultPlan.Input = {
  network: { delay: { exponential: { min: "1 millis", mean: "20 millis" } }, loss: 0.05 },
  timeline: [
    { kind: "partition", at: "5 seconds", for: "20 seconds", from: ["a"], to: ["b", "c"] },
    { kind: "crash", at: "12 seconds", for: "3 seconds", node: "b" },
  ],
}
// #endregion
