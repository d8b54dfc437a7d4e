/**
 * Clusters of real nodes in the simulated world. The scenarios check guarantees at every step, and the state that the
 * cluster must reach after the faults.
 */
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Reconnect from "@coterie/core/Reconnect"
import type * as Transport from "@coterie/core/Transport"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { minWindow } from "../../src/protocol/constants.ts"
import type { Overrides } from "../../src/cluster/Overrides.ts"
import * as Babbler from "./Babbler.ts"
import { BabbleBudget } from "./BabbleBudget.ts"
import * as FrameCount from "./frameCount.ts"
import * as ClusterTrace from "@coterie/core/ClusterTrace"
import * as Member from "./Member.ts"
import { ClusterRecorder } from "./ClusterRecorder.ts"

/** All kinds of faults. */
export const everything: FaultPlan.Input = FaultPlan.swarm

export type Members = Readonly<Record<string, Simulation.Node<Member.Member>>>

/** Returns `true` if every node lists every other node as alive and with a link; otherwise a node that does not. */
export const everybodyListsEverybody = (nodes: Members): boolean | string => {
  const names = Object.keys(nodes)
  for (const name of names) {
    const member = nodes[name]?.service(Member.Member)
    if (member === undefined) return `${name} is not running`
    for (const other of names) {
      if (other === name) continue
      const peer = member.observer.view.peers.get(other)
      if (peer?.status !== "alive" || peer.link !== "up") {
        return `${name} has ${other} as ${peer === undefined ? "unknown" : `${peer.status} with its link ${peer.link}`}`
      }
    }
  }
  return true
}

/**
 * Returns `true` if the records of all nodes are equal, including incarnations; otherwise a node that sees more than
 * one view.
 */
export const everybodyAgrees = (nodes: Members): boolean | string => {
  for (const node of Object.values(nodes)) {
    const views = node.service(Member.Member)?.views()
    if (views !== 1) return `${node.name} sees ${views} different views`
  }
  return true
}

/** Returns `true` if each pair of nodes has exactly one connection; otherwise a pair that does not. */
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

/**
 * Returns `true` if every node lists exactly the correct nodes, with their published data; otherwise the first
 * difference.
 */
const everybodyKnowsTheTruth = (nodes: Members): boolean | string => {
  const listed = everybodyListsEverybody(nodes)
  if (listed !== true) return listed
  for (const node of Object.values(nodes)) {
    for (const peer of node.service(Member.Member)?.observer.view.peers.values() ?? []) {
      if (!(peer.name in nodes)) return `${node.name} lists ${peer.name}`
      const { addresses, metadata } = peer
      if (Object.keys(metadata).length > 0) return `${node.name} has metadata of ${peer.name} that it did not publish`
      if (addresses.join() !== `${peer.name}:24868`) return `${node.name} has ${peer.name} at ${addresses.join()}`
    }
  }
  return true
}

/**
 * Returns `true` if every node lists the others with their published data and each pair has one connection; otherwise
 * the first difference.
 */
export const isWhole = (nodes: Members, network: Simulation.Network): boolean | string => {
  const known = everybodyKnowsTheTruth(nodes)
  return known === true ? oneConnectionEach(nodes, network) : known
}

/** Frames of nodes without news: heartbeats, and the dials of a seed at its own address (R11). */
const idle = new Set(["Ping", "Pong", "Hello", "HelloReject"])

/** Time after which all effects of the babble must be over: candidates expire after half a minute. */
const quietAfter = "1 minute"

/** Checks that, long after the babblers have ended, nodes write heartbeats only. */
export const trafficEnds = (nodes: Members, counts: FrameCount.Counts) =>
  Effect.gen(function* () {
    yield* Effect.forEach(Object.values(nodes), (node) =>
      node.run(Effect.flatMap(Member.Member, ({ stopTalking }) => stopTalking)),
    )
    yield* Effect.sleep(quietAfter)
    const before = FrameCount.copy(counts)
    yield* Effect.sleep("20 seconds")
    const news = [...FrameCount.since(counts, before)].filter(([kind]) => !idle.has(kind))
    const told = news.map(([kind, { frames }]) => `${frames} ${kind}`).join(", ")
    assert.strictEqual(told, "", "frames between correct members, long after the babblers have ended")
  })

/**
 * Lets every node send `count` messages to every other node, and checks that all arrive: links that stay up drop
 * nothing.
 */
