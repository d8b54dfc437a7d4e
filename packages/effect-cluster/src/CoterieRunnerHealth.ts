/**
 * Health of the runners of Effect's cluster engine, from the membership of this node.
 *
 * @since 0.1.0
 */
import { OptionsError } from "@coterie/core/ClusterError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import { RunnerStorage } from "effect/cluster/RunnerStorage"
import { ShardingConfig } from "effect/cluster/ShardingConfig"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { judge } from "./internal/judge.ts"
import { readRunners, storageTimeout } from "./internal/registeredRunners.ts"
import { Responder } from "./internal/Responder.ts"
import { textOf } from "./internal/runnerAddresses.ts"
import { RunnerPeers } from "./RunnerPeers.ts"

/**
 * Provides the health check of the engine. It sends nothing and waits for no peer.
 *
 * **Details**
 *
 * - A runner whose peer is a member is alive, also while the peer is suspected.
 * - A runner whose peer has failed or left is not alive, if this node reaches more registered runners than it has lost.
 * - In all other cases this node leaves the flag in the storage as it is: for its own runner, for a runner whose peer it
 *   has not met, in a minority, and when this node has stopped. The same holds if the storage does not answer.
 * - Only runners other than living peers cost a query of the storage.
 *
 * **Gotchas**
 *
 * The engine checks health on one runner only. When that one dies, nobody checks until its registration has expired.
 * {@link layerResponder} does not depend on it: use both.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<RunnerHealth.RunnerHealth, never, RunnerPeers | RunnerStorage> = Layer.effect(
  RunnerHealth.RunnerHealth,
)(
  Effect.gen(function* () {
    const peers = yield* RunnerPeers
    const storage = yield* RunnerStorage
    const isMember = (address: Parameters<typeof peers.verdict>[0]) =>
      !peers.isStopped() && textOf(address) !== textOf(peers.self) && peers.verdict(address) === "alive"

    const isAlive = Effect.fnUntraced(function* (address: Parameters<typeof peers.verdict>[0]) {
      if (isMember(address)) return true
      const runners = yield* readRunners(peers, storage)
      const runner = runners.find((runner) => runner.address === textOf(address))
      if (runner?.verdict === "dead" && !peers.isStopped() && judge(runners) !== "never") return false
      // The engine sets the flag to the answer, so the answer is the flag.
      return runner?.healthy ?? true
    })
    return RunnerHealth.RunnerHealth.of({
      isAlive: (address) => Effect.orElseSucceed(isAlive(address), () => true),
    })
  }),
)

/**
 * Options of {@link layerResponder}.
 *
 * @category options
 * @since 0.1.0
 */
export interface ResponderOptions {
  /**
   * Time between two responders. The responder with the first address among those that a node reaches acts at once, the
   * next one after this time if the first has not. A larger value is slower if the first responder is lost as well. A
   * value below the time of two queries of the storage causes several writes. Defaults to 200 milliseconds.
   */
  readonly stagger?: Duration.Input | undefined
  /**
   * Time by which a side waits longer if it has as many runners as it has lost, and the other side has the first
   * address. With two runners, this is the case in one of two deaths. Use more than the time in which the engine reads
   * the storage (`refreshAssignmentsInterval`), so that the second side sees what the first has done. Defaults to 1
   * second.
   */
  readonly tieDelay?: Duration.Input | undefined
}

/** Default time between two responders: enough for two queries of a storage in the same region. */
const defaultStagger: Duration.Input = "200 millis"

/** Default delay of the second side in a tie: twice the interval in which the engine reads the storage. */
const defaultTieDelay: Duration.Input = "1 second"

/** Returns a duration of zero or more, or fails with `OptionsError`. */
const durationOf = (option: string, input: Duration.Input) => {
  const duration = Option.filter(Duration.fromInput(input), (duration) => Duration.isFinite(duration))
  return Option.match(duration, {
    onNone: () => Effect.fail(new OptionsError({ option, problem: "must be a finite duration" })),
    onSome: Effect.succeed,
  })
}

/**
 * Marks the runner of this node as unhealthy once this node has stopped. Peers no longer reach it, so the engine must
 * hand its shards over.
 */
const handOver = (peers: RunnerPeers["Service"], storage: RunnerStorage["Service"]): Effect.Effect<void> =>
  peers.awaitStopped.pipe(
    Effect.andThen(
      Effect.logError("this node is no longer a peer, so its runner hands its shards over: end the process"),
    ),
    Effect.andThen(Effect.timeout(storage.setRunnerHealth(peers.self, false), storageTimeout)),
    Effect.catchCause((cause) =>
      Effect.logWarning("cannot mark the runner of this node as unhealthy, because the storage failed", cause),
    ),
  )

/**
 * Marks a runner as unhealthy in the storage as soon as its peer has failed or left. The runners that remain then take
 * its shards, as soon as their locks are free.
 *
 * **Details**
 *
 * - Each node has a responder, so it does not matter which runner dies. The responders act one after the other, in the
 *   order of their addresses.
 * - A node acts only if it reaches more registered runners than it has lost. If it reaches as many as it has lost, the
 *   side with the first address acts at once, and the other side after `tieDelay`.
 * - A responder never marks a runner as healthy and never touches locks. The health check of the engine marks a runner
 *   as healthy when its peer is back.
 * - When this node has stopped, it marks its own runner as unhealthy and logs an error.
 * - Fails with `OptionsError` if a duration is invalid.
 *
 * **Gotchas**
 *
 * The locks decide when the shards of a dead runner are free. With advisory locks, they are free when the process ends.
 * With locks that are rows, and for a process that stands still, they are free after `shardLockExpiration`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerResponder = (
  options: ResponderOptions = {},
): Layer.Layer<never, OptionsError, RunnerPeers | RunnerStorage | ShardingConfig> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const peers = yield* RunnerPeers
      const storage = yield* RunnerStorage
      const { shardLockDisableAdvisory, shardLockExpiration } = yield* ShardingConfig
      const stagger = yield* durationOf("responder.stagger", options.stagger ?? defaultStagger)
      const tieDelay = yield* durationOf("responder.tieDelay", options.tieDelay ?? defaultTieDelay)
      if (shardLockDisableAdvisory) {
        const expiration = Duration.format(Duration.fromInputUnsafe(shardLockExpiration))
        yield* Effect.logWarning(
          `the shard locks are rows (shardLockDisableAdvisory): the shards of a killed runner are free only after ${expiration} (shardLockExpiration)`,
        )
      }
      const responder = new Responder({ peers, storage, stagger, tieDelay })
      yield* Effect.forkScoped(responder.run)
      yield* Effect.forkScoped(handOver(peers, storage))
    }),
  )
