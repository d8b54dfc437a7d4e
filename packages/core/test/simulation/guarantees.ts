/**
 * Guarantees of the membership, one scenario each (docs/membership.md). Each scenario plays a situation that other
 * systems handle wrongly, and names the events that no node may emit.
 */
import * as FailureDetector from "@coterie/core/FailureDetector"
import { Invariant, Simulation } from "@coterie/testkit"
import { assert } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Overrides } from "../../src/cluster/Overrides.ts"
import * as ClusterTrace from "@coterie/core/ClusterTrace"
import * as Member from "./Member.ts"
import { ClusterRecorder } from "./ClusterRecorder.ts"
import { checkGuarantees, everybodyAgrees, everybodyListsEverybody, type Members } from "./scenarios.ts"

/**
 * Milliseconds between two broadcasts of a node, ten times as long as in the scenarios with faults: these guarantees are
 * about the membership, and messages would take most of the time of a run.
 */
const seldom = [2_000, 15_000] as const

interface Start {
  readonly size: number
  readonly seeds?: ReadonlyArray<string>
  readonly policies?: Layer.Layer<never>
  readonly overrides?: Partial<Overrides> | undefined
  readonly talk?: readonly [number, number]
  readonly watchEvery?: Duration.Input
}

/** Starts nodes and waits until they have joined each other and are idle. */
const start = (sim: Simulation.Sim, { size, seeds = ["n1"], talk = seldom, ...options }: Start) =>
  Effect.gen(function* () {
    const recorder = new ClusterRecorder()
    const names = Array.from({ length: size }, (_, i) => `n${i + 1}`)
    yield* checkGuarantees(recorder)
    const nodes: Members = yield* sim.nodes(names, (name) => Member.layer(name, { recorder, seeds, talk, ...options }))
    yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "1 minute" })
    yield* Effect.sleep("5 seconds")
    return { names, node: nodeOf(nodes), nodes, recorder }
  })

const nodeOf = (nodes: Members) => (name: string) => nodes[name] ?? assert.fail(`there is no node ${name}`)

/** Checks at every step that no node emits any of these events from now on. */
const never = (recorder: ClusterRecorder, ...events: ReadonlyArray<string>) => {
  const before = new Map(events.map((event) => [event, recorder.count(event)]))
  return Invariant.always(`no node emits ${events.join(" or ")}`, () =>
    events.every((event) => recorder.count(event) === before.get(event)),
  )
}

/** Returns the events with which one node reported the liveness of another node. */
const fateOf = (nodes: Members, observer: string, name: string): ReadonlyArray<string> =>
  (nodes[observer]?.service(Member.Member)?.observer.events ?? []).flatMap((event) =>
    "peer" in event && event.peer.name === name && !withoutVerdict.has(event._tag) ? [event._tag] : [],
  )

/** Events that do not report the liveness of a peer. */
const withoutVerdict: ReadonlySet<string> = new Set([
  "Joined",
  "Unreachable",
  "Reachable",
  "MetadataChanged",
  "SlowPeer",
])

const scenario = (name: string, body: Simulation.Scenario["body"]): Simulation.Scenario =>
  Simulation.scenario(name, { describe: ClusterTrace.describe(), timeLimit: "48 hours" }, body)

/** A cluster in which most links are idle: nobody sends messages, and each member has four watchers. */
const idleLinks: Omit<Start, "size"> = {
  policies: FailureDetector.layer({ watchers: 4 }),
  talk: [3_600_000, 3_600_001],
}

const cuts = {
  "both ways": ({ network }: Simulation.Sim) => network.partition(["n1"], ["n2"]),
  "from the seed to another": ({ network }: Simulation.Sim) => network.partitionOneWay(["n1"], ["n2"]),
  "from another to the seed": ({ network }: Simulation.Sim) => network.partitionOneWay(["n2"], ["n1"]),
}

/**
 * R3 (indirect probes): a node that some member reaches is not suspected. The two ends of the cut link report each
 * other as indirect.
 */
