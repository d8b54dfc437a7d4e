import { it } from "@coterie/testkit/vitest"
import { mutations } from "./simulation.ts"
import { commitBase } from "../../core/test/simulation/commitBase.ts"

it.sim(mutations, { seeds: 8, base: commitBase, timeout: 300_000 })
