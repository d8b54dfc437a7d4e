/**
 * When the fibers of a node run. Effect's own scheduler lets a fiber that was woken wait for the next turn of the event loop,
 * and sockets may read a megabyte before that comes. Here it runs as soon as the callback that woke it has returned: between
 * one chunk of bytes and the next, and after whoever woke it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"

/** Fibers that wake each other so often have to wait for the next turn of the event loop, so that others come to theirs. */
const maxHops = 8

const { setImmediate: afterCallback } = new Scheduler.MixedScheduler("sync")
const { setImmediate: nextTurn } = new Scheduler.MixedScheduler("async")

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

const soon = (task: () => void): (() => void) => {
  const hop = hops + 1
  return hop > maxHops ? nextTurn(() => run(task, 0)) : afterCallback(() => run(task, hop))
}

const microtaskScheduler = new Scheduler.MixedScheduler("async", soon)

const standard = Context.get(Context.empty(), Scheduler.Scheduler)

/** Runs the effect and what it forks so, unless the application has chosen a scheduler itself. */
export const withMicrotaskScheduler = Effect.updateService(Scheduler.Scheduler, (scheduler) =>
  scheduler === standard ? microtaskScheduler : scheduler,
)
