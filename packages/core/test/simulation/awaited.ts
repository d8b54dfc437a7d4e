/**
 * What the protocol promises with its full rules of membership (docs/protocol.md, section "Rules") and the present rules do
 * not keep. Each is written as it must hold, with the rule that will make it hold; a test sees to it that it is moved to
 * what must hold on the day it does.
 */
import { Invariant, Simulation } from "@coterie/testkit"
import * as Effect from "effect/Effect"
import * as Member from "./Member.ts"
import * as Notebook from "./Notebook.ts"

export interface Awaited {
  readonly scenario: Simulation.Scenario
  /** What will make it hold. */
  readonly rule: string
  /** Seeds of which one at least fails today. */
  readonly seeds: ReadonlyArray<number>
}

const names = ["n1", "n2", "n3"] as const

/** Three nodes that have met. */
const three = (sim: Simulation.Sim) =>
  Effect.gen(function* () {
    const notebook = Notebook.make()
    const nodes = yield* sim.nodes(names, (name) => Member.layer(name, { notebook, seeds: ["n1:7946"] }))
    yield* sim.until(() =>
      Object.values(nodes).every((node) => node.service(Member.Member)?.observer.view.peers.size === 2),
    )
    yield* Effect.sleep("5 seconds")
    return { nodes, notebook }
  })

const never = (notebook: Notebook.Notebook, ...events: ReadonlyArray<string>) =>
  Invariant.always(`nobody tells of ${events.join(" or ")}`, () =>
    events.every((event) => (notebook.counts.get(event) ?? 0) === 0),
  )

const oneCut = (
  title: string,
  cut: (sim: Simulation.Sim) => ReturnType<Simulation.Network["partition"]>,
): Simulation.Scenario =>
  Simulation.scenario(title, (sim) =>
    Effect.gen(function* () {
      const { notebook } = yield* three(sim)
      yield* never(notebook, "Suspected", "Failed")
      yield* cut(sim)
      yield* Effect.sleep("1 minute")
    }),
  )

export const awaited: ReadonlyArray<Awaited> = [
  {
    rule: "R3: others are asked before anybody is suspected",
    seeds: [1, 2, 3],
    scenario: oneCut("one cut link is no reason to suspect anybody", ({ network }) =>
      network.partition(["n1"], ["n2"]),
    ),
  },
  {
    rule: "R3: others are asked before anybody is suspected",
    seeds: [1, 2, 3],
    scenario: oneCut("a link that is cut one way is no reason to suspect anybody", ({ network }) =>
      network.partitionOneWay(["n1"], ["n2"]),
    ),
  },
  {
    rule: "R3 and R5: nobody judges alone, and who stood still asks before it judges",
    seeds: [1, 2, 3],
    scenario: Simulation.scenario("a node that stood still for ten seconds is not called failed", (sim) =>
      Effect.gen(function* () {
        const { nodes, notebook } = yield* three(sim)
        yield* never(notebook, "Failed")
        yield* nodes.n2.pause
        yield* Effect.sleep("10 seconds")
        yield* nodes.n2.resume
        yield* Effect.sleep("30 seconds")
      }),
    ),
  },
  {
    rule: "R8: whoever meets an older life of a name tells it so, whichever side dialled",
    seeds: [1, 2, 3],
    scenario: Simulation.scenario("a node whose clock was set back before its restart is a member again", (sim) =>
      Effect.gen(function* () {
        const { nodes } = yield* three(sim)
        yield* nodes.n1.setClock("-1 hour")
        yield* nodes.n1.crash
        yield* Effect.sleep("1 second")
        yield* nodes.n1.restart
        yield* sim.converges(
          () => Object.values(nodes).every((node) => node.service(Member.Member)?.observer.view.peers.size === 2),
          { within: "2 minutes" },
        )
      }),
    ),
  },
]
