/**
 * What the membership promises, one scenario for each promise (docs/membership.md). Each plays what other systems get
 * wrong, and says what nobody may tell of.
 */
import * as FailureDetector from "@coterie/core/FailureDetector"
import { Invariant, Simulation } from "@coterie/testkit"
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Overrides } from "../../src/cluster/Overrides.ts"
import { describe } from "./frames.ts"
import * as Member from "./Member.ts"
import * as ClusterRecorder from "./ClusterRecorder.ts"
import { everybodyAgrees, everybodyListsEverybody, type Members } from "./scenarios.ts"

interface Start {
  readonly size: number
  readonly seeds?: ReadonlyArray<string>
  readonly policies?: Layer.Layer<never>
  readonly parts?: Partial<Overrides> | undefined
  readonly talk?: readonly [number, number]
}

/** Nodes that have met and are at rest. */
const start = (sim: Simulation.Sim, { size, seeds = ["n1:7946"], ...options }: Start) =>
  Effect.gen(function* () {
    const notebook = ClusterRecorder.make()
    const names = Array.from({ length: size }, (_, i) => `n${i + 1}`)
    yield* Invariant.always("what a node sees and hears is one story", () => notebook.wrong[0] ?? true)
    const nodes: Members = yield* sim.nodes(names, (name) => Member.layer(name, { notebook, seeds, ...options }))
    yield* Effect.timeout(
      sim.until(() => everybodyListsEverybody(nodes)),
      "1 minute",
    )
    yield* Effect.sleep("5 seconds")
    return { names, node: nodeOf(nodes), nodes, notebook }
  })

const nodeOf = (nodes: Members) => (name: string) => nodes[name] ?? assert.fail(`there is no ${name}`)

const never = (notebook: ClusterRecorder.ClusterRecorder, ...events: ReadonlyArray<string>) => {
  const before = new Map(events.map((event) => [event, notebook.counts.get(event) ?? 0]))
  return Invariant.always(`nobody tells of ${events.join(" or ")}`, () =>
    events.every((event) => (notebook.counts.get(event) ?? 0) === before.get(event)),
  )
}

/** What one node was told of the fate of another. */
const fateOf = (nodes: Members, observer: string, name: string): ReadonlyArray<string> =>
  (nodes[observer]?.service(Member.Member)?.observer.events ?? []).flatMap((event) =>
    "peer" in event && event.peer.name === name && !quiet.has(event._tag) ? [event._tag] : [],
  )

/** Events that say nothing about whether a peer lives. */
const quiet: ReadonlySet<string> = new Set(["Joined", "Unreachable", "Reachable", "MetadataChanged", "SlowPeer"])

const noted = (name: string, body: Simulation.Scenario["body"]): Simulation.Scenario =>
  Simulation.scenario(name, { describe, timeLimit: "48 hours" }, body)

const cuts = {
  "both ways": ({ network }: Simulation.Sim) => network.partition(["n1"], ["n2"]),
  "from the seed to another": ({ network }: Simulation.Sim) => network.partitionOneWay(["n1"], ["n2"]),
  "from another to the seed": ({ network }: Simulation.Sim) => network.partitionOneWay(["n2"], ["n1"]),
}

/** R3. Whoever somebody reaches is not suspected, and the two that do not reach each other say what they see. */
export const oneCut: ReadonlyArray<Simulation.Scenario> = [3, 5, 20].flatMap((size) =>
  Object.entries(cuts).map(([how, cut]) =>
    noted(`one link of ${size} nodes that is cut ${how} makes nobody suspected`, (sim) =>
      Effect.gen(function* () {
        const { nodes, notebook } = yield* start(sim, { size })
        yield* never(notebook, "Suspected", "Failed")
        yield* cut(sim)
        yield* sim.until(() =>
          [
            ["n1", "n2"],
            ["n2", "n1"],
          ].every(
            ([at = "", of = ""]) => nodes[at]?.service(Member.Member)?.observer.view.peers.get(of)?.link === "indirect",
          ),
        )
        // Several rounds of asking, of which the pauses grow to thirty seconds.
        yield* Effect.sleep("2 minutes")
        yield* sim.network.heal
        yield* Effect.timeout(
          sim.until(() => everybodyListsEverybody(nodes)),
          "2 minutes",
        )
      }),
    ),
  ),
)

