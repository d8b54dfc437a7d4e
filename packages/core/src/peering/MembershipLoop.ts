/**
 * The only fiber that owns the membership state. Other fibers put inputs into its queue and read immutable states.
 */
import type { Clock } from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberHandle from "effect/FiberHandle"
import * as Queue from "effect/Queue"
import { yieldTurn } from "../internal/MicrotaskScheduler.ts"
import { monotonicMillis, stallMillis } from "../internal/time.ts"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import type { Output } from "../membership/Draft.ts"
import type * as Membership from "../membership/Membership.ts"
import * as State from "../membership/State.ts"
import { InputShares } from "./InputShares.ts"

/**
 * Time for which the loop handles inputs before it yields to timers and sockets. A delay of a heartbeat by this time is
 * negligible, and one turn of the event loop costs little compared with it.
 */
const sliceMillis = 5

/**
 * Number of inputs that the loop handles before it yields. This limit applies where time stands still, as in the
 * simulation.
 */
const sliceInputs = 64

export interface Options {
  readonly initial: State.State
  /** Rules of the membership: the function that returns the state after an input and the outputs. */
  readonly step: typeof Membership.step
  readonly clock: Clock
  /** Maximum number of waiting inputs. */
  readonly capacity: number
  /** Maximum cost of the waiting frames of one peer. */
  readonly share: number
  /** Longest time between two inputs, in milliseconds. A larger value detects a stall of this process later. */
  readonly pulse: number
}

/** Handlers that the loop calls after each step. No handler may wait. */
export interface Handlers {
  /** Performs one output of the step that led to `state`. */
  readonly perform: (output: Output, state: State.State) => void
  /** Receives each new state after its outputs, and the state before it. */
  readonly changed: (state: State.State, before: State.State) => void
}

interface Entry {
  readonly input: Membership.Input
  /** Completed with the state after the input. */
  readonly done: Deferred.Deferred<State.State> | undefined
  /** Cost of the frame in the share of its sender. */
  readonly cost?: number
}

type Received = Extract<Membership.Input, { readonly _tag: "Received" }>

export class MembershipLoop {
  private readonly options: Options
  private readonly queue: Queue.Queue<Entry>
  private readonly shares: InputShares
  private current: State.State
  /** Time of the running timer, on the monotonic clock. Less than any deadline while a Tick waits in the queue. */
  private armedFor = Number.POSITIVE_INFINITY

  constructor(options: Options, queue: Queue.Queue<Entry>) {
    this.options = options
    this.queue = queue
    this.shares = new InputShares(options.share)
    this.current = options.initial
  }

  /** Returns the current state. */
  readonly state = (): State.State => this.current

  /** Returns the number of waiting inputs. */
  readonly waiting = (): number => Queue.sizeUnsafe(this.queue)

  /** Puts an input into the queue. Waits while the queue is full. */
  submit(input: Membership.Input): Effect.Effect<void> {
    return Effect.asVoid(Queue.offer(this.queue, { input, done: undefined }))
  }

  /** Puts a frame into the queue. Waits while the queue is full or the waiting frames of the sender cost too much. */
  submitFrame(input: Received, cost: number): Effect.Effect<void> {
    const { name } = input.from
    const offer = Effect.asVoid(Queue.offer(this.queue, { input, done: undefined, cost }))
    const removed = Effect.sync(() => this.shares.remove(name, cost))
    return Effect.uninterruptibleMask((restore) =>
      Effect.andThen(this.shares.add(name, cost), () => Effect.onInterrupt(restore(offer), () => removed)),
    )
  }

  /** Returns the largest cost of the waiting frames of one peer. */
  readonly largestShare = (): number => this.shares.most()

  /** Puts an input into the queue and returns the state after it. */
  submitAndAwait(input: Membership.Input): Effect.Effect<State.State> {
    return Effect.suspend(() => {
      const done = Deferred.makeUnsafe<State.State>()
      return Effect.andThen(Queue.offer(this.queue, { input, done }), awaitDeferred(done))
    })
  }

  /** Handles inputs until interrupted. */
  run(handlers: Handlers): Effect.Effect<never> {
    return Effect.scoped(this.handleInputs(handlers))
  }

  private readonly handleInputs = Effect.fnUntraced(function* (this: MembershipLoop, handlers: Handlers) {
    const timer = yield* FiberHandle.make()
    while (true) {
      const now = monotonicMillis(this.options.clock)
      const deadline = Math.min(State.deadline(this.current) ?? Number.POSITIVE_INFINITY, now + this.options.pulse)
      // A timer that is too early costs one idle Tick. Only a timer that is too late has to be replaced.
      if (deadline < this.armedFor && this.current.phase._tag !== "Stopped") {
        this.armedFor = deadline
        yield* FiberHandle.run(timer, this.tickAfter(Math.max(0, Math.ceil(deadline - now))))
      }
      const first = yield* Queue.take(this.queue)
      this.handleSlice(first, handlers)
      if (this.waiting() > 0) yield* yieldTurn
    }
  })

  /** Handles the first input, and further waiting inputs until the end of the slice. */
  private handleSlice(first: Entry, handlers: Handlers): void {
    const end = monotonicMillis(this.options.clock) + sliceMillis
    this.handle(first, handlers)
    for (let count = 1; count < sliceInputs && monotonicMillis(this.options.clock) < end; count++) {
      const exit = Queue.takeUnsafe(this.queue)
      if (exit === undefined || !Exit.isSuccess(exit)) return
      this.handle(exit.value, handlers)
    }
  }

  private handle(entry: Entry, { changed, perform }: Handlers): void {
    const before = this.current
    if (entry.input._tag === "Tick") this.armedFor = Number.POSITIVE_INFINITY
    const [next, outputs] = this.options.step(before, monotonicMillis(this.options.clock), entry.input)
    this.current = next
    for (const output of outputs) perform(output, next)
    if (next !== before) changed(next, before)
    if (entry.cost !== undefined && entry.input._tag === "Received") {
      this.shares.remove(entry.input.from.name, entry.cost)
    }
    if (entry.done !== undefined) Deferred.doneUnsafe(entry.done, Effect.succeed(next))
  }

  /** Submits a Tick after this pause, in milliseconds. The Tick reports whether this process stalled meanwhile. */
  private tickAfter(pause: number): Effect.Effect<boolean> {
    const { clock } = this.options
    const due = monotonicMillis(clock) + pause
    return Effect.andThen(
      Effect.sleep(pause),
      Effect.suspend(() => {
        // A Tick that waits in the queue is not replaced, because it would lose its place with every slice.
        this.armedFor = Number.NEGATIVE_INFINITY
        const stalled = monotonicMillis(clock) - due > stallMillis
        const wall = clock.currentTimeMillisUnsafe()
        return Queue.offer(this.queue, { input: { _tag: "Tick", stalled, wall }, done: undefined })
      }),
    )
  }
}

export const make = (options: Options): Effect.Effect<MembershipLoop> =>
  Effect.map(Queue.bounded<Entry>(options.capacity), (queue) => new MembershipLoop(options, queue))
