/**
 * Workload for comparing schedulers. Members sleep, pick another member, and send it a message with a delay. It is
 * plain Effect, so the same code runs under any clock.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"

/** Number of fibers. Half of them are members, and half are their readers. */
export const fibers = 200

/** Runs for a number of seconds of the current clock. Counts sent and received messages. */
export const gossip = (seconds: number, count: () => void): Effect.Effect<void> =>
  Effect.gen(function* () {
    const inboxes = yield* Effect.forEach(Array.from({ length: fibers / 2 }), () => Queue.unbounded<number>())
    const send = Effect.fnUntraced(function* (from: number) {
      const to = inboxes[yield* Random.nextIntBetween(0, inboxes.length - 1)]
      if (to === undefined) return
      count()
      yield* Effect.sleep(yield* Random.nextIntBetween(1, 30))
      yield* Queue.offer(to, from)
    })
    const member = Effect.fnUntraced(function* (index: number) {
      for (;;) {
        yield* Effect.sleep(yield* Random.nextIntBetween(20, 80))
        yield* Effect.forkChild(send(index))
      }
    })
    yield* Effect.forEach(inboxes, (inbox) => Effect.forkChild(Effect.forever(Effect.map(Queue.take(inbox), count))))
    yield* Effect.forEach(inboxes, (_, index) => Effect.forkChild(member(index)))
    yield* Effect.sleep(`${seconds} seconds`)
  })
