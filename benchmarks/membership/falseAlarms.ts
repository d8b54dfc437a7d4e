/**
 * Clusters with some slow nodes on lossy networks. Counts the live nodes that are reported as failed, with the complete
 * failure detector and without parts of it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as FailureDetector from "../../packages/core/src/FailureDetector.ts"
import { type Overrides, defaults } from "../../packages/core/src/cluster/Overrides.ts"
import type { Output } from "../../packages/core/src/membership/Draft.ts"
import type * as FrameCount from "../../packages/core/test/simulation/frameCount.ts"
import * as QuietPeriods from "../../packages/core/test/simulation/QuietPeriods.ts"
import { ViewTracker } from "../../packages/core/test/simulation/ViewTracker.ts"
import * as Simulation from "../../packages/testkit/src/Simulation.ts"

/** Failure detector, complete or without a part. */
export interface Variant {
  readonly name: string
  readonly policies: Layer.Layer<never>
  readonly overrides: Partial<Overrides>
}

type Step = Overrides["step"]

/** Disables local health: the node never distrusts its own timing. */
const trusting =
  (step: Step): Step =>
  (state, now, input) => {
    const [next, outputs] = step(state, now, input)
    return [next.health === 0 ? next : { ...next, health: 0 }, outputs]
  }

/** Disables indirect probes: the node answers each probe request itself with `down`. */
const unasking =
  (step: Step): Step =>
  (state, now, input) => {
    let [next, wished] = step(state, now, input)
    const outputs: Array<Output> = []
    const queue = [...wished]
    for (let output = queue.shift(); output !== undefined; output = queue.shift()) {
      if (output._tag !== "Send" || output.frame._tag !== "ProbeRequest") {
        outputs.push(output)
        continue
      }
      const frame = { _tag: "ProbeResult", id: output.frame.id, verdict: "down" } as const
      for (const name of output.to) {
        const generation = next.members.get(name)?.record.generation ?? 0
        ;[next, wished] = step(next, now, { _tag: "Received", from: { name, generation }, frame })
        queue.push(...wished)
      }
    }
    return [next, outputs]
  }

/** Makes every suspicion last the minimum time, however many members share it. */
const impatient = FailureDetector.layer({ suspicionMax: FailureDetector.lan.suspicionMin })

const lan = Layer.empty

export const variants: ReadonlyArray<Variant> = [
  { name: "Coterie", policies: lan, overrides: {} },
  { name: "without local health", policies: lan, overrides: { step: trusting(defaults.step) } },
  { name: "shortest suspicion", policies: impatient, overrides: {} },
  { name: "without asking others", policies: lan, overrides: { step: unasking(defaults.step) } },
  { name: "without all three", policies: impatient, overrides: { step: trusting(unasking(defaults.step)) } },
]

export interface Alarms {
  readonly variant: string
  readonly loss: number
  readonly nodeHours: number
  /** Number of `Failed` events about live nodes. `ofSound` is the part about nodes that were never slow. */
  readonly failed: number
  readonly ofSound: number
  readonly suspected: number
}

const millis = Duration.toMillis
const { heartbeat, linkTimeout, probeTimeout, suspicionMin } = FailureDetector.lan

/**
 * Minimum time, in milliseconds, after which a silent node is correctly reported as failed. Its last frame arrived up
 * to a heartbeat before its silence, and probed members have half of the probe timeout. No node is paused for longer,
 * so every `Failed` event is false.
 */
export const leastDetection = millis(linkTimeout) - millis(heartbeat) + millis(probeTimeout) / 2 + millis(suspicionMin)

/** Minimum and maximum time for which a slow node runs between pauses, in milliseconds. */
const runTimes = [2_000, 15_000] as const

/** Minimum and maximum time for which a slow node is paused, in milliseconds. */
const pauseTimes = [1_000, leastDetection] as const

export const slowOf = (nodes: number): number => Math.ceil(nodes / 5)

/** Runs a cluster for `seconds`, in which a fifth of the nodes is slow. */
export const falseAlarms = (
  { name, overrides, policies }: Variant,
  { loss, nodes, seconds }: { readonly nodes: number; readonly loss: number; readonly seconds: number },
  done: (alarms: Alarms) => void,
): Simulation.Scenario =>
  Simulation.scenario(
    `${name}, ${Math.round(loss * 100)} % lost`,
    {
      explore: "fifo",
      leaks: false,
      faults: { network: { delay: { exponential: { min: "100 micros", mean: "500 micros" } }, loss } },
      timeLimit: "12 hours",
    },
    (sim) =>
      Effect.gen(function* () {
        const counts: FrameCount.Counts = new Map()
        const views = new ViewTracker(sim.now)
        const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
        const slow = new Set(names.slice(0, slowOf(nodes)))
        const running = yield* sim.nodes(names, (node) =>
          QuietPeriods.layer(node, { views, counts, seeds: ["n1", `n${nodes}`], overrides, policies }),
        )
        yield* Effect.ignore(
          sim.until("all nodes list each other", () => views.live === nodes * (nodes - 1), { within: "1 minute" }),
        )
        const before = views.livenessEvents.length
        for (const node of Object.values(running)) {
          if (!slow.has(node.name)) continue
          yield* Effect.forkScoped(
            Effect.forever(
              Effect.gen(function* () {
                yield* Effect.sleep(yield* Random.nextIntBetween(...runTimes))
                yield* Effect.orDie(node.pause)
                yield* Effect.sleep(yield* Random.nextIntBetween(...pauseTimes))
                yield* node.resume
              }),
            ),
          )
        }
        yield* Effect.sleep(`${seconds} seconds`)
        const events = views.livenessEvents.slice(before)
        const failed = events.filter(({ tag }) => tag === "Failed")
        done({
          variant: name,
          loss,
          nodeHours: (nodes * seconds) / 3_600,
          failed: failed.length,
          ofSound: failed.filter(({ of }) => !slow.has(of)).length,
          suspected: events.filter(({ tag }) => tag === "Suspected").length,
        })
        yield* Effect.forEach(Object.values(running), (node) => node.powerOff, { discard: true })
      }),
  )
