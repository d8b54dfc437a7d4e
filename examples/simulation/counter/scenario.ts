/**
 * Four nodes count the additions at all of them, under all faults.
 */
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import { Effect, Schedule } from "effect"
import * as Disk from "../Disk.ts"
import * as Wire from "../Wire.ts"
import * as Counter from "./Counter.ts"

const names = ["a", "b", "c", "d"] as const

export const counter = (mistake?: Counter.Mistake) =>
  Simulation.scenario(
    `a counter${mistake === undefined ? "" : ` with a mistake: ${mistake}`}`,
    { faults: FaultPlan.swarm, describe: Wire.describe },
    (sim) =>
      Effect.gen(function* () {
        const disks = { a: Disk.memory(0), b: Disk.memory(0), c: Disk.memory(0), d: Disk.memory(0) }
        const nodes = Object.values(
          yield* sim.nodes(names, (name) =>
            Counter.layer({
              name,
              peers: names.filter((peer) => peer !== name),
              disk: disks[name],
              mistake,
            }),
          ),
        )
        const values = () => nodes.map((node) => node.service(Counter.Counter)?.value())

        let tried = 0
        let added = 0
        yield* Invariant.always("no node counts more than was added", () =>
          values().every((value = 0) => value <= tried),
        )

        // Within one life of a node. A new life first has to receive the counts of the others.
        const seen = new Map<string, number>()
        yield* Invariant.always("a value never goes down", () =>
          nodes.every((node) => {
            const life = `${node.name} ${node.lives}`
            const before = seen.get(life) ?? 0
            const value = node.service(Counter.Counter)?.value() ?? before
            seen.set(life, value)
            return value >= before
          }),
        )
        yield* Invariant.sometimes("two nodes disagree", () => new Set(values()).size > 1)

        const add = (node: (typeof nodes)[number]) =>
          Effect.suspend(() => {
            tried++
            return node.run(Effect.flatMap(Counter.Counter, (counter) => counter.add))
          }).pipe(
            Effect.tap(() => Effect.sync(() => added++)),
            Effect.ignore, // The node is down.
            Effect.repeat(Schedule.jittered(Schedule.spaced("700 millis"))),
          )
        // Two users at each node, for a while.
        const users = Effect.forEach([...nodes, ...nodes], add, { concurrency: "unbounded" })
        yield* Effect.timeoutOption(users, "1 minute")

        yield* sim.converges(() => {
          const agreed = new Set(values()).size === 1 && values().every((value = 0) => value >= added)
          return agreed || `${added} were added, and the nodes have ${values().join(", ")}`
        })
      }),
  )
