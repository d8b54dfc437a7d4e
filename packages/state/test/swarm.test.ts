import { it } from "@coterie/testkit/vitest"
import { fewSeeds } from "./simulation.ts"
import { commitBase } from "../../core/test/simulation/commitBase.ts"

it.sim(fewSeeds, { seeds: 2, base: commitBase, timeout: 300_000 })
