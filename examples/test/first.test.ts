import { FaultPlan } from "@coterie/testkit"
import { it } from "@coterie/testkit/vitest"
import { Effect, Schedule } from "effect"
import * as Counter from "../simulation/counter/Counter.ts"
import * as Disk from "../simulation/Disk.ts"

it.sim("what one node counts the other hears of", { seeds: 100, faults: FaultPlan.swarm }, (sim) =>
  Effect.gen(function* () {
    const disks = { a: Disk.memory(0), b: Disk.memory(0) }
    const peers = { a: ["b:7946"], b: ["a:7946"] }
    const { a, b } = yield* sim.nodes(["a", "b"], (name) =>
      Counter.layer({ name, peers: peers[name], disk: disks[name] }),
    )
    let added = 0
    const add = Effect.map(a.run(Effect.flatMap(Counter.Counter, (counter) => counter.add)), () => added++)
    yield* Effect.repeat(Effect.ignore(add), { schedule: Schedule.spaced("1 second"), times: 30 })
    yield* sim.converges(() => (b.service(Counter.Counter)?.value() ?? 0) >= added)
  }),
)