export const everythingArrives = (
  sim: Simulation.Sim,
  nodes: Members,
  { deliveries }: ClusterRecorder,
  count: number,
) =>
  Effect.gen(function* () {
    const members = Object.values(nodes)
    const receivedBy = (node: Members[string]): number => {
      const observer = node.service(Member.Member)?.observer
      return observer === undefined ? 0 : deliveries.received(observer)
    }
    yield* Effect.forEach(members, (node) => node.run(Effect.flatMap(Member.Member, ({ stopTalking }) => stopTalking)))
    const undecided = (): string | true => {
      for (const node of members) {
        const observer = node.service(Member.Member)?.observer
        if (observer !== undefined && deliveries.pending(observer) > 0)
          return `${node.name} has a send without a result`
      }
      return true
    }
    yield* sim.until("every send has a result", undecided, { within: "15 seconds" })
    yield* Effect.sleep("2 seconds")
    const before = new Map(members.map((node) => [node.name, receivedBy(node)]))
    const talk = Effect.flatMap(Member.Member, ({ broadcast, sendOnSlowLane }) =>
      Effect.forEach([broadcast, sendOnSlowLane], (send) => Effect.repeat(send, { times: count - 1 }), {
        concurrency: "unbounded",
        discard: true,
      }),
    )
    yield* Effect.forEach(members, (node) => node.run(talk), { concurrency: "unbounded" })
    const missing = (): string | true => {
      for (const node of members) {
        const received = receivedBy(node) - (before.get(node.name) ?? 0)
        const expected = 2 * count * (members.length - 1)
        if (received < expected) return `${node.name} received ${received} of ${expected}`
      }
      return true
    }
    yield* sim.until("everything arrives while links are up", missing, { within: "30 seconds" })
    deliveries.settle()
  })

/** Checks at every step that no guarantee is broken. */
export const checkGuarantees = (recorder: ClusterRecorder) =>
  Invariant.always("no guarantee of membership or messages is broken", () => recorder.wrong[0] ?? true)

/** Checks that the fold of the events of each node is the view of that node. */
export const foldedIsView = (nodes: Members) =>
  Effect.forEach(Object.values(nodes), (node) =>
    node.run(
      Effect.flatMap(Member.Member, ({ cluster, observer }) =>
        Effect.map(cluster.view, ({ peers }) => {
          assert.deepStrictEqual(new Map(observer.view.peers), new Map(peers), `fold of the events of ${node.name}`)
        }),
      ),
    ),
  )

/** Returns the events of each running node about one node, after the number of events in `before`. */
const eventsAbout = (
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

/** Runs `go`, and waits until every other node has emitted `what` about the node `gone`. */
const untilEmitted = (
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
      const of = eventsAbout(nodes, gone, before)
      of.delete(gone)
      for (const [name, tags] of of)
        if (!tags.includes(what)) return `${name} emitted about ${gone}: ${tags.join(", ") || "nothing"}`
      return true
    }
    yield* go
    yield* sim.until(`every node emits ${what}`, missing, { within: "40 seconds" })
    if (what === "Failed") return
    for (const [name, tags] of eventsAbout(nodes, gone, before)) {
      assert.notInclude(tags, "Failed", `${name} reported ${gone} as failed, although it left`)
    }
  })

/** Checks that, without faults, every node distinguishes a node that leaves from a node that crashes. */
const departures = (sim: Simulation.Sim, nodes: Members) =>
  Effect.gen(function* () {
    const [first, second, ...rest] = Object.values(nodes)
    if (first === undefined || second === undefined || rest.length === 0) return
    yield* untilEmitted(sim, nodes, first.name, "Left", first.stop)
    yield* untilEmitted(sim, nodes, second.name, "Failed", second.crash)
  })

/**
 * Restarts nodes that have stopped because a newer life of their name is known. That happens if the clock was set back
 * before a restart, and the first peer that the node met did not know the earlier life.
 */
const supervise = (nodes: Members) =>
  Effect.gen(function* () {
    for (const node of Object.values(nodes)) {
      const events = node.service(Member.Member)?.observer.events ?? []
      if (!events.some(({ _tag }) => _tag === "Superseded")) continue
      yield* Effect.ignore(node.stop)
      yield* Effect.ignore(node.restart)
    }
    yield* Effect.sleep("1 second")
  }).pipe(Effect.forever)

/** Waits, after the faults, until the cluster is whole and all nodes agree. */
const recover = (sim: Simulation.Sim, nodes: Members) =>
  Effect.gen(function* () {
    const together = (): boolean | string => isWhole(nodes, sim.network)
    yield* sim.converges(together, { within: "2 minutes" })
    // A connection that a fault has broken silently is replaced once it times out, which takes longest on an idle link.
    // A poor local health extends the timeout.
    while (Object.values(nodes).some((node) => node.service(Member.Member)?.health() !== 0)) {
      yield* Effect.sleep("1 second")
    }
    yield* Effect.sleep("8 seconds")
    yield* sim.converges(together, { within: "1 minute" })
    yield* sim.converges(() => everybodyAgrees(nodes), { within: "1 minute" })
  })

