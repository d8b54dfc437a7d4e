/**
 * The one fiber that owns the membership state. All others put inputs into its queue and read immutable states.
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
 * Time for which the loop handles inputs before it lets timers and sockets have their turn. A heartbeat that is late by it is
 * late by nothing that anybody measures, and a turn of the event loop is cheap beside it.
 */
const sliceMillis = 5

/** Number of inputs that the loop handles before it yields: the bound where no time passes, as in the simulation. */
const sliceInputs = 64

export interface Options {
  readonly initial: State.State
  /** The rules: the state after an input, and what is to be done. */
  readonly step: typeof Membership.step
  readonly clock: Clock
  /** Number of inputs that may wait. */
  readonly capacity: number
  /** Cost of the frames of one peer that may wait. */
  readonly share: number
  /** Longest time between two inputs, in milliseconds; a stall of this process is noticed within it. */
  readonly pulse: number
}

/** Handlers that the loop calls after each step. Neither may wait. */
export interface Handlers {
  /** Performs one output of the step that led to `state`. */
  readonly perform: (output: Output, state: State.State) => void
  /** Sees each new state, after its outputs, and the one before it. */
  readonly changed: (state: State.State, before: State.State) => void
}

interface Entry {
  readonly input: Membership.Input
  /** Gets the state after the input. */
  readonly done: Deferred.Deferred<State.State> | undefined
  /** Cost of the frame, which counts for the share of its sender. */
  readonly cost?: number
}

type Received = Extract<Membership.Input, { readonly _tag: "Received" }>

export class MembershipLoop {
  private readonly options: Options
  private readonly queue: Queue.Queue<Entry>
  private readonly shares: InputShares
  private current: State.State
  /** Time of the timer that runs, on the monotonic clock; that of a Tick which is not handled yet is over. */
  private armedFor = Number.POSITIVE_INFINITY

  constructor(options: Options, queue: Queue.Queue<Entry>) {
    this.options = options
    this.queue = queue
    this.shares = new InputShares(options.share)
    this.current = options.initial
  }

  /** Returns the newest state. */
  readonly state = (): State.State => this.current

  /** Returns how many inputs wait. */
  readonly waiting = (): number => Queue.sizeUnsafe(this.queue)

  /** Puts an input into the queue; waits while the queue is full. */
  submit(input: Membership.Input): Effect.Effect<void> {
    return Effect.asVoid(Queue.offer(this.queue, { input, done: undefined }))
  }

  /** Puts a frame into the queue; waits while the frames of its sender that wait are too much work, or the queue is full. */
  submitFrame(input: Received, cost: number): Effect.Effect<void> {
    const { name } = input.from
    const offer = Effect.asVoid(Queue.offer(this.queue, { input, done: undefined, cost }))
    const removed = Effect.sync(() => this.shares.remove(name, cost))
    return Effect.uninterruptibleMask((restore) =>
      Effect.andThen(this.shares.add(name, cost), () => Effect.onInterrupt(restore(offer), () => removed)),
    )
  }

  /** Returns the largest cost of the frames of one peer that wait. */
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
      // A timer that is too early costs an idle Tick; only one that is too late must be replaced.
      if (deadline < this.armedFor && this.current.phase._tag !== "Stopped") {
        this.armedFor = deadline
        yield* FiberHandle.run(timer, this.tickAfter(Math.max(0, Math.ceil(deadline - now))))
      }
      const first = yield* Queue.take(this.queue)
      this.handleSlice(first, handlers)
      if (this.waiting() > 0) yield* yieldTurn
    }
  })

  /** Handles the first input, and others that wait until the slice is over. */
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

  /** Submits a Tick after so many milliseconds; says whether this process stalled meanwhile. */
  private tickAfter(pause: number): Effect.Effect<boolean> {
    const { clock } = this.options
    const due = monotonicMillis(clock) + pause
    return Effect.andThen(
      Effect.sleep(pause),
      Effect.suspend(() => {
        // A Tick that waits for its place in the queue is not replaced: it would lose its place with every slice.
        this.armedFor = Number.NEGATIVE_INFINITY
        const stalled = monotonicMillis(clock) - due > stallMillis
        return Queue.offer(this.queue, { input: { _tag: "Tick", stalled }, done: undefined })
      }),
    )
  }
}

export const make = (options: Options): Effect.Effect<MembershipLoop> =>
  Effect.map(Queue.bounded<Entry>(options.capacity), (queue) => new MembershipLoop(options, queue))