/** R3, R5, R7: whoever stood still blames nobody, and comes back once. */
export const stoodStill = (name: string, parts?: Partial<Overrides>): Simulation.Scenario =>
  noted(name, (sim) =>
    Effect.gen(function* () {
      const { names, node, nodes } = yield* start(sim, { size: 4, parts })
      yield* node("n2").pause
      yield* Effect.sleep("10 seconds")
      yield* node("n2").resume
      yield* Effect.timeout(
        sim.until(() => everybodyListsEverybody(nodes)),
        "1 minute",
      )
      yield* Effect.sleep("2 minutes")
      for (const other of names) {
        if (other === "n2") continue
        assert.deepStrictEqual(
          fateOf(nodes, other, "n2"),
          ["Suspected", "Failed", "Recovered"],
          `n2 as ${other} saw it`,
        )
        assert.deepStrictEqual(fateOf(nodes, "n2", other), [], `${other} as n2 saw it`)
      }
      // It has refuted what was said of it, and is not just seen alive because it has links.
      assert.strictEqual(everybodyAgrees(nodes), true)
    }),
  )

/** R8: the newest life wins, though its clock says that it is the older one. */
export const clockSetBack = noted("a node whose clock was set back before its restart is a member again", (sim) =>
  Effect.gen(function* () {
    const { node, nodes } = yield* start(sim, { size: 4 })
    yield* node("n1").setClock("-1 hour")
    yield* node("n1").crash
    yield* Effect.sleep("1 second")
    yield* node("n1").restart
    yield* Effect.timeout(
      sim.until(() => everybodyListsEverybody(nodes)),
      "2 minutes",
    )
  }),
)

/** R10, R11, R12: nobody remembers anybody of the other side, and the seeds are still asked. */
export const healsAfterForgetting = noted(
  "a partition heals unaided after both sides have forgotten each other",
  (sim) =>
    Effect.gen(function* () {
      // A day and an hour of heartbeats would be many.
      const policies = FailureDetector.layer({
        heartbeat: "1 minute",
        linkTimeout: "3 minutes",
        probeTimeout: "1 second",
      })
      const { nodes, notebook } = yield* start(sim, { size: 4, policies, talk: [3_600_000, 3_600_001] })
      yield* sim.network.partition(["n1", "n2"], ["n3", "n4"])
      yield* Effect.sleep("26 hours")
      for (const [at, of] of [
        ["n1", "n3"],
        ["n3", "n1"],
      ] as const) {
        const member = nodes[at]?.service(Member.Member)
        assert.isFalse(member?.observer.view.peers.has(of), `${at} still lists ${of}`)
      }
      assert.isAtLeast(notebook.counts.get("PartitionSuspected") ?? 0, 1)
      yield* sim.network.heal
      yield* Effect.timeout(
        sim.until(() => everybodyListsEverybody(nodes)),
        "2 minutes",
      )
    }),
)

/** R10: whoever was called failed and gives a sign of life is dialled at once, and not when its turn comes. */
export const meetsAgain = noted("after a long partition all are linked soon after the first two are", (sim) =>
  Effect.gen(function* () {
    const { names, nodes } = yield* start(sim, { size: 12 })
    yield* sim.network.partition(names.slice(0, 6), names.slice(6))
    yield* Effect.sleep("10 minutes")
    yield* sim.network.heal
    const across = (): boolean => names.slice(6).some((name) => sim.network.connections("n1", name) > 0)
    yield* Effect.timeout(sim.until(across), "2 minutes")
    yield* Effect.timeoutOrElse(
      sim.until(() => everybodyListsEverybody(nodes)),
      {
        duration: "10 seconds",
        orElse: () => Effect.sync(() => assert.fail(String(everybodyListsEverybody(nodes)))),
      },
    )
  }),
)

/** R8, R9: of a rolling restart the others are told what it was, and of nothing else. */
export const rollingRestart = noted("a rolling restart of twelve nodes under load is told as what it is", (sim) =>
  Effect.gen(function* () {
    const { names, node, nodes, notebook } = yield* start(sim, { size: 12, talk: [50, 400] })
    yield* never(notebook, "Suspected", "Failed", "Isolated", "PartitionSuspected")
    for (const name of names) {
      yield* node(name).stop
      yield* Effect.sleep("1 second")
      yield* node(name).restart
      yield* Effect.timeout(
        sim.until(() => everybodyListsEverybody(nodes)),
        "30 seconds",
      )
    }
    for (const [i, name] of names.entries()) {
      // Those that were restarted later have seen it from the beginning.
      const before = names.slice(i + 1).flatMap((other) => fateOf(nodes, other, name))
      assert.deepStrictEqual(before, [], `of ${name}, as those saw it that were restarted after it`)
    }
  }),
)

