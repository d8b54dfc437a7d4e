/** Measures the time until each of the others fails a node that is gone. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as FrameCount from "../../packages/core/test/simulation/frameCount.ts"
import * as QuietPeriods from "../../packages/core/test/simulation/QuietPeriods.ts"
import { ViewTracker } from "../../packages/core/test/simulation/ViewTracker.ts"
import * as Simulation from "../../packages/testkit/src/Simulation.ts"

/** `killed`: its host refuses connections. `dark`: its host is gone. `still`: it accepts connections and says nothing. */
export type Death = "killed" | "dark" | "still"

export const deathKinds: ReadonlyArray<Death> = ["killed", "dark", "still"]

export interface Detections {
  readonly nodes: number
  readonly death: Death
  /** Milliseconds from the death to each verdict. */
  readonly millis: ReadonlyArray<number>
}

const die = (node: Simulation.Node<QuietPeriods.QuietPeriods>, death: Death) =>
  death === "killed" ? node.crash : death === "dark" ? node.powerOff : node.pause

/** A cluster of which some die in different ways, one after the other, each when all have heard of the one before. */
export const deaths = (
  nodes: number,
  order: ReadonlyArray<Death>,
  done: (detections: Detections) => void,
): Simulation.Scenario =>
  Simulation.scenario(
    `deaths among ${nodes}`,
    {
      explore: "fifo",
      leaks: false,
      faults: { network: { delay: { exponential: { min: "100 micros", mean: "500 micros" } } } },
      timeLimit: "1 hour",
    },
    (sim) =>
      Effect.gen(function* () {
        const counts: FrameCount.Counts = new Map()
        const views = new ViewTracker(sim.now)
        const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
        const running = yield* sim.nodes(names, (name) => QuietPeriods.layer(name, { views, counts, seeds: ["n1"] }))
        yield* sim.until("everybody lists everybody", () => views.live === nodes * (nodes - 1), {
          within: "10 minutes",
        })
        const alive = new Set(Object.values(running))
        const victims = yield* Random.shuffle([...alive])
        for (const [i, death] of order.entries()) {
          const victim = victims[i]
          if (victim === undefined) break
          // At any moment between two heartbeats.
          yield* Effect.sleep(yield* Random.nextIntBetween(1_000, 2_000))
          const at = sim.now()
          const before = views.livenessEvents.length
          const verdicts = views.failed
          yield* die(victim, death)
          views.remove(victim.name)
          alive.delete(victim)
          yield* sim.until("the death is noticed", () => views.failed >= verdicts + alive.size, {
            within: "10 minutes",
          })
          done({
            nodes,
            death,
            millis: views.livenessEvents
              .slice(before)
              .flatMap((told) => (told.tag === "Failed" && told.of === victim.name ? [(told.at - at) / 1_000] : [])),
          })
        }
        yield* Effect.forEach(alive, (node) => node.powerOff, { discard: true })
      }),
  )
