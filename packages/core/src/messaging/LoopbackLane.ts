/**
 * One lane from this node to its own reader. Messages reach the reader at once and without a copy while the unread
 * messages fit into the window of the lane. A message larger than the window is accepted when all messages before it
 * have been read. So the lane holds at most the window, or one message.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Semaphore from "effect/Semaphore"
import { cost, fragmentBytes } from "../flow/cost.ts"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import type { Acknowledgement, Extra, Refusal } from "../flow/SendLane.ts"
import { Slowness } from "../flow/Slowness.ts"
import { awaitLatch } from "../internal/yieldingAwait.ts"
import type { Outlet } from "./Route.ts"

export interface Options {
  readonly name: string
  /** Format of the messages that the readers read. Absent if they take bytes of any format. */
  readonly format?: string | undefined
  /** Bytes of messages that may wait for the reader. */
  readonly window: number
  /** Passes a message to the reader. Never waits. */
  readonly deliver: (lane: ReadableLane, message: InboundMessage) => void
}

export class LoopbackLane implements Outlet, ReadableLane {
  readonly name: string
  readonly format: string | undefined
  readonly slowness = new Slowness()
  readonly taking = new Slowness()
  private readonly window: number
  private readonly deliver: Options["deliver"]
  /** Cost of the messages that the reader has not taken. */
  private unread = 0
  /** Number of senders that wait in {@link offer}. */
  private waiting = 0
  private refusal: Exclude<Refusal, "moved"> | undefined
  private readonly turn = Semaphore.makeUnsafe(1)
  private readonly mayProceed = Latch.makeUnsafe(false)
  /** Opens when a frame of any size fits. */
  private readonly readiness = Latch.makeUnsafe(false)
  /** Number of the last message with a requested acknowledgement. */
  private lastConfirm = 0
  private readonly pending = new Map<number, Acknowledgement>()

  constructor({ deliver, format, name, window }: Options) {
    this.name = name
    this.format = format
    this.window = window
    this.deliver = deliver
  }

  get isOpen(): boolean {
    return this.refusal === undefined
  }

  /** Accepts a message if it fits now and no other sender waits. Returns `false` otherwise. */
  tryOffer(payload: Uint8Array, extra?: Extra): boolean {
    if (this.waiting > 0 || !this.isOpen || !this.hasRoom(payload.length)) return false
    this.accept(payload, extra)
    return true
  }

  /** Accepts a message as soon as it fits. Messages arrive in the order of acceptance. */
  offer(payload: Uint8Array, extra?: Extra): Effect.Effect<void, Refusal> {
    return Effect.suspend(() => {
      if (this.refusal !== undefined) return Effect.fail(this.refusal)
      if (this.tryOffer(payload, extra)) return Effect.void
      this.waiting++
      return Effect.ensuring(
        this.turn.withPermit(this.awaitRoom(payload, extra)),
        Effect.sync(() => {
          this.waiting--
          if (this.isReady()) this.readiness.openUnsafe()
        }),
      )
    })
  }

  /** Waits until there is room for any frame and no sender waits. */
  ready(): Effect.Effect<void, Refusal> {
    return Effect.suspend(() => {
      if (this.refusal !== undefined) return Effect.fail(this.refusal)
      if (this.isReady()) return Effect.void
      this.readiness.closeUnsafe()
      return Effect.andThen(awaitLatch(this.readiness), () => this.ready())
    })
  }

  /** Records that the reader has taken messages of this cost, up to the message with the number `confirm`. */
  acknowledge({ confirm, cost: taken }: Pick<InboundMessage, "confirm" | "cost">): void {
    this.unread -= taken
    this.slowness.grant()
    if (this.slowness.isSlow && this.hasRoom(fragmentBytes(this.window))) this.slowness.clear()
    this.mayProceed.openUnsafe()
    if (this.isReady()) this.readiness.openUnsafe()
    if (confirm === undefined) return
    this.taking.advance()
    this.taking.clear()
    for (const [id, { result }] of this.pending) {
      if (id > confirm) break
      this.pending.delete(id)
      Deferred.doneUnsafe(result, Effect.void)
    }
  }

  /** Closes the lane, because it has no reader any more (`unread`) or the node stops (`closed`). */
  close(why: Exclude<Refusal, "moved">): void {
    this.refusal ??= why
    for (const { result } of this.pending.values()) Deferred.doneUnsafe(result, Effect.fail(why))
    this.pending.clear()
    this.mayProceed.openUnsafe()
    this.readiness.openUnsafe()
  }

  private isReady(): boolean {
    return this.waiting === 0 && this.hasRoom(fragmentBytes(this.window))
  }

  private hasRoom(payloadBytes: number): boolean {
    return this.unread === 0 || this.unread + cost(payloadBytes) <= this.window
  }

  private awaitRoom(payload: Uint8Array, extra: Extra | undefined): Effect.Effect<void, Refusal> {
    return Effect.suspend(() => {
      if (this.refusal !== undefined) return Effect.fail(this.refusal)
      if (this.hasRoom(payload.length)) {
        this.accept(payload, extra)
        return Effect.void
      }
      this.mayProceed.closeUnsafe()
      return Effect.andThen(awaitLatch(this.mayProceed), () => this.awaitRoom(payload, extra))
    })
  }

  private accept(payload: Uint8Array, extra: Extra | undefined): void {
    const message: InboundMessage = {
      payload,
      cost: cost(payload.length),
      confirm: this.register(extra?.acknowledgement),
      trace: extra?.trace,
      isOwned: false,
    }
    this.unread += message.cost
    this.slowness.advance()
    if (extra?.acceptance !== undefined) extra.acceptance.isAccepted = true
    this.deliver(this, message)
  }

  private register(acknowledgement: Acknowledgement | undefined): number | undefined {
    if (acknowledgement === undefined) return undefined
    this.lastConfirm++
    acknowledgement.register(this.pending, this.lastConfirm)
    return this.lastConfirm
  }
}