const secret: Transport.Identity = { _tag: "Secret", key: "k1" }

/** Withdraws the proofs of random nodes at random times. The connections live for up to ten seconds. */
const withdrawAllTheTime = (sim: Simulation.Sim, names: ReadonlyArray<string>) =>
  Effect.forever(
    Effect.gen(function* () {
      yield* Effect.sleep(yield* Random.nextIntBetween(100, 3_000))
      const [node = ""] = yield* Random.shuffle(names)
      yield* sim.network.withdraw(node, { within: yield* Random.nextIntBetween(0, 10_000) })
    }),
  )

/** Draws whether this is one run in so many. Draws nothing without a number. */
const isOneIn = (runs: number | undefined): Effect.Effect<boolean> =>
  runs === undefined ? Effect.succeed(false) : Effect.map(Random.nextIntBetween(1, runs), (drawn) => drawn === 1)

const hourMillis = 3_600_000

/**
 * Sets the clocks of running nodes to times that are wrong by up to an hour. A node whose clock is set back takes, when
 * it starts again, a generation that is greater by one. Nodes that have not met each of its lives give the same
 * generation to two of them.
 */
const setWrongClocks = (nodes: Members) =>
  Effect.forEach(
    Object.values(nodes),
    (node) =>
      Effect.flatMap(Random.nextIntBetween(-hourMillis, hourMillis), (millis) => Effect.ignore(node.setClock(millis))),
    { discard: true },
  )

/** Draws the number of times that babblers speak. Draws nothing without babblers. */
const drawBabble = (hasBabblers: boolean): Effect.Effect<number> =>
  hasBabblers ? Random.nextIntBetween(5, 60) : Effect.succeed(0)

/** Creates a scenario: a cluster under faults that becomes whole again afterwards, and delivers every message. */
export const cluster = (
  name: string,
  options: {
    /** Minimum and maximum number of nodes. */
    readonly size: readonly [number, number]
    /** Duration of the faults. */
    readonly seconds: number
    readonly faults: FaultPlan.Input
    /** Events that must be emitted in some seed. */
    readonly goals?: ReadonlyArray<string>
    readonly overrides?: Partial<Overrides>
    readonly talk?: readonly [number, number]
    readonly policies?: Layer.Layer<never>
    /** Number of runs of which one has a member that babbles. Defaults to none. */
    readonly babblers?: number
    /** Number of runs of which one has clocks that are wrong by up to an hour. Defaults to none. */
    readonly wrongClocks?: number
    /** `true` if the nodes prove a secret, and withdraw the proofs of their connections all the time. */
    readonly withdrawals?: boolean
  },
): Simulation.Scenario =>
  Simulation.scenario(
    name,
    { faults: options.faults, describe: ClusterTrace.describe(), timeLimit: "30 minutes", strict: true },
    (sim) =>
      Effect.gen(function* () {
        const hasBabblers = yield* isOneIn(options.babblers)
        const hasWrongClocks = yield* isOneIn(options.wrongClocks)
        const recorder = new ClusterRecorder({ hasBabblers })
        const size = yield* Random.nextIntBetween(...options.size)
        const names = Array.from({ length: size }, (_, i) => `n${i + 1}`)
        yield* checkGuarantees(recorder)
        for (const goal of options.goals ?? []) {
          yield* Invariant.sometimes(`some node emits ${goal}`, () => recorder.count(goal) > 0)
        }
        // Small windows make senders wait for credit all the time.
        const limits = {
          inboxWindowBytes: yield* Random.nextIntBetween(minWindow, 4 * minWindow),
          laneWindowBytes: yield* Random.nextIntBetween(minWindow, 2 * minWindow),
          slowPeerTimeout: yield* Random.nextIntBetween(200, 3_000),
        }
        const seeds = ["n1", "n2"]
        const counts: FrameCount.Counts = new Map()
        const nodes = yield* sim.nodes(
          names,
          (node) => {
            const member = Member.layer(node, { ...options, recorder, seeds, limits })
            return hasBabblers ? Layer.provide(member, FrameCount.layer(counts)) : member
          },
          options.withdrawals === true ? { identity: () => secret } : {},
        )
        if (hasWrongClocks) yield* setWrongClocks(nodes)
        const babblers = hasBabblers ? ["b1"] : []
        const budget = new BabbleBudget({ count: yield* drawBabble(hasBabblers), babblers })
        yield* sim.nodes(babblers, (name) =>
          Babbler.layer(name, { budget, seeds, members: names, label: Member.label }),
        )
        yield* Effect.forkScoped(supervise(nodes))
        const faulty = Effect.sleep(`${options.seconds} seconds`)
        yield* options.withdrawals === true ? Effect.raceFirst(faulty, withdrawAllTheTime(sim, names)) : faulty
        budget.stop()
        yield* recover(sim, nodes)
        if (hasBabblers) yield* trafficEnds(nodes, counts)
        yield* everythingArrives(sim, nodes, recorder, 10)
        yield* foldedIsView(nodes)
        yield* departures(sim, nodes)
      }),
  )

