/**
 * Clusters of hundreds of nodes in four phases: all nodes start at once with one seed, rest, a tenth is killed at once,
 * and the tenth restarts. The budget of each phase is a sum of terms, which docs/scale.md explains.
 */
import * as FailureDetector from "@coterie/core/FailureDetector"
import { Simulation } from "@coterie/testkit"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Frame from "../../src/protocol/Frame.ts"
import { parse } from "../../src/Address.ts"
import * as Limits from "../../src/Limits.ts"
import * as Settings from "../../src/membership/Settings.ts"
import { expectedConfirmations } from "../../src/membership/suspicionTimer.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import * as FrameEncoder from "../../src/wire/FrameEncoder.ts"
import * as FrameCount from "./frameCount.ts"
import * as QuietPeriods from "./QuietPeriods.ts"
import { ViewTracker } from "./ViewTracker.ts"

export type PhaseName = "boot" | "rest" | "kill" | "restart"

export interface Phase {
  readonly name: PhaseName
  /** Virtual time until all nodes agree, or the length of the rest phase. */
  readonly seconds: number
  /** Frames that one node wrote, on average. */
  readonly frames: number
  readonly bytes: number
  readonly kinds: FrameCount.Counts
}

/** Term of a budget, for one node. */
export interface Term {
  readonly what: string
  readonly frames: number
  readonly bytes: number
}

export interface Budget {
  readonly seconds: number
  readonly terms: ReadonlyArray<Term>
  readonly frames: number
  readonly bytes: number
}

/** Returns the number of nodes that are killed. */
export const tenth = (size: number): number => Math.max(1, Math.floor(size / 10))

const restSeconds = 5

// ---- sizes of frames ----

const address = Result.getOrThrow(parse("n1000:24868"))

/** A record like the records of the scenario, with the longest name. */
const record: PeerRecord = {
  name: "n1000",
  generation: 1_800_000_000_000,
  incarnation: 3,
  status: "suspect",
  body: {
    addresses: [address],
    metadata: {},
    versionMin: 1,
    versionMax: 1,
    features: [],
  },
  by: "n1000",
  refused: true,
}

const { generation, incarnation, status } = record
const youAre = { generation, incarnation, status }
const size = (frame: Frame.Frame): number => FrameEncoder.encode(frame).length

const helloBytes = size({
  _tag: "Hello",
  versionMin: 1,
  versionMax: 1,
  label: "quiet",
  record,
  instance: 2 ** 52 - 1,
  linkEpoch: 0xffff_ffff,
  dialedAddress: address,
  viewHash: 1n,
  window: Limits.defaults.inboxWindowBytes,
  linkTimeout: 3_000,
})
const helloAckBytes = size({
  _tag: "HelloAck",
  version: 1,
  record,
  instance: 2 ** 52 - 1,
  viewHash: 1n,
  window: Limits.defaults.inboxWindowBytes,
  linkTimeout: 3_000,
  observedHost: record.name,
  youAre,
})
const readyBytes = size({ _tag: "Ready", incarnation, viewHash: 1n, youAre })
const laneOpenBytes = size({ _tag: "LaneOpen", lanes: [], last: true })
const heartbeatBytes = size({ _tag: "Ping", seq: 1, viewHash: 1n, lag: 0 })
const frameBytes = size({ _tag: "Update", records: [] })
const recordBytes = size({ _tag: "Update", records: [record] }) - frameBytes
const deltaBytes = size({ _tag: "SyncDelta", records: [], want: [] })
const keyBytes = size({ _tag: "SyncDigest", entries: [record], last: true }) - deltaBytes
const questionBytes = size({ _tag: "ProbeRequest", id: 0xffff_ffff, target: record.name, generation, deadline: 500 })
const answerBytes = size({ _tag: "ProbeResult", id: 0xffff_ffff, verdict: "refused" })

// ---- budgets ----

const settings = Settings.defaults

const budget = (seconds: number, terms: ReadonlyArray<Term>): Budget => ({
  seconds,
  terms,
  frames: terms.reduce((sum, { frames }) => sum + frames, 0),
  bytes: terms.reduce((sum, { bytes }) => sum + bytes, 0),
})

/** A Ping and a Pong per link and heartbeat. A node writes half of them. No link is idle soon after its use. */
const heartbeats = (nodes: number, seconds: number): Term => {
  const frames = ((nodes - 1) * seconds * 1_000) / settings.heartbeat
  return { what: "heartbeats", frames, bytes: frames * heartbeatBytes }
}

