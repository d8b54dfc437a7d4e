/**
 * Scheduler of the fibers of a node. With Effect's default scheduler, a woken fiber waits for the next turn of the
 * event loop, and sockets may read a megabyte before that turn. With this scheduler, the fiber runs in a microtask as
 * soon as the callback that woke it has returned. It runs between two chunks of bytes, and never inside the code that
 * woke it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"

/**
 * Maximum number of tasks that wake each other in one turn of the event loop. The next task waits for the next turn, so
 * that timers and sockets can run.
 */
const maxHops = 8

const { setImmediate: afterCallback } = new Scheduler.MixedScheduler("sync")
const { setImmediate: nextTurn } = new Scheduler.MixedScheduler("async")

/** Number of tasks in the chain that led to the running one. */
let hops = 0

const run = (task: () => void, hop: number): void => {
  const before = hops
  hops = hop
  try {
    task()
  } finally {
    hops = before
  }
}

/**
 * Runs the task after the current callback, or in the next turn if its chain is too long. Returns the function that
 * cancels it.
 */
const soon = (task: () => void): (() => void) => {
  const hop = hops + 1
  return hop > maxHops ? nextTurn(() => run(task, 0)) : afterCallback(() => run(task, hop))
}

const microtaskScheduler = new Scheduler.MixedScheduler("async", soon)

/**
 * Lets timers and sockets run. Each yield is one task of the chain, and the effect yields as often as
 * {@link withMicrotaskScheduler} allows within one turn. Under any other scheduler it is a number of plain yields.
 */
export const yieldTurn: Effect.Effect<void> = Effect.asVoid(Effect.repeat(Effect.yieldNow, { times: maxHops }))

const standard = Context.get(Context.empty(), Scheduler.Scheduler)

/** Runs the effect and the fibers that it forks on this scheduler, unless the application has provided a scheduler. */
export const withMicrotaskScheduler = Effect.updateService(Scheduler.Scheduler, (scheduler) =>
  scheduler === standard ? microtaskScheduler : scheduler,
)
