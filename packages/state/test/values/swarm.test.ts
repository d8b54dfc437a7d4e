import { it } from "@coterie/testkit/vitest"
import { commitBase } from "../../../core/test/simulation/commitBase.ts"
import { fewSeeds } from "./simulation.ts"

it.sim(fewSeeds, { seeds: 2, base: commitBase, timeout: 300_000 })
