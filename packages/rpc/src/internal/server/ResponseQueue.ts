/**
 * Responses of one session, which are sent in their order. A response is sent in the step in which it is offered, unless
 * an earlier one waits for credit. So a response that the link accepts at once needs no waiting fiber and no turn of the
 * event loop.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as MutableList from "effect/MutableList"
import type { RequestId } from "../RpcMessages.ts"
import type { Start } from "../startIn.ts"

/** Encoded message to the peer. */
export interface QueuedResponse {
  readonly bytes: Uint8Array | string
  /** Request of which the message is a response, if any. */
  readonly requestId: RequestId | undefined
}

export interface Options {
  /** Sends a response, and handles the errors of the send. */
  readonly send: (response: QueuedResponse) => Effect.Effect<void>
  readonly start: Start
  /** Called after each response that was sent. */
  readonly onSent: () => void
}

export class ResponseQueue {
  private readonly options: Options
  private readonly waiting = MutableList.make<QueuedResponse>()
  /** `true` while a response is being sent. It is not in {@link waiting}. */
  private isSending = false
  private isRunning = false
  private hasEnded = false
  /** Last fiber that sent responses. It is set when the fiber begins, so that {@link close} can interrupt it. */
  private fiber: Fiber.Fiber<unknown, unknown> | undefined

  constructor(options: Options) {
    this.options = options
  }

  /** Number of responses that the link has not accepted. */
  get size(): number {
    return this.waiting.length + (this.isSending ? 1 : 0)
  }

  /** Fiber that sends responses. `undefined` if no response waits. */
  get sender(): Fiber.Fiber<unknown, unknown> | undefined {
    return this.isRunning ? this.fiber : undefined
  }

  /** Appends a response. Has no effect after {@link end}. */
  offer(response: QueuedResponse): void {
    if (this.hasEnded) return
    MutableList.append(this.waiting, response)
    if (!this.isRunning) this.run()
  }

  /** Accepts no further responses. Those that wait are still sent. */
  end(): void {
    this.hasEnded = true
  }

  /** Drops the responses that wait, and accepts no further ones. */
  close(): void {
    this.hasEnded = true
    MutableList.clear(this.waiting)
    this.sender?.interruptUnsafe()
  }

  private run(): void {
    this.isRunning = true
    this.options.start(this.sending).addObserver((exit) => {
      this.isRunning = false
      this.isSending = false
      // A scheduler can delay the fiber between its last look at the list and its end.
      if (Exit.isSuccess(exit) && this.waiting.length > 0) this.run()
    })
  }

  private readonly sending: Effect.Effect<void> = Effect.withFiber((fiber) => {
    this.fiber = fiber
    return this.sendAll
  })

  private readonly sendAll: Effect.Effect<void> = Effect.whileLoop({
    while: () => this.waiting.length > 0,
    body: () => {
      const response = MutableList.take(this.waiting)
      if (response === MutableList.Empty) return Effect.void
      this.isSending = true
      return this.options.send(response)
    },
    step: () => {
      this.isSending = false
      this.options.onSent()
    },
  })
}
