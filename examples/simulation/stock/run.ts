/** Runs the stock of a shop once. `check:exports` runs it with the packed testkit and nothing else of Coterie. */
import { Simulation } from "@coterie/testkit"
import { Effect } from "effect"
import { stock } from "./scenario.ts"

const { scenario, traceHash, virtualSeconds } = await Effect.runPromise(Simulation.run(stock(), { seed: 1 }))
console.log(`${scenario}: ${Math.floor(virtualSeconds)} virtual seconds, trace hash ${traceHash}`)
