/**
 * Reading half of a link. It reads frames, passes Data to the lanes and other frames to their handlers, and limits the
 * rate of control frames. The application cannot block the reader.
 */
import * as Effect from "effect/Effect"
import type { ReceiveLanes } from "../flow/ReceiveLanes.ts"
import type { SendLanes } from "../flow/SendLanes.ts"
import { TokenBucket } from "../internal/TokenBucket.ts"
import type { Limits } from "../Limits.ts"
import type { ControlFrame, Frame, LaneFrame, MembershipFrame, Ping, Pong } from "../protocol/Frame.ts"
import { maxExchangeRate } from "../protocol/constants.ts"
import { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import { controlCost } from "./controlCost.ts"
import { isUse } from "./isUse.ts"
import type { FrameReader } from "./FrameReader.ts"
import type { LinkEnd } from "./LinkEnd.ts"

/**
 * Number of exchanges that a peer may start per second, and at once: twice and four times the rate that the protocol
 * allows. A correct peer therefore never exceeds them, whatever its clock and the delays of the network, because it
 * waits for each answer, or for five seconds.
 */
const exchangeRate = 2 * maxExchangeRate
const exchangeBurst = 4 * maxExchangeRate

export interface Options {
  readonly frames: Pick<FrameReader, "batch" | "bytes" | "deliverTo" | "sizes">
  readonly receiveLanes: ReceiveLanes
  readonly sendLanes: SendLanes
  readonly limits: Pick<Limits, "controlRate" | "controlBurst">
  /** Generation of the peer. */
  readonly generation: number
  /** View hash of the peer from its handshake. */
  readonly viewHash: bigint
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number
  readonly host: Host
}

/** Link as its reader sees it. */
export interface Host {
  /** Sends a control frame. */
  readonly send: (frame: ControlFrame) => void
  /** Answers a Ping. */
  readonly answer: (ping: Ping) => void
  /** Handles the answer to a Ping of this side. */
  readonly onPong: (pong: Pong) => void
  /** Reports the first frames after {@link LinkReader.expectAnswer}. */
  readonly onAnswer: () => Effect.Effect<void>
  /** Handles a membership frame of this cost. */
  readonly onMembership: (frame: MembershipFrame, cost: number) => Effect.Effect<void>
  readonly onViewHash: (viewHash: bigint) => Effect.Effect<void>
}

/** Reader of one link. */
export class LinkReader {
  private readonly options: Options
  private readonly rate: TokenBucket
  private readonly exchanges: TokenBucket
  private heardAt: number
  private peerViewHash: bigint
  private reportedLag: number | undefined
  /** Bytes of the handled heartbeats and gossip. */
  private unusedBytes = 0
  private expectsAnswer = false
  private leftAt: number | undefined

  constructor(options: Options) {
    const { limits, now, viewHash } = options
    this.options = options
    this.heardAt = now()
    this.peerViewHash = viewHash
    this.rate = new TokenBucket(limits.controlRate, limits.controlBurst, this.heardAt)
    this.exchanges = new TokenBucket(exchangeRate, exchangeBurst, this.heardAt)
  }

  /** Time at which the last bytes arrived. */
  get lastHeard(): number {
    return this.heardAt
  }

  /** Number of bytes that have arrived in other frames than heartbeats and gossip. */
  get bytesUsed(): number {
    return this.options.frames.bytes - this.unusedBytes
  }

  /** Last view hash that the peer sent. */
  get viewHash(): bigint {
    return this.peerViewHash
  }

  /** Delay of the peer's timers as the peer last reported it, in milliseconds; `undefined` before its first heartbeat. */
  get peerLag(): number | undefined {
    return this.reportedLag
  }

  /** Time at which the peer sent Leave. The peer must then end the link itself. */
  get leavingSince(): number | undefined {
    return this.leftAt
  }

  /** Records that bytes arrived. */
  heard(at: number): void {
    this.heardAt = at
  }

  /** Requests one call of `onAnswer` for the next frames. Returns `false` if a request is already pending. */
  expectAnswer(): boolean {
    if (this.expectsAnswer) return false
    this.expectsAnswer = true
    // The report comes before the messages that arrive with the answer.
    this.options.frames.deliverTo(undefined)
    return true
  }

  /** Reads until the link ends, and returns the end. */
  run(): Effect.Effect<LinkEnd> {
    const { frames } = this.options
    return Effect.match(LinkReader.reading.call(this), endOf).pipe(
      Effect.ensuring(Effect.sync(() => frames.deliverTo(undefined))),
    )
  }

  // Generator functions belong to the class, because one for each link takes memory for each link.
  private static readonly reading = Effect.fnUntraced(function* (this: LinkReader) {
    const { frames, host, receiveLanes } = this.options
    if (!this.expectsAnswer) frames.deliverTo(receiveLanes)
    while (true) {
      const batch = yield* frames.batch
      if (this.expectsAnswer) {
        this.expectsAnswer = false
        yield* host.onAnswer()
        frames.deliverTo(receiveLanes)
      }
      // The lanes have taken the messages before the first other frame. Most batches have no other frame.
      if (batch.length === 0) continue
      const end = yield* LinkReader.dispatching.call(this, batch)
      if (end !== undefined) return end
    }
  })

  private static readonly dispatching = Effect.fnUntraced(function* (this: LinkReader, batch: ReadonlyArray<Frame>) {
    const { frames, generation, host, now, receiveLanes } = this.options
    const { sizes } = frames
    for (const [index, frame] of batch.entries()) {
      if (frame._tag === "Data") {
        const violation = receiveLanes.receive(frame)
        if (violation !== undefined) return violation
        continue
      }
      const bytes = sizes[index] ?? 0
      if (!isUse(frame)) this.unusedBytes += bytes
      // Charges the cost of a frame before handling the frame.
      const cost = controlCost(frame, bytes)
      const excess = cost === 0 ? undefined : this.charge(frame, cost)
      if (excess !== undefined) return excess
      switch (frame._tag) {
        case "Credit":
        case "Taken":
        case "LaneOpen":
        case "LaneClose":
        case "LaneClosed": {
          const violation = this.onLaneFrame(frame)
          if (violation !== undefined) return violation
          continue
        }
        case "Bye":
          return { _tag: "Bye", bye: frame } satisfies LinkEnd
        case "Ping":
          host.answer(frame)
          this.noteHeartbeat(frame)
          yield* host.onViewHash(frame.viewHash)
          break
        case "Pong":
          host.onPong(frame)
          this.noteHeartbeat(frame)
          yield* host.onViewHash(frame.viewHash)
          break
        case "Hello":
        case "HelloAck":
        case "HelloReject":
        case "Ready":
          return new ProtocolViolation("unexpectedFrame", `${frame._tag} after the handshake`)
        case "Leave":
          if (frame.generation === generation) this.leftAt ??= now()
          yield* host.onMembership(frame, cost)
          break
        default:
          yield* host.onMembership(frame, cost)
      }
    }
    return undefined
  })

  private noteHeartbeat({ lag, viewHash }: Ping | Pong): void {
    this.peerViewHash = viewHash
    this.reportedLag = lag
  }

  /** Charges the peer for a frame. Returns a violation if the peer exceeds the rate. */
  private charge(frame: ControlFrame, cost: number): ProtocolViolation | undefined {
    const { limits, now } = this.options
    if (!this.rate.take(now(), cost)) {
      return new ProtocolViolation("rate", `more than ${limits.controlRate} control frames per second, counted by size`)
    }
    if (frame._tag === "SyncDigest" && frame.last && !this.exchanges.take(now(), 1)) {
      return new ProtocolViolation("rate", `more than ${maxExchangeRate} digest exchanges per second`)
    }
    return undefined
  }

  private onLaneFrame(frame: LaneFrame): ProtocolViolation | undefined {
    const { host, receiveLanes, sendLanes } = this.options
    switch (frame._tag) {
      case "Credit":
        return sendLanes.credit(frame.lane, frame.bytes)
      case "Taken":
        return sendLanes.acknowledged(frame.lane, frame.id)
      case "LaneOpen":
        return sendLanes.open(frame)
      case "LaneClosed":
        return receiveLanes.closed(frame.lane)
      case "LaneClose": {
        const violation = sendLanes.close(frame.lane)
        if (violation === undefined) host.send({ _tag: "LaneClosed", lane: frame.lane })
        return violation
      }
    }
  }
}

const endOf = { onFailure: (end: LinkEnd): LinkEnd => end, onSuccess: (end: LinkEnd): LinkEnd => end }
