/**
 * Sending end of one lane of one link (docs/protocol.md, section "Lanes and credit"): its credit, the fragments of
 * large messages, the senders that wait for credit, and the acknowledgements that senders wait for.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Semaphore from "effect/Semaphore"
import { awaitLatch } from "../internal/yieldingAwait.ts"
import type { Data } from "../protocol/Frame.ts"
import { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import { cost, fragmentBytes } from "./cost.ts"
import { Slowness } from "./Slowness.ts"
import type { LaneFrames, LinkState, WriteQueue } from "./WriteQueue.ts"

/**
 * Reason for which a lane refused a message: a better link took over (`moved`), there is no link any more (`closed`),
 * or the peer no longer reads the lane (`unread`).
 */
export type Refusal = Exclude<LinkState, "open"> | "unread"

/** Acknowledgement that a sender waits for. It completes when the reader has read the message. */
export class Acknowledgement {
  /** Fails when the link or the lane ends before the acknowledgement arrives. */
  readonly result: Deferred.Deferred<void, Exclude<Refusal, "moved">> = Deferred.makeUnsafe()
  private pending: Map<number, Acknowledgement> | undefined
  private id = 0

  /** Registers the acknowledgement of the message with this number. */
  register(pending: Map<number, Acknowledgement>, id: number): void {
    this.pending = pending
    this.id = id
    pending.set(id, this)
  }

  /** Removes the acknowledgement, because no sender waits for it any more. */
  withdraw(): void {
    this.pending?.delete(this.id)
  }
}

/** Record of whether a lane has accepted a complete message. An interrupted sender reads it to learn the outcome. */
export class Acceptance {
  /**
   * Set in the step in which a lane accepts the last fragment. Never reset, because no other link sends the message
   * again.
   */
  isAccepted = false
}

/** Optional parts of a message. */
export interface Extra {
  /** Record that the lane sets when it has accepted the complete message. */
  readonly acceptance?: Acceptance | undefined
  /** Acknowledgement that the sender of the message waits for. */
  readonly acknowledgement?: Acknowledgement | undefined
  /** Span that sends the message. */
  readonly trace?: Uint8Array | undefined
  /** Format of the payload. Readers of any format may receive a message without a format. */
  readonly format?: string | undefined
}

/** Message that is sent in fragments, and the number of its accepted bytes. */
interface Fragmented {
  readonly payload: Uint8Array
  readonly extra: Extra | undefined
  accepted: number
}

export interface Options {
  readonly number: number
  readonly name: string
  /** Format of the messages that the peer reads on the lane; `undefined` if the peer accepts bytes of any format. */
  readonly format?: string | undefined
  /** Initial and maximum credit of this side, in bytes. */
  readonly window: number
  /** Queue of the link. */
  readonly queue: WriteQueue
}

const nothing = new Uint8Array(0)

/** Acknowledgements of a lane that never had one. */
const none = new Map<number, Acknowledgement>()

/** Sending end of one lane. */
export class SendLane implements LaneFrames {
  readonly number: number
  readonly name: string
  /** Format of the messages that the peer reads on the lane; `undefined` if the peer accepts bytes of any format. */
  readonly format: string | undefined
  /**
   * Mark that a send timed out on this lane. It lasts until there is credit, and room in the queue, for any fragment.
   */
  readonly slowness = new Slowness()
  /** Frames that wait to be written. Used by {@link WriteQueue}. */
  frames: Array<Data> = []
  private readonly window: number
  private readonly queue: WriteQueue
  private readonly maxPayload: number
  private available: number
  /** Credit that the peer has granted since it last reached the cost of a whole frame. */
  private granted = 0
  private isOpen = true
  /** Number of senders that wait in {@link offer}. */
  private waiting = 0
  // Most lanes never have a waiting sender or an acknowledgement, and need no memory for them.
  private turn: Semaphore.Semaphore | undefined
  private mayProceed: Latch.Latch | undefined
  /** Closed while a sender waits in {@link ready} for credit for a fragment of any size. */
  private readiness: Latch.Latch | undefined
  /** Number of the last message with a requested acknowledgement. */
  private lastConfirm = 0
  /** Number of the last acknowledged message. */
  private lastAcknowledged = 0
  private pending: Map<number, Acknowledgement> | undefined
  private untaken: Slowness | undefined

