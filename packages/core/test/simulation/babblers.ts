/**
 * Clusters with members that babble. No correct member suffers from the babble, and no effect remains after the
 * babblers have ended.
 */
import { Simulation } from "@coterie/testkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type { Overrides } from "../../src/cluster/Overrides.ts"
import type { Kind } from "./babble.ts"
import * as Babbler from "./Babbler.ts"
import { BabbleBudget } from "./BabbleBudget.ts"
import { ClusterRecorder } from "./ClusterRecorder.ts"
import * as FrameCount from "./frameCount.ts"
import * as ClusterTrace from "@coterie/core/ClusterTrace"
import * as Member from "./Member.ts"
import {
  checkGuarantees,
  everybodyAgrees,
  everybodyListsEverybody,
  everythingArrives,
  foldedIsView,
  isWhole,
  trafficEnds,
} from "./scenarios.ts"

/**
 * Creates a scenario: a correct cluster without faults, and one or two members that babble, leave, and are forgotten.
 */
export const babbling = (
  name: string,
  { kinds, overrides }: { readonly kinds?: ReadonlyArray<Kind>; readonly overrides?: Partial<Overrides> } = {},
): Simulation.Scenario =>
  Simulation.scenario(
    name,
    {
      describe: ClusterTrace.describe(),
      faults: { network: { delay: { exponential: { min: "1 millis", mean: "5 millis" } } } },
      timeLimit: "30 minutes",
      strict: true,
    },
    (sim) =>
      Effect.gen(function* () {
        const recorder = new ClusterRecorder({ hasBabblers: true })
        const names = Array.from({ length: yield* Random.nextIntBetween(2, 6) }, (_, i) => `n${i + 1}`)
        yield* checkGuarantees(recorder)
        const counts: FrameCount.Counts = new Map()
        const seeds = ["n1"]
        const nodes = yield* sim.nodes(names, (node) =>
          Member.layer(node, { recorder, seeds, overrides }).pipe(Layer.provide(FrameCount.layer(counts))),
        )
        yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "1 minute" })
        recorder.declareHealthy(names)
        // One name is lower than the names of the members, so that its owner sends the Pings, and one is higher.
        const babblers = (yield* Random.shuffle(["b1", "z1"])).slice(yield* Random.nextIntBetween(0, 1))
        const budget = new BabbleBudget({ count: yield* Random.nextIntBetween(10, 60), babblers })
        yield* sim.nodes(babblers, (babbler) =>
          Babbler.layer(babbler, { budget, seeds, kinds, members: names, label: Member.label }),
        )
        yield* sim.until("the babblers have babbled enough", () => budget.isOver, { within: "5 minutes" })
        yield* sim.converges(() => isWhole(nodes, sim.network), { within: "2 minutes" })
        yield* sim.converges(() => everybodyAgrees(nodes), { within: "1 minute" })
        yield* trafficEnds(nodes, counts)
        yield* everythingArrives(sim, nodes, recorder, 10)
        yield* foldedIsView(nodes)
      }),
  )

/** The scenario without a defect. */
export const survivesBabblers = babbling("a cluster survives members that babble")
