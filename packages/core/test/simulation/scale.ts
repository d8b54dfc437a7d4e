/**
 * Clusters of hundreds: all start at one moment and know one seed, rest, lose a tenth at one moment, and get it back. What
 * each phase may cost is a sum, term by term, which docs/scale.md explains.
 */
import { Simulation } from "@coterie/testkit"
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

export type PhaseName = "boot" | "rest" | "kill" | "restart"

export interface Phase {
  readonly name: PhaseName
  /** Until all agree, or how long was rested; in virtual time. */
  readonly seconds: number
  /** What one node wrote, on average. */
  readonly frames: number
  readonly bytes: number
  readonly kinds: FrameCount.Counts
}

/** One summand of a budget, for one node. */
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

/** How many of so many are killed. */
export const tenth = (size: number): number => Math.max(1, Math.floor(size / 10))

const restSeconds = 5

// ---- what a frame weighs ----

const address = Result.getOrThrow(parse("n1000:7946"))

/** A record like those of the scenario, of the longest name. */
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
  linkEpoch: 0xffff_ffff,
  dialedAddress: address,
  viewHash: 1n,
  window: Limits.defaults.inboxWindow,
})
const helloAckBytes = size({
  _tag: "HelloAck",
  version: 1,
  record,
  viewHash: 1n,
  window: Limits.defaults.inboxWindow,
  observedHost: record.name,
  youAre,
})
const readyBytes = size({ _tag: "Ready", incarnation, viewHash: 1n, youAre })
const rejectBytes = size({ _tag: "HelloReject", code: "busy", message: "x".repeat(50), retryAfter: 1_000 })
const heartbeatBytes = size({ _tag: "Ping", seq: 1, viewHash: 1n, lag: 0 })
const frameBytes = size({ _tag: "Update", records: [] })
const recordBytes = size({ _tag: "Update", records: [record] }) - frameBytes
const deltaBytes = size({ _tag: "SyncDelta", records: [], want: [] })
const keyBytes = size({ _tag: "SyncDigest", entries: [record], last: true }) - deltaBytes
const questionBytes = size({ _tag: "ProbeRequest", id: 0xffff_ffff, target: record.name, generation, deadline: 500 })
const answerBytes = size({ _tag: "ProbeResult", id: 0xffff_ffff, verdict: "refused" })

// ---- the sums ----

const settings = Settings.defaults

const budget = (seconds: number, terms: ReadonlyArray<Term>): Budget => ({
  seconds,
  terms,
  frames: terms.reduce((sum, { frames }) => sum + frames, 0),
  bytes: terms.reduce((sum, { bytes }) => sum + bytes, 0),
})

/** A Ping and a Pong for each link and heartbeat, of which a node writes the half. */
const heartbeats = (nodes: number, seconds: number): Term => {
  const frames = ((nodes - 1) * seconds * 1_000) / settings.heartbeat
  return { what: "heartbeats", frames, bytes: frames * heartbeatBytes }
}

/**
 * Four frames for each pair; and once more Hello and HelloReject, because more than {@link Limits.Limits.handshakes} may dial
 * one node at one moment.
 */
const handshakes = (nodes: number, pairs: number): Term => {
  const each = pairs / nodes
  const retries = nodes - 1 > Limits.defaults.handshakes ? each : 0
  return {
    what: "handshakes",
    frames: each * 4 + retries * 2,
    bytes: each * (helloBytes + helloAckBytes + 2 * readyBytes) + retries * (helloBytes + rejectBytes),
  }
}

/**
 * News of `joiners`. Each record is told to a node once by whom the joiner met first, and relayed once by each node. They
 * gather for the delay of news, so that those that come together make few frames; whom the first had no room for comes alone.
 */
const joins = (nodes: number, joiners: number): Term => {
  const fanOut = settings.relayFanOut(nodes)
  const alone = Math.max(0, joiners - Limits.defaults.handshakes)
  // Of those that come together: who is told or hears of it from others, and who meets them before.
  const frames = (2 + alone) * (1 + fanOut)
  return { what: "news of who joins", frames, bytes: frames * frameBytes + joiners * (1 + fanOut) * recordBytes }
}