  constructor({ format, name, number, queue, window }: Options) {
    this.number = number
    this.name = name
    this.format = format
    this.queue = queue
    this.window = window
    this.available = window
    this.maxPayload = fragmentBytes(window)
  }

  /** Mark that an accepted message was not taken in time. It lasts until the peer's reader takes one. */
  get taking(): Slowness {
    this.untaken ??= new Slowness()
    return this.untaken
  }

  /** Accepts a message if there is credit for it now and no other sender waits. Returns `false` otherwise. */
  tryOffer(payload: Uint8Array, extra?: Extra): boolean {
    if (this.waiting > 0 || this.refusal() !== undefined) return false
    if (payload.length > this.maxPayload) return this.tryOfferFragments({ payload, extra, accepted: 0 })
    if (!this.hasRoom(payload.length)) return false
    const frame: Data = { _tag: "Data", lane: this.number, first: true, last: true, abort: false, payload }
    this.push(extra === undefined ? frame : { ...frame, ...this.firstFields(extra) })
    if (extra?.acceptance !== undefined) extra.acceptance.isAccepted = true
    return true
  }

  /** Waits for credit, and then accepts a message. The lane sends messages in the order of acceptance. */
  offer(payload: Uint8Array, extra?: Extra): Effect.Effect<void, Refusal> {
    return Effect.suspend(() => {
      const why = this.refusal()
      if (why !== undefined) return Effect.fail(why)
      if (this.tryOffer(payload, extra)) return Effect.void
      this.waiting++
      this.turn ??= Semaphore.makeUnsafe(1)
      return Effect.ensuring(
        this.turn.withPermit(SendLane.offerFragments(this, { payload, extra, accepted: 0 })),
        Effect.sync(() => {
          this.waiting--
          this.noticeRoom()
        }),
      )
    })
  }

  /** Waits until there is credit, and room in the queue, for any fragment, and no sender waits. Accepts no message. */
  ready(): Effect.Effect<void, Refusal> {
    return Effect.suspend(() => {
      const why = this.refusal()
      if (why !== undefined) return Effect.fail(why)
      if (this.isReady()) return Effect.void
      this.readiness ??= Latch.makeUnsafe(false)
      this.readiness.closeUnsafe()
      return Effect.andThen(awaitLatch(this.readiness), () => this.ready())
    })
  }

  /** Returns whether a sender waits for credit, for room in the queue, or for an acknowledgement. */
  isAwaited(): boolean {
    return this.waiting > 0 || this.readiness?.isOpen() === false || (this.pending?.size ?? 0) > 0
  }

  /** Adds credit that the peer granted. */
  credit(bytes: number): ProtocolViolation | undefined {
    if (bytes === 0 || this.available + bytes > this.window) return malformed("credit beyond the window of the lane")
    this.available += bytes
    this.granted += bytes
    if (this.granted >= cost(this.maxPayload)) {
      this.granted = 0
      this.slowness.grant()
    }
    this.noticeRoom()
    this.mayProceed?.openUnsafe()
    return undefined
  }

  /** Completes the acknowledgements up to this number. */
  acknowledged(id: number): ProtocolViolation | undefined {
    const count = (id - this.lastAcknowledged) >>> 0
    if (count === 0 || count > (this.lastConfirm - this.lastAcknowledged) >>> 0) {
      return malformed(`message ${id} does not wait for an acknowledgement`)
    }
    const { pending = none } = this
    for (const [each, { result }] of pending) {
      if ((each - this.lastAcknowledged) >>> 0 > count) break
      pending.delete(each)
      Deferred.doneUnsafe(result, Effect.void)
    }
    this.lastAcknowledged = id
    this.untaken?.advance()
    this.untaken?.clear()
    return undefined
  }

  /** Lets waiting senders check again if they may proceed. */
  wake(): void {
    this.noticeRoom()
    if (this.waiting > 0) this.mayProceed?.openUnsafe()
  }

  /** Closes the lane, which the peer no longer reads. Drops its frames and fails the waiting senders. */
  close(): void {
    this.isOpen = false
    this.queue.drop(this)
    this.failAcknowledgements("unread")
    this.mayProceed?.openUnsafe()
    this.readiness?.openUnsafe()
  }

  /** Fails all acknowledgements that have not arrived, because they cannot arrive any more. */
  failAcknowledgements(why: Exclude<Refusal, "moved">): void {
    for (const { result } of this.pending?.values() ?? []) Deferred.doneUnsafe(result, Effect.fail(why))
    this.pending?.clear()
  }