/** R3: nobody is reached, so it is this node that is cut off; it says so, and judges nobody at once. */
export const isolated = (name: string, parts?: Partial<Overrides>): Simulation.Scenario =>
  noted(name, (sim) =>
    Effect.gen(function* () {
      const { nodes, notebook } = yield* start(sim, { size: 8, parts })
      yield* sim.network.partition(["n3"], ["n1", "n2", "n4", "n5", "n6", "n7", "n8"])
      yield* Effect.timeout(
        sim.until(() => nodes["n3"]?.service(Member.Member)?.observer.view.peers.size === 0),
        "1 minute",
      )
      const told = (): ReadonlyArray<string> =>
        nodes["n3"]?.service(Member.Member)?.observer.events.map(({ _tag }) => _tag) ?? []
      const [isolation, suspicion, failure] = ["Isolated", "Suspected", "Failed"].map((tag) => told().indexOf(tag))
      assert.isTrue((isolation ?? -1) >= 0, "n3 does not know that it is cut off")
      assert.isBelow(isolation ?? 0, failure ?? 0, "n3 blames others before itself")
      assert.isAtLeast(suspicion ?? -1, 0)
      assert.strictEqual(notebook.counts.get("Isolated"), 1, "others take themselves for cut off")
      yield* sim.network.heal
      yield* Effect.timeout(
        sim.until(() => everybodyListsEverybody(nodes)),
        Duration.minutes(2),
      )
      assert.strictEqual(notebook.counts.get("Reconnected"), 1)
      assert.deepStrictEqual(
        told().filter((tag) => tag.startsWith("Partition")),
        ["PartitionSuspected", "PartitionHealed"],
      )
    }),
  )

/** R3, R6, R7: those that are asked are mostly of those that do not reach it either, and it is not called failed. */
export const fewReach = (name: string, parts?: Partial<Overrides>): Simulation.Scenario =>
  noted(name, (sim) =>
    Effect.gen(function* () {
      const { notebook, nodes } = yield* start(sim, { size: 8, parts })
      yield* never(notebook, "Failed")
      yield* sim.network.partition(["n1"], ["n2", "n3", "n4", "n5", "n6"])
      yield* Effect.sleep("5 minutes")
      yield* sim.network.heal
      yield* Effect.timeout(
        sim.until(() => everybodyListsEverybody(nodes)),
        "2 minutes",
      )
    }),
  )

const deaths = {
  "is killed": { die: (node: Members[string]) => node.crash, within: 3_000 },
  "falls silent": { die: (node: Members[string]) => node.powerOff, within: 10_000 },
} satisfies Record<
  string,
  { readonly die: (node: Members[string]) => Effect.Effect<void, unknown>; readonly within: number }
>

/** R3 to R5: how long it takes until every other one has called a node failed, in milliseconds, with the defaults. */
export const noticed: ReadonlyArray<Simulation.Scenario> = [2, 3, 4, 5, 8, 16].flatMap((size) =>
  Object.entries(deaths).map(([how, { die, within }]) =>
    Simulation.scenario(
      `of ${size} nodes one that ${how} is called failed by all within ${within / 1_000} seconds`,
      { describe, faults: { network: { delay: { exponential: { min: "200 micros", mean: "5 millis" } } } } },
      (sim) =>
        Effect.gen(function* () {
          const { names, node, nodes, notebook } = yield* start(sim, { size })
          const victim = names.at(-1) ?? ""
          yield* die(node(victim))
          const missing = (): string | true => {
            for (const name of names) {
              if (name !== victim && fateOf(nodes, name, victim).at(-1) !== "Failed") return `${name} did not notice it`
            }
            return true
          }
          yield* Effect.timeoutOrElse(sim.until(missing), {
            duration: within,
            orElse: () => Effect.sync(() => assert.fail(String(missing()))),
          })
          assert.strictEqual(notebook.counts.get("Failed"), size - 1, "others were called failed")
        }),
    ),
  ),
)
