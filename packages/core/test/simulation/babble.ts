/**
 * Content of babble: frames that keep the form of the protocol, with content that no correct member would send.
 * Everything is drawn from `Random`, so the seed of a simulation determines it.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { maxGeneration, maxIncarnation } from "../../src/protocol/constants.ts"
import type { Frame } from "../../src/protocol/Frame.ts"
import type { Key, PeerRecord, Status } from "../../src/protocol/PeerRecord.ts"
import { addressOf, record } from "../cluster/RawPeer.ts"

/** Knowledge of a babbler when it sends to a member. */
export interface Hearing {
  /** Name of the member that receives the babble. */
  readonly to: string
  /** Newest known records of correct members, at least one. */
  readonly records: ReadonlyArray<PeerRecord>
}

type Frames = Effect.Effect<ReadonlyArray<Frame>>

const below = (count: number): Effect.Effect<number> => Random.nextIntBetween(0, count - 1)

const oneOf = <A>(items: readonly [A, ...ReadonlyArray<A>]): Effect.Effect<A> =>
  Effect.map(below(items.length), (i) => items[i] ?? items[0])

const listOf = <A>(count: number, item: Effect.Effect<A>): Effect.Effect<ReadonlyArray<A>> =>
  Effect.forEach(Array.from({ length: count }), () => item)

const clamp = (value: number, most: number): number => Math.min(Math.max(value, 0), most)

const second = 1_000
const hour = 3_600 * second

/** Steps from a generation: to lives that have ended, to possible lives, and beyond the maximum lead of 24 hours. */
const generationSteps = [-hour, -1, 1, second, 23 * hour, 25 * hour] as const

/**
 * Steps from an incarnation: the same, the next incarnations, and incarnations around the bounds on reports of others.
 */
const incarnationSteps = [0, 0, 1, 2, 1_000, 65_536, 131_072, 10_000_000, maxIncarnation] as const

const statuses = ["alive", "suspect", "failed", "left"] as const
const accusations = ["suspect", "failed", "left"] as const

// ---- records ----

const accused = (status: Status, by: string): Partial<PeerRecord> =>
  status === "suspect" || status === "failed" ? { status, by } : { status, by: undefined }

/** Creates a body that its owner did not publish, with an unused address and other metadata. */
const forgedBody = (of: PeerRecord, draw: number): PeerRecord["body"] => ({
  ...of.body,
  addresses: draw % 2 === 0 ? of.body.addresses : [addressOf(`forged-${draw}:24868`)],
  metadata: { forged: String(draw) },
})

const drawGhost = (hearing: Hearing): Effect.Effect<PeerRecord> =>
  Effect.gen(function* () {
    const number = yield* below(1_000_000)
    const name = `ghost-${number}`
    const real = yield* drawReal(hearing)
    // Most ghosts have an unreachable address, and some have the address of another peer.
    const addresses = (yield* below(4)) === 0 ? real.body.addresses : [addressOf(`${name}:24868`)]
    const status = yield* oneOf(statuses)
    return record({ name, generation: real.generation + number, addresses, ...accused(status, real.name) })
  })

const drawReal = ({ records, to }: Hearing): Effect.Effect<PeerRecord> =>
  Effect.gen(function* () {
    // Half of the claims are about the member that receives them.
    const own = records.find(({ name }) => name === to)
    if (own !== undefined && (yield* Random.nextBoolean)) return own
    return records[yield* below(records.length)] ?? record()
  })

const drawAccusation = (hearing: Hearing): Effect.Effect<PeerRecord> =>
  Effect.gen(function* () {
    const real = yield* drawReal(hearing)
    const incarnation = clamp(real.incarnation + (yield* oneOf(incarnationSteps)), maxIncarnation)
    const by = yield* oneOf([`ghost-${yield* below(10)}`, hearing.to])
    return { ...real, incarnation, ...accused(yield* oneOf(accusations), by) }
  })

const drawOtherLife = (hearing: Hearing): Effect.Effect<PeerRecord> =>
  Effect.gen(function* () {
    const real = yield* drawReal(hearing)
    const generation = clamp(real.generation + (yield* oneOf(generationSteps)), maxGeneration)
    const incarnation = yield* oneOf(incarnationSteps)
    return { ...real, generation, incarnation, ...accused(yield* oneOf(statuses), hearing.to) }
  })

const drawForged = (hearing: Hearing): Effect.Effect<PeerRecord> =>
  Effect.gen(function* () {
    const real = yield* drawReal(hearing)
    return { ...real, body: forgedBody(real, yield* below(1_000_000)) }
  })

const drawFar = (hearing: Hearing): Effect.Effect<PeerRecord> =>
  Effect.gen(function* () {
    const forged = yield* drawForged(hearing)
    return { ...forged, incarnation: clamp(forged.incarnation + (yield* oneOf(incarnationSteps)), maxIncarnation) }
  })

const drawAny = (hearing: Hearing): Effect.Effect<PeerRecord> =>
  Effect.flatMap(oneOf([drawGhost, drawAccusation, drawOtherLife, drawForged, drawFar]), (draw) => draw(hearing))

// ---- frames ----

const updateOf = (records: ReadonlyArray<PeerRecord>): Frame => ({ _tag: "Update", records })

const drawUpdate =
  (draw: (hearing: Hearing) => Effect.Effect<PeerRecord>, most: number) =>
  (hearing: Hearing): Frames =>
    Effect.gen(function* () {
      return [updateOf(yield* listOf(1 + (yield* below(most)), draw(hearing)))]
    })