const { idleHeartbeat, watchers } = FailureDetector.lan

/** Number of links of a node that are idle at rest: all but those to its watchers. */
const idleLinks = (nodes: number): number => Math.max(0, nodes - 1 - watchers)

/** Heartbeats of a node whose links are idle, except those of its watchers. */
const heartbeatsAtRest = (nodes: number, seconds: number): Term => {
  const idle = idleLinks(nodes)
  const frames =
    ((nodes - 1 - idle) * seconds * 1_000) / settings.heartbeat +
    (idle * seconds * 1_000) / Duration.toMillis(idleHeartbeat)
  return { what: "heartbeats", frames, bytes: frames * heartbeatBytes }
}

/** A Ping and a Pong per idle link, at its first use by a question or an accusation. A node writes half of them. */
const wakes = (nodes: number): Term => {
  const frames = idleLinks(nodes)
  return { what: "heartbeats of idle links at their first use", frames, bytes: frames * heartbeatBytes }
}

/**
 * Four frames per pair. One more Hello if more than {@link Limits.Limits.handshakes} nodes dial one node at once: a
 * node whose place a newer connection took dials again.
 */
const handshakes = (nodes: number, pairs: number): Term => {
  const each = pairs / nodes
  const retries = nodes - 1 > Limits.defaults.handshakes ? each : 0
  return {
    what: "handshakes",
    frames: each * 4 + retries,
    bytes: each * (helloBytes + helloAckBytes + 2 * readyBytes) + retries * helloBytes,
  }
}

/** Two frames per pair: after the handshake each side announces the lanes that it reads, even if there are none. */
const laneOpens = (nodes: number, pairs: number): Term => {
  const frames = (2 * pairs) / nodes
  return { what: "lanes that are read", frames, bytes: frames * laneOpenBytes }
}

/**
 * Gossip about `joiners`. The first member that a joiner meets broadcasts its record, and each node relays the record
 * once. Nodes collect records for the update delay, so simultaneous joiners share frames. A joiner that gave way joins
 * alone.
 */
const joins = (nodes: number, joiners: number): Term => {
  const fanOut = settings.relayFanOut(nodes)
  const alone = Math.max(0, joiners - Limits.defaults.handshakes)
  // For simultaneous joiners: one frame to nodes that learn of them from gossip, and one to nodes that met them before.
  const frames = (2 + alone) * (1 + fanOut)
  return { what: "gossip about joiners", frames, bytes: frames * frameBytes + joiners * (1 + fanOut) * recordBytes }
}

/**
 * Each joiner exchanges digests with the first member that it meets, and receives all records. In addition, each node
 * may start an exchange every {@link Settings.Settings.syncInterval} while views differ: a digest and two answers.
 */
const digests = (nodes: number, joiners: number, seconds: number): Term => {
  const share = joiners / nodes
  const more = (seconds * 1_000) / settings.syncInterval
  return {
    what: "digests",
    frames: 3 * (share + more),
    bytes:
      share * (deltaBytes + keyBytes + 2 * deltaBytes + nodes * recordBytes) +
      more * (3 * deltaBytes + nodes * keyBytes) +
      joiners * recordBytes,
  }
}

/** Indirect probes about nodes that gave way or are lost (R2, R3). */
const probes = (what: string, nodes: number, about: number): Term => {
  // One probe in ten goes to a lost node.
  const frames = about * settings.probeFanOut(nodes) * 1.1
  return { what, frames: 2 * frames, bytes: frames * (questionBytes + answerBytes) }
}

const accusations = (nodes: number, lost: number): Term => {
  const fanOut = settings.relayFanOut(nodes)
  // The node's own suspicion, the suspicions of others that shorten the timer, its own failure report, and that of
  // another node.
  const rounds = 1 + expectedConfirmations(nodes) + 2
  return {
    what: "accusations",
    frames: rounds * fanOut,
    bytes: rounds * fanOut * (frameBytes + lost * recordBytes),
  }
}

/** Seconds of a join that did not give way: three round trips and twice the update delay. */
const quick = 0.5
/** Maximum seconds of the first two pauses of a node that gave way. */
const displaced = 1 + 2

