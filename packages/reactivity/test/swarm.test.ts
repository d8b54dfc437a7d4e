import { eventLogs } from "./eventLogSimulation.ts"
import { mutations } from "./simulation.ts"
import { testFewSeeds } from "../../core/test/simulation/commitBase.ts"

testFewSeeds(mutations, 3)
testFewSeeds(eventLogs, 2)