/** Draws several records of each of a few names in one frame. */
const drawDoubled = (hearing: Hearing): Frames =>
  Effect.gen(function* () {
    const records = yield* listOf(2 + (yield* below(6)), drawAny(hearing))
    return [updateOf([...records, ...records.toReversed()])]
  })

/** Returns left records of unknown names, more than the maximum number of tombstones, in three frames. */
const drawFlood = (): Frames =>
  Effect.gen(function* () {
    const from = yield* below(1_000_000)
    return [0, 1, 2].map((frame) =>
      updateOf(
        Array.from({ length: 500 }, (_, i) =>
          record({ name: `gone-${from + 500 * frame + i}`, status: "left", addresses: [] }),
        ),
      ),
    )
  })

const keyOf = ({ generation, incarnation, name, status }: PeerRecord): Key => ({
  name,
  generation,
  incarnation,
  status,
})

/** Keeps the first record of each name, because names in one frame are distinct. */
const distinct = (records: ReadonlyArray<PeerRecord>): ReadonlyArray<PeerRecord> => [
  ...new Map(records.toReversed().map((each) => [each.name, each])).values(),
]

/** Draws a digest of odd keys, which may have two frames and may have no end. */
const drawDigest = (hearing: Hearing): Frames =>
  Effect.gen(function* () {
    const entries = distinct(yield* listOf(1 + (yield* below(12)), drawAny(hearing))).map(keyOf)
    const more = (yield* below(3)) === 0
    const last = (yield* below(4)) !== 0
    return [
      ...(more ? [{ _tag: "SyncDigest", entries, last: false } as const] : []),
      { _tag: "SyncDigest", entries, last },
    ]
  })

/** Draws an answer to a digest that no peer sent. */
const drawDelta = (hearing: Hearing): Frames =>
  Effect.gen(function* () {
    const records = distinct(yield* listOf(yield* below(8), drawAny(hearing)))
    const want = distinct(yield* listOf(yield* below(8), drawAny(hearing))).map(({ name }) => name)
    return [{ _tag: "SyncDelta", records, want }]
  })

const drawYouAre = (hearing: Hearing): Frames =>
  Effect.gen(function* () {
    const own = hearing.records.find(({ name }) => name === hearing.to)
    const { generation, incarnation, status } = yield* drawAccusation({ ...hearing, records: own ? [own] : [record()] })
    return [{ _tag: "YouAre", generation, incarnation, status }]
  })

/** Draws probe requests about members and about peers that do not exist. */
const drawProbes = (hearing: Hearing): Frames =>
  Effect.gen(function* () {
    const targets = yield* listOf(1 + (yield* below(10)), drawAny(hearing))
    return targets.map(({ generation, name }, id) => ({
      _tag: "ProbeRequest",
      id,
      target: name,
      generation,
      deadline: 500,
    }))
  })

/** Number of control frames at once that exceeds every default limit, so that the receiver ends the link. */
const burst = 2_500

const drawBurst = (): Frames =>
  Effect.succeed(Array.from({ length: burst }, (_, id) => ({ _tag: "ProbeResult", id, verdict: "unknown" })))

/** Ends the link with a claim about the receiver. */
const drawBye = (): Frames =>
  Effect.map(oneOf(["replaced", "superseded", "silent"] as const), (code) => [{ _tag: "Bye", code, message: "babble" }])

/** Draws heartbeats that show view hashes of no view, each of them twice, so that the receiver compares the views. */
const drawHashes = (): Frames =>
  Effect.map(listOf(20, below(1_000_000)), (draws) =>
    draws.flatMap((draw) => [0, 1].map((seq) => ({ _tag: "Pong", seq, viewHash: BigInt(draw), lag: 0 }) as const)),
  )

/** Kinds of babble, with their relative frequencies. */
const kinds = {
  ghosts: [6, drawUpdate(drawGhost, 8)],
  accusations: [6, drawUpdate(drawAccusation, 4)],
  lives: [4, drawUpdate(drawOtherLife, 4)],
  bodies: [4, drawUpdate(drawForged, 4)],
  incarnations: [4, drawUpdate(drawFar, 4)],
  doubled: [4, drawDoubled],
  flood: [1, drawFlood],
  digest: [4, drawDigest],
  delta: [4, drawDelta],
  youAre: [4, drawYouAre],
  probes: [3, drawProbes],
  hashes: [3, drawHashes],
  burst: [1, drawBurst],
  bye: [1, drawBye],
} satisfies Record<string, readonly [number, (hearing: Hearing) => Frames]>

export type Kind = keyof typeof kinds

const isKind = (kind: string): kind is Kind => Object.hasOwn(kinds, kind)

/** All kinds of babble. */
export const allKinds: ReadonlyArray<Kind> = Object.keys(kinds).filter(isKind)

/**
 * Draws the kinds that a babbler sends, each with probability one half, because rare faults come from rare
 * combinations.
 */
export const drawKinds = (among: ReadonlyArray<Kind> = allKinds): Effect.Effect<ReadonlyArray<Kind>> =>
  Effect.map(
    Effect.filter(among, () => Random.nextBoolean),
    (drawn) => (drawn.length === 0 ? among : drawn),
  )

/** Draws one of these kinds and its frames. */
export const draw = (
  among: ReadonlyArray<Kind>,
  hearing: Hearing,
): Effect.Effect<{ readonly kind: Kind; readonly frames: ReadonlyArray<Frame> }> =>
  Effect.gen(function* () {
    const lots = among.flatMap((kind) => Array.from({ length: kinds[kind][0] }, () => kind))
    const kind = lots[yield* below(lots.length)] ?? "ghosts"
    return { kind, frames: yield* kinds[kind][1](hearing) }
  })
