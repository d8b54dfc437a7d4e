import { Simulation, Trace } from "@coterie/testkit"
import { Effect } from "effect"
import { outage } from "./scenario.ts"

/** Runs a scenario once, and returns its picture as one HTML page. Fails with the failure of the run. */
export const picture = (seed: number) =>
  Effect.map(Simulation.run(outage, { seed, trace: true }), ({ trace }) =>
    trace === undefined ? "" : Trace.toHtml(trace),
  )