/**
 * Each joiner asks the first that it meets and is told of all. Besides, each node may begin an exchange every
 * {@link Settings.Settings.syncInterval} while views differ, a digest and two answers, which bring what news did not.
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

/** Whom nobody has room for is asked about like a lost one (R2). */
const questions = (what: string, nodes: number, about: number): Term => {
  // One in ten is asked in vain, because it is among the lost.
  const frames = about * settings.probeFanOut(nodes) * 1.1
  return { what, frames: 2 * frames, bytes: frames * (questionBytes + answerBytes) }
}

const accusations = (nodes: number, lost: number): Term => {
  const fanOut = settings.relayFanOut(nodes)
  // One's own suspicion, those of as many others as shorten the timer, one's own verdict, and that of another.
  const rounds = 1 + expectedConfirmations(nodes) + 2
  return {
    what: "suspicions and verdicts",
    frames: rounds * fanOut,
    bytes: rounds * fanOut * (frameBytes + lost * recordBytes),
  }
}

/** What is over a second after it began, if nobody was turned away: three round trips and twice the delay of news. */
const quick = 0.5
/** The first two pauses of somebody who was turned away, at most. */
const turnedAway = 1 + 2

/** What a phase may take and cost, in a cluster of `nodes`. */
export const budgets = (nodes: number): Readonly<Record<PhaseName, Budget>> => {
  const lost = tenth(nodes)
  const crowded = nodes - 1 > Limits.defaults.handshakes
  const join = crowded ? quick + turnedAway : quick
  const verdict = settings.suspicionMin / 1_000 + quick
  const mine = lost * (nodes - lost) + (lost * (lost - 1)) / 2
  return {
    boot: budget(join, [
      handshakes(nodes, (nodes * (nodes - 1)) / 2),
      joins(nodes, nodes - 1),
      digests(nodes, nodes - 1, join),
      ...(crowded ? [questions("questions about whom nobody reaches yet", nodes, (nodes - 1) / 2)] : []),
      heartbeats(nodes, join),
    ]),
    rest: budget(restSeconds, [heartbeats(nodes, restSeconds + 1)]),
    kill: budget(verdict, [
      questions("questions about the lost", nodes, lost),
      accusations(nodes, lost),
      heartbeats(nodes, verdict),
    ]),
    restart: budget(join, [
      handshakes(nodes, mine),
      joins(nodes, lost),
      digests(nodes, lost, join),
      ...(crowded ? [questions("questions about whom nobody reaches yet", nodes, lost)] : []),
      heartbeats(nodes, join),
    ]),
  }
}

/** What was over its budget, as sentences. */
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

/** One data centre. */
const network = { delay: { exponential: { min: "100 micros", mean: "500 micros" } } } as const

/** A cluster of `nodes`, from its start to a restart of a tenth. */
export const scale = (nodes: number, done: (phase: Phase) => void): Simulation.Scenario =>
  Simulation.scenario(
    `a cluster of ${nodes}`,
    // Nobody stops in good order at the end, so there is nothing that could be left behind.
    { explore: "fifo", leaks: false, faults: { network }, timeLimit: "5 minutes" },
    (sim) =>
      Effect.gen(function* () {
        const counts: FrameCount.Counts = new Map()
        const board = QuietPeriods.makeBoard(sim.now)
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
        const together = sim.until(() => board.live() === nodes * (nodes - 1))
        // Heartbeats find what news have left different, if anything.
        const settle = Effect.sleep("2 seconds")

        yield* begin
        const running = yield* sim.nodes(names, (name) =>
          QuietPeriods.layer(name, { board, counts, seeds: ["n1:7946"] }),
        )
        const each = Object.values(running)
        yield* together
        end("boot")
        yield* settle

        yield* begin
        yield* Effect.sleep(`${restSeconds} seconds`)
        end("rest")

        yield* begin
        const verdicts = board.failed() + lost.size * (nodes - lost.size)
        for (const node of each) {
          if (!lost.has(node.name)) continue
          yield* node.crash
          board.gone(node.name)
        }
        yield* sim.until(() => board.failed() >= verdicts)
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
        // A farewell of each to each is another matter.
        yield* Effect.forEach(each, (node) => node.powerOff, { discard: true })
      }),
  )
