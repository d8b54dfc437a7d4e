/**
 * A member that babbles. It completes handshakes, and answers heartbeats, requests and digests like a member. Between
 * the answers it sends frames that no correct member would send. When the babble of the run is spent, it leaves, closes
 * its connections, or falls silent.
 */
import type * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { maxIncarnation } from "../../src/protocol/constants.ts"
import { rejectCodes, type Frame } from "../../src/protocol/Frame.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { FrameDecoder } from "../../src/wire/FrameDecoder.ts"
import { RawPeer, addressOf, hello, record } from "../cluster/RawPeer.ts"
import type { BabbleBudget } from "./BabbleBudget.ts"
import * as Babble from "./babble.ts"

export interface Options {
  readonly budget: BabbleBudget
  /** Names of the correct members. */
  readonly members: ReadonlyArray<string>
  readonly seeds: ReadonlyArray<string>
  /** Kinds of babble from which each life of a babbler draws some. Defaults to all kinds. */
  readonly kinds?: ReadonlyArray<Babble.Kind> | undefined
  /** Name of the cluster. */
  readonly label: string
}

/** Time for a handshake. */
const patience = "3 seconds"

/** Pause between two rounds of dials. */
const redial = "1 second"

/** Window that no scenario fills, because a babbler grants no credit. */
const endless = 1_000_000_000

/** Minimum and maximum pause between two turns of a babbler, in milliseconds. */
const pause = [5, 500] as const

/** Time for which a babbler that falls silent keeps its connections. */
const silence = "20 seconds"

const ends = ["leave", "close", "fall silent"] as const

const currentMillis = Effect.clockWith((clock) => clock.currentTimeMillis)

interface Link {
  readonly peer: RawPeer
  /** Name of the member at the other end, once it is known. */
  to: string | undefined
  /** Generation of that member. */
  generation: number | undefined
}

class Babbler {
  private readonly name: string
  private readonly options: Options
  private readonly transport: Transport.Transport["Service"]
  private readonly addresses: ReadonlyArray<Address.Address>
  /** Newest record of each correct member, as its owner or another member sent it. */
  private readonly heard = new Map<string, PeerRecord>()
  private readonly links = new Set<Link>()
  private generation: number
  private incarnation = 0
  private epoch = 0
  private isSilent = false
  /** `true` if this babbler answers some of the peers that dial it with a refusal, or not to the end. */
  private refuses = false

  constructor(
    options: Options & {
      readonly name: string
      readonly transport: Transport.Transport["Service"]
      readonly address: Address.Address
      readonly generation: number
    },
  ) {
    const { address, generation, name, transport } = options
    this.options = options
    this.name = name
    this.transport = transport
    this.addresses = [address]
    this.generation = generation
  }

  private get record(): PeerRecord {
    const { addresses, generation, incarnation, name } = this
    return record({ name, generation, incarnation, addresses })
  }

  // ---- connections ----

  /** Handles a connection that a member dialed. */
  readonly accept = (connection: Transport.Connection): Effect.Effect<void> =>
    Effect.gen({ self: this }, function* () {
      const link = this.open(connection)
      if (this.refuses && (yield* Random.nextBoolean)) return yield* this.refuse(link)
      const { addresses, generation, incarnation, name } = this
      yield* Effect.timeout(link.peer.answerHandshake({ name, generation, incarnation, addresses }), patience)
      yield* this.talk(link)
    }).pipe(Effect.scoped, Effect.ignore)

  /** Answers a Hello with a refusal that has no reason, or with a HelloAck that no Ready follows. */
  private refuse({ peer }: Link) {
    return Effect.gen({ self: this }, function* () {
      const hello = yield* Effect.timeout(peer.receiveFrame("Hello"), patience)
      const code = rejectCodes[yield* Random.nextIntBetween(0, rejectCodes.length)]
      if (code === undefined) {
        const { record } = this
        const limits = { window: endless, linkTimeout: 3_000 }
        yield* peer.send({
          _tag: "HelloAck",
          version: 1,
          record,
          instance: 0,
          viewHash: 0n,
          observedHost: "b",
          ...limits,
        })
        return yield* Effect.sleep("10 seconds")
      }
      const hasClaim = code === "stale" || code === "duplicate"
      const claim = hasClaim ? { atLeastGeneration: hello.record.generation + 1 } : {}
      yield* peer.send({ _tag: "HelloReject", code, message: "babble", ...claim })
      yield* Effect.timeout(peer.receiveAll, patience)
    })
  }