export const oneCut: ReadonlyArray<Simulation.Scenario> = [3, 5, 20].flatMap((size) =>
  Object.entries(cuts).map(([how, cut]) =>
    scenario(`cutting one link of ${size} nodes ${how} makes no node suspected`, (sim) =>
      Effect.gen(function* () {
        const { nodes, recorder } = yield* start(sim, { size })
        yield* never(recorder, "Suspected", "Failed")
        yield* cut(sim)
        yield* sim.until("both ends of the cut reach each other indirectly", () =>
          [
            ["n1", "n2"],
            ["n2", "n1"],
          ].every(
            ([at = "", of = ""]) => nodes[at]?.service(Member.Member)?.observer.view.peers.get(of)?.link === "indirect",
          ),
        )
        // Several rounds of probes. The pauses between them grow to thirty seconds.
        yield* Effect.sleep("1 minute")
        yield* sim.network.heal
        yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "2 minutes" })
      }),
    ),
  ),
)

/** R3, R5, R7: a node that was paused suspects no peer, and recovers once. */
export const stoodStill = (name: string, overrides?: Partial<Overrides>): Simulation.Scenario =>
  scenario(name, (sim) =>
    Effect.gen(function* () {
      const { names, node, nodes } = yield* start(sim, { size: 4, overrides })
      yield* node("n2").pause
      yield* Effect.sleep("10 seconds")
      yield* node("n2").resume
      yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "1 minute" })
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
      // The node has refuted the accusations. Links alone would also make it appear alive.
      assert.strictEqual(everybodyAgrees(nodes), true)
    }),
  )

/** R8: the newest life wins, although its clock makes it look older. */
export const clockSetBack = (name: string, overrides?: Partial<Overrides>): Simulation.Scenario =>
  scenario(name, (sim) =>
    Effect.gen(function* () {
      const { node, nodes } = yield* start(sim, { size: 4, overrides })
      yield* node("n1").setClock("-1 hour")
      yield* node("n1").crash
      yield* Effect.sleep("1 second")
      yield* node("n1").restart
      yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "2 minutes" })
    }),
  )

/** R10, R11, R12: no node remembers a node of the other side, and the nodes still dial the seeds. */
export const healsAfterForgetting = scenario(
  "a partition heals unaided after both sides have forgotten each other",
  (sim) =>
    Effect.gen(function* () {
      // Frequent heartbeats and looks at the metrics for 26 hours would take long to simulate.
      const policies = FailureDetector.layer({
        heartbeat: "1 minute",
        linkTimeout: "3 minutes",
        probeTimeout: "1 second",
      })
      const { nodes, recorder } = yield* start(sim, {
        size: 4,
        policies,
        talk: [3_600_000, 3_600_001],
        watchEvery: "5 minutes",
      })
      yield* sim.network.partition(["n1", "n2"], ["n3", "n4"])
      yield* Effect.sleep("26 hours")
      for (const [at, of] of [
        ["n1", "n3"],
        ["n3", "n1"],
      ] as const) {
        const member = nodes[at]?.service(Member.Member)
        assert.isFalse(member?.observer.view.peers.has(of), `${at} still lists ${of}`)
      }
      assert.isAtLeast(recorder.count("PartitionSuspected"), 1)
      yield* sim.network.heal
      yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "2 minutes" })
    }),
)

/** R10: a failed peer that shows a sign of life is dialed at once, without its back-off. */
export const meetsAgain = scenario(
  "after a long partition all links are up within ten seconds of the first connection",
  (sim) =>
    Effect.gen(function* () {
      const { names, nodes } = yield* start(sim, { size: 12 })
      yield* sim.network.partition(names.slice(0, 6), names.slice(6))
      yield* Effect.sleep("5 minutes")
      yield* sim.network.heal
      const across = (): boolean => names.slice(6).some((name) => sim.network.connections("n1", name) > 0)
      yield* sim.until("a connection crosses the healed cut", across, { within: "2 minutes" })
      yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "10 seconds" })
    }),
)

/** R8, R9: a rolling restart appears as leaves and joins, and not as a failure. */
export const rollingRestart = scenario(
  "a rolling restart of twelve nodes under load emits no Suspected, Failed, Isolated or PartitionSuspected",
  (sim) =>
    Effect.gen(function* () {
      const { names, node, nodes, recorder } = yield* start(sim, { size: 12, talk: [50, 400] })
      yield* never(recorder, "Suspected", "Failed", "Isolated", "PartitionSuspected")
      for (const name of names) {
        yield* node(name).stop
        yield* Effect.sleep("1 second")
        yield* node(name).restart
        yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "30 seconds" })
      }
      for (const [i, name] of names.entries()) {
        // The nodes that restart later have seen this restart from the beginning.
        const before = names.slice(i + 1).flatMap((other) => fateOf(nodes, other, name))
        assert.deepStrictEqual(before, [], `of ${name}, as seen by the nodes that restarted after it`)
      }
    }),
)

