/**
 * Runs an effect for each of several peers and emits the outcomes as they arrive. Bounds the concurrency and the total
 * time.
 */
import type { PeerId } from "@coterie/core/Peer"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

/** Outcome of the effect for one peer. */
export interface Outcome<A, E> {
  readonly peer: PeerId
  readonly exit: Exit.Exit<A, E>
}

export interface Options<A, E, R> {
  readonly peers: ReadonlyArray<PeerId>
  readonly ask: (peer: PeerId) => Effect.Effect<A, E, R>
  /**
   * Returns `true` for a failure after which the peer has no outcome, such as a peer that does not serve the service.
   */
  readonly isAbsent: (error: E | Cause.TimeoutError) => boolean
  /** Maximum number of peers to ask at one time. */
  readonly concurrency: number | "unbounded"
  /** Time for all peers together. */
  readonly timeout: Duration.Input
}

/** Asks the peers. The end of the stream's scope interrupts the effects that are running. */
export const askAll = <A, E, R>({
  ask,
  concurrency,
  isAbsent,
  peers,
  timeout,
}: Options<A, E, R>): Stream.Stream<Outcome<A, E | Cause.TimeoutError>, never, R> =>
  Stream.unwrap(
    Effect.gen(function* () {
      // The queue has room for every outcome, so a slow reader of the stream does not delay requests.
      const outcomes = yield* Queue.bounded<Outcome<A, E | Cause.TimeoutError>, Cause.Done>(Math.max(1, peers.length))
      const timer = yield* Effect.forkScoped(Effect.sleep(timeout))
      const timedOut = Effect.suspend(() => Effect.fail(new Cause.TimeoutError("the peer did not respond in time")))
      const askOne = Effect.fnUntraced(function* (peer: PeerId) {
        const isOver = timer.pollUnsafe() !== undefined
        const exit = yield* Effect.exit(
          isOver ? timedOut : Effect.raceFirst(ask(peer), Effect.andThen(Fiber.await(timer), timedOut)),
        )
        if (Option.exists(Exit.findErrorOption(exit), isAbsent)) return
        yield* Queue.offer(outcomes, { peer, exit })
      })
      yield* Effect.forEach(peers, askOne, { concurrency, discard: true }).pipe(
        Effect.ensuring(Queue.end(outcomes)),
        Effect.forkScoped,
      )
      return Stream.fromQueue(outcomes)
    }),
  )