  /** Dials the seeds and the known members without a link, repeatedly. */
  get dialing(): Effect.Effect<never, never, Scope.Scope> {
    const round = Effect.suspend(() => {
      const linked = new Set([...this.links].map(({ to }) => to))
      const known = [...this.heard.values()].filter(({ name }) => !linked.has(name))
      const missing = known.flatMap(({ body }) => body.addresses.slice(0, 1))
      const seeds = this.heard.size === 0 ? this.options.seeds.map((seed) => addressOf(seed)) : []
      return Effect.forEach([...missing, ...seeds], (address) => Effect.forkScoped(this.dial(address)), {
        discard: true,
      })
    })
    return Effect.forever(Effect.andThen(round, Effect.sleep(redial)))
  }

  private dial(address: Address.Address): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const connection = yield* Effect.timeout(this.transport.connect(address), patience)
      const link = this.open(connection)
      if (yield* Effect.timeout(this.greet(link, address), patience)) yield* this.talk(link)
    }).pipe(Effect.scoped, Effect.ignore)
  }

  /** Starts the handshake of a connection that this babbler dialed. Returns `true` if the handshake completed. */
  private greet({ peer }: Link, dialedAddress: Address.Address) {
    return Effect.gen({ self: this }, function* () {
      const { label } = this.options
      const { name, record } = this
      yield* peer.send(hello({ name, label, record, dialedAddress, linkEpoch: ++this.epoch, window: endless }))
      const answer = yield* peer.receive
      if (answer?._tag === "HelloReject" && answer.atLeastGeneration !== undefined) {
        this.generation = Math.max(this.generation, answer.atLeastGeneration)
      }
      if (answer?._tag !== "HelloAck") return false
      if (answer.youAre !== undefined) this.refute(answer.youAre.incarnation)
      yield* peer.send({ _tag: "Ready", incarnation: this.incarnation, viewHash: 0n })
      return (yield* peer.receive)?._tag === "Ready"
    })
  }

  /** Wraps a connection, so that several fibers can write on it and every arriving frame is recorded. */
  private open(connection: Transport.Connection): Link {
    const writing = Semaphore.makeUnsafe(1)
    const decoder = new FrameDecoder({ maxFrameBytes: 1 << 20 })
    const link: Link = {
      to: undefined,
      generation: undefined,
      peer: new RawPeer({
        ...connection,
        write: (chunks) => writing.withPermits(1)(connection.write(chunks)),
        pull: Effect.tap(connection.pull, (chunks) =>
          Effect.sync(() => {
            const frames: Array<Frame> = []
            for (const chunk of chunks) decoder.feed(chunk.slice(), frames)
            for (const frame of frames) this.hear(link, frame)
          }),
        ),
      }),
    }
    return link
  }

  private hear(link: Link, frame: Frame): void {
    // The next connection must outrank the connections of the member, which would not use it otherwise.
    if (frame._tag === "Hello") this.epoch = Math.max(this.epoch, frame.linkEpoch)
    if (frame._tag === "Hello" || frame._tag === "HelloAck") {
      link.to = frame.record.name
      link.generation = frame.record.generation
      this.learn([frame.record])
    }
    if (frame._tag === "Update" || frame._tag === "SyncDelta") this.learn(frame.records)
  }

  /** Keeps the newest alive records. Ignores returning babble, because its addresses lead nowhere. */
  private learn(records: ReadonlyArray<PeerRecord>): void {
    for (const each of records) {
      if (each.status !== "alive" || !this.options.members.includes(each.name)) continue
      if (each.body.metadata["forged"] !== undefined) continue
      const known = this.heard.get(each.name)
      if (known === undefined || known.generation <= each.generation) this.heard.set(each.name, each)
    }
  }

  // ---- frames of a correct member ----

  private talk(link: Link): Effect.Effect<void, Transport.TransportError, Scope.Scope> {
    const { peer } = link
    return Effect.gen({ self: this }, function* () {
      yield* peer.send({ _tag: "LaneOpen", lanes: [], last: true })
      yield* Effect.acquireRelease(
        Effect.sync(() => this.links.add(link)),
        () => Effect.sync(() => this.links.delete(link)),
      )
      yield* Effect.forkScoped(Effect.ignore(this.beat(peer)))
      while (true) {
        const frame = yield* peer.receive
        if (frame === undefined || frame._tag === "Bye") return
        if (!this.isSilent) yield* peer.send(...this.answersTo(frame))
      }
    })
  }

  private beat(peer: RawPeer): Effect.Effect<void, Transport.TransportError> {
    return Effect.gen({ self: this }, function* () {
      let viewHash = 0n
      for (let seq = 0; !this.isSilent; seq++) {
        // A view hash that does not change makes the other side start an exchange of digests.
        if ((yield* Random.nextIntBetween(0, 3)) === 0) viewHash = BigInt(yield* Random.nextIntBetween(0, 1_000))
        yield* peer.send({ _tag: "Ping", seq, viewHash, lag: 0 })
        yield* Effect.sleep("1 second")
      }
    })
  }

  private answersTo(frame: Frame): ReadonlyArray<Frame> {
    switch (frame._tag) {
      case "Ping":
        return [{ _tag: "Pong", seq: frame.seq, viewHash: 0n, lag: 0 }]
      case "Leave":
        return [{ _tag: "LeaveAck", generation: frame.generation }]
      case "LaneClose":
        return [{ _tag: "LaneClosed", lane: frame.lane }]
      case "SyncDigest":
        return frame.last ? [{ _tag: "SyncDelta", records: [this.record], want: [] }] : []
      case "ProbeRequest": {
        const known = this.heard.get(frame.target)
        // A member that answers up about an unknown life makes others list a life that never existed and that no peer
        // can refute.
        const isLinked = [...this.links].some(
          ({ generation, to }) => to === frame.target && generation === frame.generation,
        )
        const verdict = isLinked ? "up" : known?.generation === frame.generation ? "down" : "unknown"
        return [{ _tag: "ProbeResult", id: frame.id, verdict }]
      }
      case "YouAre":
        return frame.generation === this.generation ? [this.refute(frame.incarnation)] : []
      default:
        return []
    }
  }

  /** Raises the incarnation above a reported one. Returns the Update with the new record. */
  private refute(incarnation: number): Frame {
    this.incarnation = Math.min(Math.max(this.incarnation, incarnation + 1), maxIncarnation)
    return { _tag: "Update", records: [this.record] }
  }

  // ---- babble ----

  /** Babbles until the budget is spent. */
  get babbling(): Effect.Effect<void> {
    const { budget, kinds: among } = this.options
    return Effect.gen({ self: this }, function* () {
      const kinds = yield* Babble.drawKinds(among)
      this.refuses = among === undefined && (yield* Random.nextBoolean)
      while (!budget.isSpent) {
        yield* Effect.sleep(yield* Random.nextIntBetween(...pause))
        const links = [...this.links]
        const link = links[yield* Random.nextIntBetween(0, Math.max(0, links.length - 1))]
        if (link?.to === undefined || this.heard.size === 0 || budget.isSpent) continue
        const { frames, kind } = yield* Babble.draw(kinds, { to: link.to, records: [...this.heard.values()] })
        budget.spend(kind)
        yield* Effect.ignore(Effect.timeout(link.peer.send(...frames), patience))
      }
    })
  }

  /** Ends in one of the ways in which a member ends. */
  get ending(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const how = ends[yield* Random.nextIntBetween(0, ends.length - 1)] ?? "close"
      if (how === "close") return
      if (how === "fall silent") {
        this.isSilent = true
        return yield* Effect.sleep(silence)
      }
      for (const { peer } of this.links) {
        const leaving = peer.send({ _tag: "Leave", generation: this.generation })
        const bye = peer.send({ _tag: "Bye", code: "left", message: "" })
        yield* Effect.ignore(Effect.timeout(Effect.andThen(leaving, bye), patience))
      }
      yield* Effect.sleep("1 second")
    })
  }
}

/**
 * Creates a node that babbles. A life that starts after the budget is spent does nothing, so that a restarted babbler
 * does not start again.
 */
export const layer = (
  name: string,
  options: Options,
): Layer.Layer<never, Transport.TransportError, Transport.Transport> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { budget } = options
      if (budget.isSpent) return budget.end(name)
      const transport = yield* Transport.Transport
      const scope = yield* Scope.fork(yield* Effect.scope)
      const {
        addresses: [address],
        run,
      } = yield* Scope.provide(transport.listen, scope)
      const babbler = new Babbler({ ...options, name, transport, address, generation: yield* currentMillis })
      yield* Effect.forkIn(run(babbler.accept), scope)
      yield* Effect.forkIn(Scope.provide(babbler.dialing, scope), scope)
      yield* babbler.babbling.pipe(
        Effect.andThen(babbler.ending),
        Effect.andThen(Scope.close(scope, Exit.void)),
        Effect.andThen(Effect.sync(() => budget.end(name))),
        Effect.forkScoped,
      )
    }),
  )