/** Creates a scenario that cuts one link for a while. The other members reach both ends, so no node is suspected. */
export const reachable = (name: string, overrides?: Partial<Overrides>): Simulation.Scenario =>
  Simulation.scenario(
    name,
    {
      describe: ClusterTrace.describe(),
      faults: { network: { delay: { exponential: { min: "1 millis", mean: "10 millis" } } } },
      strict: true,
    },
    (sim) =>
      Effect.gen(function* () {
        const recorder = new ClusterRecorder()
        const names = Array.from({ length: yield* Random.nextIntBetween(3, 6) }, (_, i) => `n${i + 1}`)
        yield* checkGuarantees(recorder)
        const nodes = yield* sim.nodes(names, (node) => Member.layer(node, { recorder, seeds: ["n1"], overrides }))
        yield* sim.until("everybody lists everybody", () => everybodyListsEverybody(nodes), { within: "1 minute" })
        const before = recorder.count("Suspected")
        yield* Invariant.always("nobody is suspected", () => recorder.count("Suspected") === before)
        const [a = "", b = ""] = yield* Random.shuffle(names)
        yield* (yield* Random.nextBoolean) ? sim.network.partition([a], [b]) : sim.network.partitionOneWay([a], [b])
        yield* Effect.sleep(yield* Random.nextIntBetween(1_000, 60_000))
        yield* sim.network.heal
        yield* sim.converges(() => everybodyListsEverybody(nodes))
      }),
  )

/** The scenario without a defect. */
export const oneCutLink = reachable("a node that some member reaches is not suspected")

/**
 * Scenario in which one side loses a connection and dials again while the other side still reads from the old
 * connection. The swarm found a defect here: the old connection had the greater rank, and its messages arrived after
 * the messages of the new one.
 */
export const lostOnOneSide = cluster("messages of a lost connection arrive before messages of the next connection", {
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
 * Makes a scenario in which two nodes lose their link all the time and dial each other simultaneously. One of the two
 * connections replaces the other, whose send queue is full.
 */
export const crossing = (name: string, overrides: Partial<Overrides> = {}): Simulation.Scenario =>
  cluster(name, {
    size: [2, 3],
    seconds: 12,
    talk: [5, 30],
    overrides,
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

/** The scenario without a defect. */
export const crossed = crossing("accepted messages arrive although two nodes dial each other simultaneously")

/** Two to twelve nodes under all kinds of faults. One run in four has a further member, which babbles. */
export const anything = cluster("a cluster survives anything", {
  size: [2, 12],
  seconds: 20,
  faults: everything,
  babblers: 4,
  wrongClocks: 4,
  goals: ["Joined", "Left", "Suspected", "Recovered", "Failed", "Replaced", "Unreachable", "Reachable"],
})

/** Six to twelve nodes with two watchers each, which seldom send messages, under the faults of {@link anything}. */
export const fewWatchers = cluster("a cluster with few watchers survives anything", {
  size: [6, 12],
  seconds: 30,
  faults: everything,
  babblers: 4,
  wrongClocks: 4,
  talk: [2_000, 15_000],
  policies: FailureDetector.layer({ watchers: 2, idleHeartbeat: "3 seconds" }),
  goals: ["Joined", "Left", "Suspected", "Recovered", "Failed", "Replaced", "Unreachable", "Reachable"],
})

/** Two to six nodes under the faults of {@link anything}. A run takes a quarter of the time. */
export const small = cluster("a small cluster survives anything", {
  size: [2, 6],
  seconds: 20,
  faults: everything,
  babblers: 4,
  wrongClocks: 4,
  goals: ["Joined", "Left", "Suspected", "Recovered", "Failed", "Replaced"],
})

/** Two to six nodes whose proofs are withdrawn under all kinds of faults. */
export const withdrawn = cluster("a cluster survives withdrawn proofs and anything else", {
  size: [2, 6],
  seconds: 20,
  faults: everything,
  withdrawals: true,
})

/** Three nodes for ten seconds under all kinds of faults: the scenario that the benchmarks measure. */
export const three = cluster("three nodes", { size: [3, 3], seconds: 10, faults: everything })
