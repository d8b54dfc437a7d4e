/** Measures the time from the failure of a node until each other node reports it as failed. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as FrameCount from "../../packages/core/test/simulation/frameCount.ts"
import * as QuietPeriods from "../../packages/core/test/simulation/QuietPeriods.ts"
import { ViewTracker } from "../../packages/core/test/simulation/ViewTracker.ts"
import * as Simulation from "../../packages/testkit/src/Simulation.ts"

/**
 * Kind of failure of a node.
 *
 * - `killed`: its host refuses connections.
 * - `dark`: its host does not answer.
 * - `still`: it accepts connections and sends nothing.
 */
export type Death = "killed" | "dark" | "still"

export const deathKinds: ReadonlyArray<Death> = ["killed", "dark", "still"]

export interface Detections {
  readonly nodes: number
  readonly death: Death
  /** Milliseconds from the failure to each `Failed` event. */
  readonly millis: ReadonlyArray<number>
}

const die = (node: Simulation.Node<QuietPeriods.QuietPeriods>, death: Death) =>
  death === "killed" ? node.crash : death === "dark" ? node.powerOff : node.pause

/**
 * Makes a cluster whose nodes fail in different ways, one after the other. Each fails when all report the previous one.
 */
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
        yield* sim.until("all nodes list each other", () => views.live === nodes * (nodes - 1), {
          within: "10 minutes",
        })
        const alive = new Set(Object.values(running))
        const victims = yield* Random.shuffle([...alive])
        for (const [i, death] of order.entries()) {
          const victim = victims[i]
          if (victim === undefined) break
          // The failure occurs at a random time between two heartbeats, when all links without messages are idle.
          yield* Effect.sleep(yield* Random.nextIntBetween(20_000, 40_000))
          const at = sim.now()
          const before = views.livenessEvents.length
          const verdicts = views.failed
          yield* die(victim, death)
          views.remove(victim.name)
          alive.delete(victim)
          yield* sim.until("all other nodes report the failure", () => views.failed >= verdicts + alive.size, {
            within: "10 minutes",
          })
          done({
            nodes,
            death,
            millis: views.livenessEvents
              .slice(before)
              .flatMap((event) =>
                event.tag === "Failed" && event.of === victim.name ? [(event.at - at) / 1_000] : [],
              ),
          })
        }
        yield* Effect.forEach(alive, (node) => node.powerOff, { discard: true })
      }),
  )
