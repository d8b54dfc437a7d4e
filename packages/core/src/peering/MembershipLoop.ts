/**
 * The one fiber that owns the membership state. Everybody else puts facts into its queue and reads
 * immutable states.
 */
import type { Clock } from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Queue from "effect/Queue"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import { monotonicMillis, stallMillis } from "../internal/time.ts"
import type { Output } from "../membership/Draft.ts"
import type * as Membership from "../membership/Membership.ts"
import * as State from "../membership/State.ts"
import type { Overrides } from "./Overrides.ts"

export interface MembershipLoop {
  /** The newest state. */
  readonly state: () => State.State
  /** How many facts wait. */
  readonly waiting: () => number
  /** Puts a fact into the queue; waits while it is full. */
  readonly submit: (input: Membership.Input) => Effect.Effect<void>
  /** The state after the fact was taken in. */
  readonly submitAndAwait: (input: Membership.Input) => Effect.Effect<State.State>
  /**
   * Takes in facts, for ever. `perform` fulfils wishes and must not wait; `changed` sees each new state
   * after its wishes, and the one before it.
   */
  readonly run: (handlers: {
    readonly perform: (output: Output, state: State.State) => void
    readonly changed: (state: State.State, before: State.State) => void
  }) => Effect.Effect<never>
}

interface Entry {
  readonly input: Membership.Input
  readonly done: Deferred.Deferred<State.State> | undefined
}

export const make = Effect.fnUntraced(function* (options: {
  readonly initial: State.State
  readonly step: Overrides["step"]
  readonly clock: Clock
  readonly capacity: number
  /** The longest time, in milliseconds, in which a stall of this process is noticed. */
  readonly pulse: number
}) {
  const queue = yield* Queue.bounded<Entry>(options.capacity)
  let state = options.initial

  const run: MembershipLoop["run"] = ({ changed, perform }) => {
    let armed = Number.POSITIVE_INFINITY

    const take = (entry: Entry): void => {
      const before = state
      const [next, outputs] = options.step(state, monotonicMillis(options.clock), entry.input)
      state = next
      for (const output of outputs) perform(output, next)
      if (next !== before) changed(next, before)
      if (entry.done !== undefined) Deferred.doneUnsafe(entry.done, Effect.succeed(next))
    }

    const timer = (pause: number) => {
      const due = monotonicMillis(options.clock) + pause
      return Effect.andThen(
        Effect.sleep(pause),
        Effect.suspend(() => {
          armed = Number.POSITIVE_INFINITY
          const stalled = monotonicMillis(options.clock) - due > stallMillis
          return Queue.offer(queue, { input: { _tag: "Tick", stalled }, done: undefined })
        }),
      )
    }

    return Effect.scoped(
      Effect.gen(function* () {
        const handle = yield* FiberHandle.make()
        let entries: ReadonlyArray<Entry> = []
        while (true) {
          for (const entry of entries) take(entry)
          const now = monotonicMillis(options.clock)
          const deadline = Math.min(State.deadline(state) ?? Number.POSITIVE_INFINITY, now + options.pulse)
          // A timer that is too early costs an idle Tick; only one that is too late must be replaced.
          if (deadline < armed && state.phase._tag !== "Stopped") {
            armed = deadline
            yield* FiberHandle.run(handle, timer(Math.max(0, Math.ceil(deadline - now))))
          }
          entries = yield* Queue.takeAll(queue)
        }
      }),
    )
  }

  const ask: MembershipLoop["submitAndAwait"] = (input) =>
    Effect.suspend(() => {
      const done = Deferred.makeUnsafe<State.State>()
      return Effect.andThen(Queue.offer(queue, { input, done }), awaitDeferred(done))
    })

  const loop: MembershipLoop = {
    state: () => state,
    waiting: () => Queue.sizeUnsafe(queue),
    submit: (input) => Effect.asVoid(Queue.offer(queue, { input, done: undefined })),
    submitAndAwait: ask,
    run,
  }
  return loop
})