/** R3: a node that reaches no peer is isolated. It emits Isolated before it reports any peer as failed. */
export const isolated = (
  name: string,
  overrides?: Partial<Overrides>,
  options: Partial<Start> = {},
): Simulation.Scenario =>
  scenario(name, (sim) =>
    Effect.gen(function* () {
      const { nodes, recorder } = yield* start(sim, { size: 8, overrides, ...options })
      if (options === idleLinks) yield* untilIdle(nodes)
      yield* sim.network.partition(["n3"], ["n1", "n2", "n4", "n5", "n6", "n7", "n8"])
      yield* sim.until("n3 is alone", () => nodes["n3"]?.service(Member.Member)?.observer.view.peers.size === 0, {
        within: "1 minute",
      })
      const emitted = (): ReadonlyArray<string> =>
        nodes["n3"]?.service(Member.Member)?.observer.events.map(({ _tag }) => _tag) ?? []
      const [isolation, suspicion, failure] = ["Isolated", "Suspected", "Failed"].map((tag) => emitted().indexOf(tag))
      assert.isTrue((isolation ?? -1) >= 0, "n3 does not notice its isolation")
      assert.isBelow(isolation ?? 0, failure ?? 0, "n3 reports others as failed before it emits Isolated")
      assert.isAtLeast(suspicion ?? -1, 0)
      assert.strictEqual(recorder.count("Isolated"), 1, "others emit Isolated")
      yield* sim.network.heal
      yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "2 minutes" })
      assert.strictEqual(recorder.count("Reconnected"), 1)
      assert.deepStrictEqual(
        emitted().filter((tag) => tag.startsWith("Partition")),
        ["PartitionSuspected", "PartitionHealed"],
      )
    }),
  )

/** R3, "Watchers": the idle links of an isolated node end as well, because its questions use them. */
export const isolatedWithIdleLinks = isolated(
  "an isolated node whose links were idle emits Isolated, and Reconnected when it is back",
  undefined,
  idleLinks,
)

/**
 * R3, "Watchers": an isolated node knows that it has lost its links before the others go on without it, although it
 * watches few of them.
 */
export const isolatedInTime = scenario(
  "an isolated node whose links were idle has lost all of them before another node reports it as failed",
  (sim) =>
    Effect.gen(function* () {
      const options = { ...idleLinks, policies: FailureDetector.layer({ watchers: 2 }), size: 24 }
      const { names, nodes } = yield* start(sim, options)
      yield* untilIdle(nodes)
      const others = names.filter((name) => name !== "n3")
      yield* sim.network.partition(["n3"], others)
      yield* sim.until("another node reports n3 as failed", () =>
        others.some((name) => fateOf(nodes, name, "n3").includes("Failed")),
      )
      const peers = nodes["n3"]?.service(Member.Member)?.observer.view.peers ?? new Map<string, never>()
      const reached = [...peers.values()].flatMap(({ link, name }) => (link === "down" ? [] : [name]))
      assert.deepStrictEqual(reached, [], "n3 still counts on these nodes")
    }),
)

/** R3, R6, R7: most probed members do not reach the node either. The members that reach it prevent its failure. */
export const fewReach = (name: string, overrides?: Partial<Overrides>): Simulation.Scenario =>
  scenario(name, (sim) =>
    Effect.gen(function* () {
      const { recorder, nodes } = yield* start(sim, { size: 8, overrides })
      yield* never(recorder, "Failed")
      yield* sim.network.partition(["n1"], ["n2", "n3", "n4", "n5", "n6"])
      yield* Effect.sleep("5 minutes")
      yield* sim.network.heal
      yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "2 minutes" })
    }),
  )