  private refusal(): Refusal | undefined {
    const { state } = this.queue
    return state !== "open" ? state : this.isOpen ? undefined : "unread"
  }

  /** Accepts all fragments of a message if there is credit for all of them, and room for all but the last one. */
  private tryOfferFragments(message: Fragmented): boolean {
    const { maxPayload } = this
    const { length } = message.payload
    const whole = Math.ceil(length / maxPayload) - 1
    const before = whole * cost(maxPayload)
    if (this.available < before + cost(length - whole * maxPayload) || !this.queue.hasRoom(before)) return false
    while (message.accepted < length) this.pushFragment(message, Math.min(maxPayload, length - message.accepted))
    return true
  }

  private hasRoom(payloadBytes: number): boolean {
    return this.available >= cost(payloadBytes) && this.queue.hasRoom()
  }

  private isReady(): boolean {
    return this.waiting === 0 && this.hasRoom(this.maxPayload)
  }

  /**
   * Ends the slowness, and the waits in {@link ready}. Less credit does not end the slowness. Otherwise single bytes of
   * credit would make broadcasts wait for this peer again.
   */
  private noticeRoom(): void {
    const { slowness } = this
    if ((slowness.isSlow || slowness.waited > 0) && this.hasRoom(this.maxPayload)) slowness.clear()
    const { readiness } = this
    if (readiness?.isOpen() === false && (this.isReady() || this.refusal() !== undefined)) readiness.openUnsafe()
  }

  private push(frame: Data): void {
    if (!frame.abort) {
      this.available -= cost(frame.payload.length)
      this.slowness.advance()
    }
    this.queue.push(this, frame)
  }

  /** Returns the optional fields of a first fragment. */
  private firstFields({ acknowledgement, trace }: Extra): Pick<Data, "confirm" | "trace"> {
    return {
      ...(acknowledgement === undefined ? {} : { confirm: this.register(acknowledgement) }),
      ...(trace === undefined ? {} : { trace }),
    }
  }

  private register(acknowledgement: Acknowledgement): number {
    this.lastConfirm = (this.lastConfirm + 1) >>> 0
    this.pending ??= new Map()
    acknowledgement.register(this.pending, this.lastConfirm)
    return this.lastConfirm
  }

  /** Accepts the fragments of a message one by one, each as soon as there is credit for it. */
  private static readonly offerFragments = Effect.fnUntraced(function* (lane: SendLane, message: Fragmented) {
    yield* Effect.onInterrupt(
      Effect.gen(function* () {
        do {
          const size = Math.min(lane.maxPayload, message.payload.length - message.accepted)
          while (!lane.hasRoom(size) && lane.refusal() === undefined) {
            lane.mayProceed ??= Latch.makeUnsafe(false)
            lane.mayProceed.closeUnsafe()
            yield* awaitLatch(lane.mayProceed)
          }
          const why = lane.refusal()
          if (why !== undefined) {
            lane.abandon(message)
            return yield* Effect.fail(why)
          }
          lane.pushFragment(message, size)
        } while (message.accepted < message.payload.length)
      }),
      () => Effect.sync(() => lane.abandon(message)),
    )
  })

  private pushFragment(message: Fragmented, size: number): void {
    const { accepted, extra, payload } = message
    const first = accepted === 0
    const last = accepted + size === payload.length
    this.push({
      _tag: "Data",
      lane: this.number,
      first,
      last,
      abort: false,
      payload: first && last ? payload : payload.subarray(accepted, accepted + size),
      ...(first && !last ? { total: payload.length } : {}),
      ...(first && extra !== undefined ? this.firstFields(extra) : {}),
    })
    message.accepted += size
    if (last && extra?.acceptance !== undefined) extra.acceptance.isAccepted = true
  }

  /** Gives up a message. Sends an abort if the peer has received a part of the message. */
  private abandon({ accepted, extra, payload }: Fragmented): void {
    extra?.acknowledgement?.withdraw()
    if (!this.isOpen || accepted === 0 || accepted === payload.length) return
    this.push({ _tag: "Data", lane: this.number, first: false, last: false, abort: true, payload: nothing })
  }
}

const malformed = (message: string): ProtocolViolation => new ProtocolViolation("malformed", message)
