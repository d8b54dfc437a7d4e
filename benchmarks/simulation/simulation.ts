/**
 * Measures the speed of the simulation: steps and events per second compared with the stock `TestClock` and with a loop
 * that only orders and hashes events, seeds per second of three real nodes, and the time of shrinking.
 *
 *     node benchmarks/simulation/simulation.ts [--json]
 */
import * as os from "node:os"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import { mutants } from "../../packages/core/test/simulation/mutants.ts"
import { EventQueue } from "../../packages/testkit/src/kernel/EventQueue.ts"
import { Hash } from "../../packages/testkit/src/kernel/Hash.ts"
import * as Simulation from "../../packages/testkit/src/Simulation.ts"
import * as Swarm from "../../packages/testkit/src/Swarm.ts"
import { fibers, gossip } from "./gossip.ts"
import { three } from "./three.ts"

const rounds = 5
const gossipSeconds = 10
const seedsPerRound = 60

interface Measured {
  readonly bench: string
  readonly system: string
  /** Unit of `perSecond`. */
  readonly unit: string
  readonly perSecond: number
  /** Ratio to the first system of the same benchmark in the same run. */
  readonly ratio: number
}

const seconds = (start: bigint): number => Number(process.hrtime.bigint() - start) / 1e9

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Orders and hashes events and does nothing else, which is the upper limit of any simulation. */
const rawLoop = Effect.sync(() => {
  const events = 500_000
  const queue = new EventQueue()
  const hash = new Hash()
  let left = events
  const start = process.hrtime.bigint()
  for (let i = 0; i < fibers; i++) queue.schedule(i, () => undefined)
  for (let event = queue.pop(); event !== undefined; event = queue.pop()) {
    hash.add(event.at)
    hash.add(event.seq)
    if (left-- > fibers) queue.schedule(event.at + 1 + ((event.seq * 7919) % 1000), () => undefined)
  }
  return events / seconds(start)
})

const kernel = Effect.gen(function* () {
  let events = 0
  const scenario = Simulation.scenario("gossip", { leaks: false }, () => gossip(gossipSeconds, () => events++))
  const start = process.hrtime.bigint()
  const report = yield* Simulation.run(scenario, { seed: 1 })
  const took = seconds(start)
  return { steps: report.steps / took, events: events / took }
})

const testClock = Effect.gen(function* () {
  let events = 0
  const start = process.hrtime.bigint()
  const done = yield* Effect.forkChild(gossip(gossipSeconds, () => events++))
  yield* Effect.yieldNow
  yield* TestClock.adjust(`${gossipSeconds} seconds`)
  yield* Fiber.interrupt(done)
  return events / seconds(start)
}).pipe(Effect.provide(TestClock.layer()), Random.withSeed("gossip"))

const cluster = Effect.gen(function* () {
  const start = process.hrtime.bigint()
  let virtual = 0
  for (let seed = 1; seed <= seedsPerRound; seed++) {
    const { found, virtualSeconds } = yield* Swarm.runSeed(three, seed)
    if (found !== undefined) return yield* Effect.die(`seed ${seed}: ${found.failure.message}`)
    virtual += virtualSeconds
  }
  const took = seconds(start)
  return { seeds: seedsPerRound / took, virtual: virtual / took }
})

/** Measures the time to shrink the failing run of each mutant to its minimum. */
const shrinking = Effect.forEach(mutants, ({ name, scenario }) =>
  Effect.gen(function* () {
    for (let seed = 1; ; seed++) {
      const { failure } = yield* Simulation.outcome(scenario, { seed, explore: Swarm.exploreOf(scenario, seed) })
      if (failure === undefined) continue
      const start = process.hrtime.bigint()
      yield* Swarm.runSeed(scenario, seed)
      return [name, seconds(start)] as const
    }
  }),
)

const main = Effect.gen(function* () {
  const raw: Array<number> = []
  const steps: Array<number> = []
  const events: Array<number> = []
  const stock: Array<number> = []
  const seeds: Array<number> = []
  const virtual: Array<number> = []
  // Interleaved after a warm-up, so that other load of the machine affects all systems alike.
  for (let round = -1; round < rounds; round++) {
    const measured = { raw: yield* rawLoop, kernel: yield* kernel, stock: yield* testClock, cluster: yield* cluster }
    if (round < 0) continue
    raw.push(measured.raw)
    steps.push(measured.kernel.steps)
    events.push(measured.kernel.events)
    stock.push(measured.stock)
    seeds.push(measured.cluster.seeds)
    virtual.push(measured.cluster.virtual)
  }
  const shrunk = yield* shrinking
  const result: ReadonlyArray<Measured> = [
    { bench: "loop", system: "heap and hash", unit: "steps", perSecond: median(raw), ratio: 1 },
    {
      bench: "loop",
      system: "kernel, gossip",
      unit: "steps",
      perSecond: median(steps),
      ratio: median(steps) / median(raw),
    },
    { bench: "gossip", system: "TestClock", unit: "events", perSecond: median(stock), ratio: 1 },
    {
      bench: "gossip",
      system: "kernel",
      unit: "events",
      perSecond: median(events),
      ratio: median(events) / median(stock),
    },
    { bench: "three nodes", system: "real time", unit: "virtual seconds", perSecond: 1, ratio: 1 },
    {
      bench: "three nodes",
      system: "simulation",
      unit: "virtual seconds",
      perSecond: median(virtual),
      ratio: median(virtual),
    },
    { bench: "three nodes", system: "simulation", unit: "seeds", perSecond: median(seeds), ratio: median(seeds) },
    ...shrunk.map(([name, took]) => ({
      bench: "shrinking",
      system: name,
      unit: "runs of it",
      perSecond: 1 / took,
      ratio: 1,
    })),
  ]
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify(result))
    return
  }
  const [cpu] = os.cpus()
  console.log(
    `${cpu?.model ?? "unknown"}, ${os.cpus().length} cores, Node ${process.version}, medians of ${rounds} interleaved rounds\n`,
  )
  for (const { bench, perSecond, ratio, system, unit } of result) {
    const what =
      bench === "shrinking"
        ? `${(1 / perSecond).toFixed(2)} s`
        : `${Math.round(perSecond).toLocaleString("en")} ${unit}/s`
    console.log(
      `${bench.padEnd(12)} ${system.padEnd(28)} ${what.padStart(28)} ${ratio === 1 ? "" : `x ${ratio.toFixed(2)}`}`,
    )
  }
})

await Effect.runPromise(main)