/** Waits until links without messages are idle. Returns two nodes whose link is idle. */
const untilIdle = (nodes: Members) =>
  Effect.gen(function* () {
    yield* Effect.sleep("20 seconds")
    for (const node of Object.values(nodes)) {
      const { peers } = yield* node.run(Effect.flatMap(Member.Member, ({ cluster }) => cluster.inspect()))
      const other = peers.find(({ connection }) => connection?.heartbeatMillis === 15_000)
      if (other !== undefined) return [node.name, other.name] as const
    }
    return assert.fail("no link is idle")
  })

const idleCuts = {
  "both ways": ({ network }: Simulation.Sim, a: string, b: string) => network.partition([a], [b]),
  "one way": ({ network }: Simulation.Sim, a: string, b: string) => network.partitionOneWay([a], [b]),
  "the other way": ({ network }: Simulation.Sim, a: string, b: string) => network.partitionOneWay([b], [a]),
}

/**
 * "Watchers": a cut of an idle link is noticed after its next heartbeat, and as soon as on any other link if a side uses
 * it.
 */
export const idleCut: ReadonlyArray<Simulation.Scenario> = Object.entries(idleCuts).flatMap(([how, cut]) =>
  [false, true].map((isUsed) =>
    scenario(
      `cutting an idle link ${how} is noticed${isUsed ? " at its next use" : ""}, and nobody is suspected`,
      (sim) =>
        Effect.gen(function* () {
          const { node, nodes, recorder } = yield* start(sim, { ...idleLinks, size: 12 })
          const [a, b] = yield* untilIdle(nodes)
          yield* never(recorder, "Suspected", "Failed")
          yield* cut(sim, a, b)
          const seen = (at: string, of: string): boolean =>
            nodes[at]?.service(Member.Member)?.observer.view.peers.get(of)?.link === "indirect"
          if (isUsed) {
            yield* node(a).run(Effect.flatMap(Member.Member, ({ broadcast }) => broadcast))
            yield* sim.until("the user of the link reaches the other end indirectly", () => seen(a, b), {
              within: "5 seconds",
            })
          }
          // The other end may have answered its last heartbeat just before the cut. It pings 1.25 idle intervals later.
          yield* sim.until("both ends of the cut reach each other indirectly", () => seen(a, b) && seen(b, a), {
            within: "24 seconds",
          })
          yield* sim.network.heal
          yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "2 minutes" })
        }),
    ),
  ),
)

const deaths = {
  "is killed": { die: (node: Members[string]) => node.crash, within: 3_000 },
  "falls silent": { die: (node: Members[string]) => node.powerOff, within: 10_000 },
} satisfies Record<
  string,
  { readonly die: (node: Members[string]) => Effect.Effect<void, unknown>; readonly within: number }
>

type Death = (typeof deaths)[keyof typeof deaths]

/** R3 to R5: the time, with the defaults, until every other node has reported an ended node as failed. */
const notices = (name: string, { die, within }: Death, options: Start): Simulation.Scenario =>
  Simulation.scenario(
    name,
    {
      describe: ClusterTrace.describe(),
      faults: { network: { delay: { exponential: { min: "200 micros", mean: "5 millis" } } } },
    },
    (sim) =>
      Effect.gen(function* () {
        const { names, node, nodes, recorder } = yield* start(sim, options)
        if (options.policies !== undefined) yield* untilIdle(nodes)
        const victim = names.at(-1) ?? ""
        yield* die(node(victim))
        const missing = (): string | true => {
          for (const name of names) {
            if (name !== victim && fateOf(nodes, name, victim).at(-1) !== "Failed")
              return `${name} has not reported it as failed`
          }
          return true
        }
        yield* sim.until("everybody calls the victim failed", missing, { within })
        assert.strictEqual(recorder.count("Failed"), options.size - 1, "another node failed")
      }),
  )

export const noticed: ReadonlyArray<Simulation.Scenario> = Object.entries(deaths).flatMap(([how, death]) => [
  ...[2, 3, 4, 5, 8, 16].map((size) =>
    notices(
      `of ${size} nodes a node that ${how} is called failed by all others within ${death.within / 1_000} seconds`,
      death,
      { size },
    ),
  ),
  ...[12, 30].map((size) =>
    notices(
      `of ${size} nodes with idle links a node that ${how} is called failed by all others within ${death.within / 1_000} seconds`,
      death,
      { ...idleLinks, size },
    ),
  ),
])