/** Returns the budget of each phase in a cluster of `nodes`. */
export const budgets = (nodes: number): Readonly<Record<PhaseName, Budget>> => {
  const lost = tenth(nodes)
  const crowded = nodes - 1 > Limits.defaults.handshakes
  const join = crowded ? quick + displaced : quick
  const verdict = settings.suspicionMin / 1_000 + quick
  const mine = lost * (nodes - lost) + (lost * (lost - 1)) / 2
  return {
    boot: budget(join, [
      handshakes(nodes, (nodes * (nodes - 1)) / 2),
      laneOpens(nodes, (nodes * (nodes - 1)) / 2),
      joins(nodes, nodes - 1),
      digests(nodes, nodes - 1, join),
      ...(crowded ? [probes("probes about nodes that are not reached yet", nodes, (nodes - 1) / 2)] : []),
      heartbeats(nodes, join),
    ]),
    rest: budget(restSeconds, [heartbeatsAtRest(nodes, restSeconds + 1)]),
    kill: budget(verdict, [
      probes("probes about lost nodes", nodes, lost),
      accusations(nodes, lost),
      heartbeats(nodes, verdict),
      wakes(nodes),
    ]),
    restart: budget(join, [
      handshakes(nodes, mine),
      laneOpens(nodes, mine),
      joins(nodes, lost),
      digests(nodes, lost, join),
      ...(crowded ? [probes("probes about nodes that are not reached yet", nodes, lost)] : []),
      heartbeats(nodes, join),
    ]),
  }
}

/** Returns a sentence for each measurement beyond its budget. */
export const excesses = (nodes: number, phases: ReadonlyArray<Phase>): ReadonlyArray<string> =>
  phases.flatMap((phase) => {
    const allowed = budgets(nodes)[phase.name]
    const measures = [
      ["seconds", phase.seconds, allowed.seconds],
      ["frames a node", phase.frames, allowed.frames],
      ["bytes a node", phase.bytes, allowed.bytes],
    ] as const
    return measures.flatMap(([unit, took, most]) =>
      took > most
        ? [`${phase.name} of ${nodes} nodes took ${took.toFixed(1)} ${unit}, and may take ${most.toFixed(1)}`]
        : [],
    )
  })

/** Network of one data centre. */
const network = { delay: { exponential: { min: "100 micros", mean: "500 micros" } } } as const

/** Creates the scenario of a cluster of `nodes`, from its start to the restart of a tenth. */
export const scale = (nodes: number, done: (phase: Phase) => void): Simulation.Scenario =>
  Simulation.scenario(
    `a cluster of ${nodes}`,
    // The nodes do not stop gracefully at the end, so leaks are indistinguishable from their open resources.
    { explore: "fifo", leaks: false, faults: { network }, timeLimit: "5 minutes" },
    (sim) =>
      Effect.gen(function* () {
        const counts: FrameCount.Counts = new Map()
        const views = new ViewTracker(sim.now)
        const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
        const lost = new Set(names.slice(nodes - tenth(nodes)))
        let before: FrameCount.Counts = new Map()
        let since = 0

        const begin = Effect.sync(() => {
          before = FrameCount.copy(counts)
          since = sim.now()
        })
        const end = (name: PhaseName): void => {
          const kinds = FrameCount.since(counts, before)
          const { bytes, frames } = FrameCount.sum(kinds)
          done({ name, seconds: (sim.now() - since) / 1e6, frames: frames / nodes, bytes: bytes / nodes, kinds })
        }
        const together = sim.until("everybody lists everybody", () => views.live === nodes * (nodes - 1), {
          within: "10 minutes",
        })
        // Heartbeats find the differences that gossip did not remove.
        const settle = Effect.sleep("2 seconds")

        yield* begin
        const running = yield* sim.nodes(names, (name) => QuietPeriods.layer(name, { views, counts, seeds: ["n1"] }))
        const each = Object.values(running)
        yield* together
        end("boot")
        // Until links without messages are idle.
        yield* Effect.sleep(Duration.sum(idleHeartbeat, Duration.seconds(3)))

        yield* begin
        yield* Effect.sleep(`${restSeconds} seconds`)
        end("rest")

        yield* begin
        const verdicts = views.failed + lost.size * (nodes - lost.size)
        for (const node of each) {
          if (!lost.has(node.name)) continue
          yield* node.crash
          views.remove(node.name)
        }
        yield* sim.until("every death is noticed", () => views.failed >= verdicts, { within: "10 minutes" })
        end("kill")
        yield* settle

        yield* begin
        yield* Effect.forEach(
          each.filter(({ name }) => lost.has(name)),
          (node) => node.restart,
          { concurrency: "unbounded", discard: true },
        )
        yield* together
        end("restart")
        // Leaving is not part of the measured phases.
        yield* Effect.forEach(each, (node) => node.powerOff, { discard: true })
      }),
  )
