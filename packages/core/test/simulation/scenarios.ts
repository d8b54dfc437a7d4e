/**
 * Clusters of real nodes in the simulated world: what must hold whatever happens, and what must be so again when it is
 * over.
 */
import * as Reconnect from "@coterie/core/Reconnect"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import { assert } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { minWindow } from "../../src/Limits.ts"
import type { Overrides } from "../../src/cluster/Overrides.ts"
import { describe } from "./frames.ts"
import * as Member from "./Member.ts"
import * as ClusterRecorder from "./ClusterRecorder.ts"

/** Everything that can go wrong. */
export const everything: FaultPlan.Input = FaultPlan.swarm

export type Members = Readonly<Record<string, Simulation.Node<Member.Member>>>

/** Whether every running node lists every other one, alive and with a link; or who does not. */
export const everybodyListsEverybody = (nodes: Members): boolean | string => {
  const names = Object.keys(nodes)
  for (const name of names) {
    const member = nodes[name]?.service(Member.Member)
    if (member === undefined) return `${name} is not running`
    for (const other of names) {
      if (other === name) continue
      const peer = member.observer.view.peers.get(other)
      if (peer?.status !== "alive" || peer.link !== "up") {
        return `${name} has ${other} as ${peer === undefined ? "nobody" : `${peer.status} with its link ${peer.link}`}`
      }
    }
  }
  return true
}

/** Whether everybody believes the same of everybody, down to the numbers of the records. */
export const everybodyAgrees = (nodes: Members): boolean | string => {
  for (const node of Object.values(nodes)) {
    const views = node.service(Member.Member)?.views()
    if (views !== 1) return `${node.name} sees ${views} different views`
  }
  return true
}

/** Whether each pair has exactly one connection. */
const oneConnectionEach = (nodes: Members, network: Simulation.Network): boolean | string => {
  const names = Object.keys(nodes)
  for (const [i, a] of names.entries()) {
    for (const b of names.slice(i + 1)) {
      const count = network.connections(a, b)
      if (count !== 1) return `${a} and ${b} have ${count} connections`
    }
  }
  return true
}

/** Everybody says so much to everybody, and each hears all of it: nothing is dropped while links stay up. */
const everythingArrives = (
  sim: Simulation.Sim,
  nodes: Members,
  { ledger }: ClusterRecorder.ClusterRecorder,
  count: number,
) =>
  Effect.gen(function* () {
    const members = Object.values(nodes)
    const heardBy = (node: Members[string]): number => {
      const observer = node.service(Member.Member)?.observer
      return observer === undefined ? 0 : ledger.heard(observer)
    }
    yield* Effect.forEach(members, (node) => node.run(Effect.flatMap(Member.Member, ({ hush }) => hush)))
    const undecided = (): string | true => {
      for (const node of members) {
        const observer = node.service(Member.Member)?.observer
        if (observer !== undefined && ledger.pending(observer) > 0)
          return `${node.name} does not know what became of it`
      }
      return true
    }
    yield* within("15 seconds", sim, undecided)
    yield* Effect.sleep("2 seconds")
    const before = new Map(members.map((node) => [node.name, heardBy(node)]))
    const talk = Effect.flatMap(Member.Member, ({ say, saySlowly }) =>
      Effect.all([Effect.repeat(say, { times: count - 1 }), Effect.repeat(saySlowly, { times: count - 1 })], {
        concurrency: "unbounded",
      }),
    )
    yield* Effect.forEach(members, (node) => node.run(talk), { concurrency: "unbounded" })
    const missing = (): string | true => {
      for (const node of members) {
        const heard = heardBy(node) - (before.get(node.name) ?? 0)
        const expected = 2 * count * (members.length - 1)
        if (heard < expected) return `${node.name} heard ${heard} of ${expected}`
      }
      return true
    }
    yield* within("30 seconds", sim, missing)
    ledger.settle()
  })

/** Waits until it holds; fails with what it says is wrong. */
const within = (duration: Duration.Input, sim: Simulation.Sim, holds: () => string | true) =>
  Effect.timeoutOrElse(sim.until(holds), {
    duration,
    orElse: () => Effect.sync(() => assert.fail(`while links were up: ${holds()}`)),
  })

/** What holds at every step. */
const promises = (notebook: ClusterRecorder.ClusterRecorder) =>
  Invariant.always("what a node sees and hears is one story", () => notebook.wrong[0] ?? true)

