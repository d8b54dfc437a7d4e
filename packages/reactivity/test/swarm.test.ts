import { it } from "@coterie/testkit/vitest"
import { fewSeeds } from "./eventLogSimulation.ts"
import { mutations } from "./simulation.ts"
import { commitBase } from "../../core/test/simulation/commitBase.ts"

it.sim(mutations, { seeds: 8, base: commitBase, timeout: 300_000 })
it.sim(fewSeeds, { seeds: 3, base: commitBase, timeout: 300_000 })