/** What the events add up to is what the nodes say themselves. */
const foldedIsView = (nodes: Members) =>
  Effect.forEach(Object.values(nodes), (node) =>
    node.run(
      Effect.flatMap(Member.Member, ({ cluster, observer }) =>
        Effect.map(cluster.view, ({ peers }) => {
          assert.deepStrictEqual(
            new Map(observer.view.peers),
            new Map(peers),
            `what the events of ${node.name} add up to`,
          )
        }),
      ),
    ),
  )

/** What the others were told of one life of a node since the numbers of events in `before`. */
const toldOf = (
  nodes: Members,
  name: string,
  before: ReadonlyMap<string, number>,
): Map<string, ReadonlyArray<string>> =>
  new Map(
    Object.values(nodes).flatMap((node) => {
      const events = node.service(Member.Member)?.observer.events.slice(before.get(node.name))
      if (events === undefined) return []
      return [[node.name, events.flatMap((event) => ("peer" in event && event.peer.name === name ? [event._tag] : []))]]
    }),
  )

/** Waits until all that still run were told so of the one who has gone, and how. */
const told = (
  sim: Simulation.Sim,
  nodes: Members,
  gone: string,
  what: "Left" | "Failed",
  go: Effect.Effect<void, unknown>,
) =>
  Effect.gen(function* () {
    const before = new Map(
      Object.values(nodes).map((node) => [node.name, node.service(Member.Member)?.observer.events.length ?? 0]),
    )
    const missing = (): string | true => {
      const of = toldOf(nodes, gone, before)
      of.delete(gone)
      for (const [name, tags] of of)
        if (!tags.includes(what)) return `${name} was told of ${gone}: ${tags.join(", ") || "nothing"}`
      return true
    }
    yield* go
    yield* Effect.timeoutOrElse(sim.until(missing), {
      duration: "40 seconds",
      orElse: () => Effect.sync(() => assert.fail(`not everybody heard ${what}: ${missing()}`)),
    })
    if (what === "Failed") return
    for (const [name, tags] of toldOf(nodes, gone, before)) {
      assert.notInclude(tags, "Failed", `${name} took ${gone}, which left, for failed`)
    }
  })

/** In peace, one who leaves is told apart from one who dies, and both are told to all. */
const farewells = (sim: Simulation.Sim, nodes: Members) =>
  Effect.gen(function* () {
    const [first, second, ...rest] = Object.values(nodes)
    if (first === undefined || second === undefined || rest.length === 0) return
    yield* told(sim, nodes, first.name, "Left", first.stop)
    yield* told(sim, nodes, second.name, "Failed", second.crash)
  })

/**
 * Starts a node again that has stopped because a newer life of its name is known: its clock was set back before a restart,
 * and the first that it met knew nothing of the life before.
 */
const supervise = (nodes: Members) =>
  Effect.gen(function* () {
    for (const node of Object.values(nodes)) {
      const events = node.service(Member.Member)?.observer.events ?? []
      if (!events.some(({ _tag }) => _tag === "Superseded" || _tag === "Evicted")) continue
      yield* Effect.ignore(node.stop)
      yield* Effect.ignore(node.restart)
    }
    yield* Effect.sleep("1 second")
  }).pipe(Effect.forever)

/** A cluster under faults that finds together again, and works. */
export const cluster = (
  name: string,
  options: {
    /** How many nodes, from the least to the most. */
    readonly size: readonly [number, number]
    /** How long the faults go on. */
    readonly seconds: number
    readonly faults: FaultPlan.Input
    /** Events that must come in some seed. */
    readonly goals?: ReadonlyArray<string>
    readonly parts?: Partial<Overrides>
    readonly talk?: readonly [number, number]
    readonly policies?: Layer.Layer<never>
  },
): Simulation.Scenario =>
  Simulation.scenario(name, { faults: options.faults, describe, timeLimit: "30 minutes" }, (sim) =>
    Effect.gen(function* () {
      const notebook = ClusterRecorder.make()
      const size = yield* Random.nextIntBetween(...options.size)
      const names = Array.from({ length: size }, (_, i) => `n${i + 1}`)
      yield* promises(notebook)
      for (const goal of options.goals ?? []) {
        yield* Invariant.sometimes(`somebody tells of ${goal}`, () => (notebook.counts.get(goal) ?? 0) > 0)
      }
      // Small windows, so that senders wait for credit all the time.
      const limits = {
        inboxWindow: yield* Random.nextIntBetween(minWindow, 4 * minWindow),
        laneWindow: yield* Random.nextIntBetween(minWindow, 2 * minWindow),
        slowPeerTimeout: yield* Random.nextIntBetween(200, 3_000),
      }
      const seeds = ["n1:7946", "n2:7946"]
      const nodes = yield* sim.nodes(names, (node) => Member.layer(node, { ...options, notebook, seeds, limits }))
      yield* Effect.forkScoped(supervise(nodes))
      yield* Effect.sleep(`${options.seconds} seconds`)
      const together = (): boolean | string => {
        const listed = everybodyListsEverybody(nodes)
        return listed === true ? oneConnectionEach(nodes, sim.network) : listed
      }
      yield* sim.converges(together, { within: "2 minutes" })
      // A connection that a fault has left dead is noticed by its silence, which a node that distrusts itself bears for
      // longer, and replaced.
      while (Object.values(nodes).some((node) => node.service(Member.Member)?.health() !== 0)) {
        yield* Effect.sleep("1 second")
      }
      yield* Effect.sleep("5 seconds")
      yield* sim.converges(together, { within: "1 minute" })
      yield* sim.converges(() => everybodyAgrees(nodes), { within: "1 minute" })
      yield* everythingArrives(sim, nodes, notebook, 10)
      yield* foldedIsView(nodes)
      yield* farewells(sim, nodes)
    }),
  )

/**
 * Whoever can be reached by anybody is not suspected: a link is cut for a while, and the others go on reaching both.
 */
export const reachable = (name: string, parts?: Partial<Overrides>): Simulation.Scenario =>
  Simulation.scenario(
    name,
    { describe, faults: { network: { delay: { exponential: { min: "1 millis", mean: "10 millis" } } } } },
    (sim) =>
      Effect.gen(function* () {
        const notebook = ClusterRecorder.make()
        const names = Array.from({ length: yield* Random.nextIntBetween(3, 6) }, (_, i) => `n${i + 1}`)
        yield* promises(notebook)
        const nodes = yield* sim.nodes(names, (node) => Member.layer(node, { notebook, seeds: ["n1:7946"], parts }))
        yield* Effect.timeout(
          sim.until(() => everybodyListsEverybody(nodes)),
          "1 minute",
        )
        const before = notebook.counts.get("Suspected") ?? 0
        yield* Invariant.always("nobody is suspected", () => (notebook.counts.get("Suspected") ?? 0) === before)
        const [a = "", b = ""] = yield* Random.shuffle(names)
        yield* (yield* Random.nextBoolean) ? sim.network.partition([a], [b]) : sim.network.partitionOneWay([a], [b])
        yield* Effect.sleep(yield* Random.nextIntBetween(1_000, 60_000))
        yield* sim.network.heal
        yield* sim.converges(() => everybodyListsEverybody(nodes))
      }),
  )

/** The same, as it must hold. */
export const oneCutLink = reachable("who can be reached by anybody is not suspected")

/**
 * One side takes a connection for lost and dials again, while the other side still reads what came on it before. Found by
 * the swarm: the old connection had the greater rank, and its messages came after those of the new one.
 */
export const lostOnOneSide = cluster("what came on a lost connection comes before what comes on the next", {
  size: [2, 3],
  seconds: 12,
  talk: [50, 400],
  faults: {
    network: { delay: { exponential: { min: "10 millis", mean: "150 millis" } }, loss: 0.2 },
    timeline: Array.from({ length: 10 }, (_, i) => ({
      kind: "halfOpen",
      at: `${i + 1} seconds`,
      from: i % 2 === 0 ? "n1" : "n2",
      to: i % 2 === 0 ? "n2" : "n1",
      how: "closed",
    })),
  },
})

/**
 * Two that lose each other all the time dial each other at once, and one of the two connections takes over from the other,
 * on which much waits to be written.
 */
export const crossing = (name: string, parts: Partial<Overrides> = {}): Simulation.Scenario =>
  cluster(name, {
    size: [2, 3],
    seconds: 12,
    talk: [5, 30],
    parts,
    policies: Reconnect.layer(Schedule.spaced("200 millis")),
    faults: {
      network: {
        delay: { exponential: { min: "50 millis", mean: "100 millis" } },
        bandwidth: 8_000,
        sendBuffer: 256,
      },
      timeline: Array.from({ length: 10 }, (_, i) => ({ kind: "reset", at: `${i + 1} seconds`, from: "n1", to: "n2" })),
    },
  })

/** The same, as it must hold. */
export const crossed = crossing("what was accepted arrives though two dial each other at once")

/** Two to twelve nodes, and everything that can go wrong. */
export const anything = cluster("a cluster survives anything", {
  size: [2, 12],
  seconds: 20,
  faults: everything,
  goals: ["Joined", "Left", "Suspected", "Recovered", "Failed", "Replaced", "Unreachable", "Reachable"],
})

/** Three nodes for ten seconds: small and quick, and what the benchmarks measure. */
export const three = cluster("three nodes", { size: [3, 3], seconds: 10, faults: everything })
