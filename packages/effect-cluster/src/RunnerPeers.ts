/**
 * The runners of Effect's cluster engine as peers of this node: which peer is which runner, and what this node knows of
 * it.
 *
 * @since 0.1.0
 */
import * as ChangeFeed from "@coterie/core/ChangeFeed"
import { Cluster } from "@coterie/core/Cluster"
import { OptionsError, type StoppedError } from "@coterie/core/ClusterError"
import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import type { PeerDescription, PeerId } from "@coterie/core/Peer"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { decodeName, encodeName, maxEncodedName, parse, textOf } from "./internal/runnerAddresses.ts"
import { RunnerTable } from "./internal/RunnerTable.ts"
import type { Verdict } from "./internal/Verdict.ts"

export type { Verdict } from "./internal/Verdict.ts"

/**
 * Options of {@link layerByPeer} and {@link layerByMetadata}.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Maximum number of dead runners to remember. This node no longer judges a runner that it has forgotten: its
   * registration in the storage expires by itself, after the `shardLockExpiration` of the engine. A larger value uses
   * more memory. Defaults to 1,024.
   */
  readonly rememberedRunners?: number | undefined
}

/** A dead runner matters until its registration expires, which takes 35 seconds by default. Few die in that time. */
const defaultRememberedRunners = 1_024

/**
 * The runners of the engine, as the membership of this node sees them.
 *
 * @category services
 * @since 0.1.0
 */
export class RunnerPeers extends Context.Service<
  RunnerPeers,
  {
    /** Address of the runner of this node. */
    readonly self: RunnerAddress.RunnerAddress
    /** Returns what this node knows of the runner with an address. */
    readonly verdict: (address: RunnerAddress.RunnerAddress) => Verdict
    /** Returns the name of the peer of a runner, or `undefined` if this node does not know it. */
    readonly nameOf: (address: RunnerAddress.RunnerAddress) => string | undefined
    /** Emits at the start, and after a runner has become dead. A slow reader skips. Ends when this node has stopped. */
    readonly deaths: Stream.Stream<void>
    /** Returns `true` if this node is no longer a peer: it has left, or it stopped because of an error. */
    readonly isStopped: () => boolean
    /** Waits until this node is no longer a peer. */
    readonly awaitStopped: Effect.Effect<void>
  }
>()("@coterie/effect-cluster/RunnerPeers") {}

/**
 * Waits until this node has met its peers, as far as they answer, so that it knows the runners from the start, and so
 * that a node that its peers refuse fails before its runner takes shards. A node with a manual start that is not
 * started yet is not waited for, because its start may come after this layer.
 */
const settle = Effect.fnUntraced(function* (cluster: Cluster["Service"]) {
  const status = yield* cluster.status
  if (status._tag !== "Starting" || status.reason !== "notStarted") yield* cluster.settled
})

/** Follows the membership of this node until the scope closes. */
const make = Effect.fnUntraced(function* (
  cluster: Cluster["Service"],
  self: RunnerAddress.RunnerAddress,
  addressOf: (peer: PeerDescription) => RunnerAddress.RunnerAddress | undefined,
  { rememberedRunners: capacity = defaultRememberedRunners }: Options,
) {
  if (!Number.isInteger(capacity) || capacity < 1) {
    return yield* new OptionsError({ option: "rememberedRunners", problem: "must be an integer of at least 1" })
  }
  const table = new RunnerTable({ addressOf, capacity })
  const stopped = Deferred.makeUnsafe<void>()
  const isFollowing = Deferred.makeUnsafe<void>()
  let count = 0
  const deaths = ChangeFeed.makeUnsafe<number, number>({ state: () => count, capacity: 1 })

  const apply = (event: ClusterEvent): void => {
    if (table.apply(event)) deaths.publishUnsafe(++count)
    Deferred.doneUnsafe(isFollowing, Effect.void)
  }
  // The events end when this node leaves or stops. Closing the scope interrupts the fiber before.
  const stop = (): void => {
    Deferred.doneUnsafe(isFollowing, Effect.void)
    Deferred.doneUnsafe(stopped, Effect.void)
    deaths.endUnsafe()
  }
  yield* Stream.runForEach(cluster.events, (event) => Effect.sync(() => apply(event))).pipe(
    Effect.andThen(Effect.sync(stop)),
    Effect.forkScoped,
  )
  yield* Deferred.await(isFollowing)
  return RunnerPeers.of({
    self,
    verdict: (address) => (textOf(address) === textOf(self) ? "alive" : table.verdictOf(address)),
    nameOf: (address) => table.nameOf(address),
    deaths: Stream.map(deaths.states, () => undefined),
    isStopped: () => Deferred.isDoneUnsafe(stopped),
    awaitStopped: Deferred.await(stopped),
  })
})

/**
 * Returns the address of the runner of a peer under {@link layerByPeer}: the encoded name as the host, and the
 * generation as the port.
 *
 * @category getters
 * @since 0.1.0
 */
export const addressOf = ({ generation, name }: PeerId): RunnerAddress.RunnerAddress =>
  RunnerAddress.make(encodeName(name), generation)

/** Logs a warning if the generation of this node rises after its runner has taken its address. */
const warnOfNewGeneration = (cluster: Cluster["Service"], taken: PeerId): Effect.Effect<void> =>
  cluster.events.pipe(
    Stream.filter((event) => event._tag === "SelfChanged" && event.self.generation !== taken.generation),
    Stream.take(1),
    Stream.runForEach(() =>
      Effect.logWarning(
        `the generation of this node has risen since its runner took the address ${textOf(addressOf(taken))}, because a ` +
          "peer knows a later life of its name; peers do not recognize this runner, and find out about its death only " +
          "when its registration expires: start the node before the engine, or restart the process",
      ),
    ),
  )

/**
 * Provides the runners for the transport of `CoterieRunners`. The address of a runner is made of the name and the
 * generation of its peer, so each life of a name is a runner of its own.
 *
 * **Details**
 *
 * - Waits until the node has settled, unless its start is manual and still to come. Fails with `StoppedError` if the
 *   node stops meanwhile, for example because its seeds belong to another cluster.
 * - Fails with `OptionsError` if the name of this node has more than 230 characters after percent-encoding, or if an
 *   option is invalid.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerByPeer = (options: Options = {}): Layer.Layer<RunnerPeers, OptionsError | StoppedError, Cluster> =>
  Layer.effect(RunnerPeers)(
    Effect.gen(function* () {
      const cluster = yield* Cluster
      yield* settle(cluster)
      const self = yield* cluster.self
      const { length } = encodeName(self.name)
      if (length > maxEncodedName) {
        const problem =
          `the name of a runner must have at most ${maxEncodedName} characters, in which each byte other than ` +
          `A-Z, a-z, 0-9, ".", "_" and "-" counts as three; this name has ${length}`
        return yield* new OptionsError({ option: "name", problem })
      }
      const peers = yield* make(cluster, addressOf(self), addressOf, options)
      yield* Effect.forkScoped(warnOfNewGeneration(cluster, self))
      // The address has the name, so the name of a peer that this node has not met is known as well.
      return RunnerPeers.of({ ...peers, nameOf: ({ host }) => decodeName(host) })
    }),
  )

/**
 * Key of the metadata with the address of a peer's runner, `HOST:PORT`.
 *
 * @category metadata
 * @since 0.1.0
 */
export const metadataKey = "effect/cluster/runner"

/**
 * Provides the runners for an engine that keeps a transport of Effect, such as sockets. Each peer announces the address
 * of its runner, `HOST:PORT`, in its metadata with the key {@link metadataKey}.
 *
 * **Details**
 *
 * - The address of a life of a peer is the first one that it announces. Later changes of its metadata do not change it.
 * - Waits until the node has settled, as {@link layerByPeer} does, and fails with `StoppedError` if the node stops
 *   meanwhile.
 * - Fails with `OptionsError` if the metadata of this node has no address, or if an option is invalid.
 *
 * **Gotchas**
 *
 * A peer that joins after an application has removed the key from its metadata does not find the runner. Use the
 * function form of `updateMetadata` to keep the other keys.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerByMetadata = (
  options: Options = {},
): Layer.Layer<RunnerPeers, OptionsError | StoppedError, Cluster> =>
  Layer.effect(RunnerPeers)(
    Effect.gen(function* () {
      const cluster = yield* Cluster
      yield* settle(cluster)
      const { metadata } = yield* cluster.self
      const self = parse(metadata[metadataKey])
      if (self === undefined) {
        const problem = 'must be the address of the runner of this process, "HOST:PORT"'
        return yield* new OptionsError({ option: `metadata.${metadataKey}`, problem })
      }
      return yield* make(cluster, self, (peer) => parse(peer.metadata[metadataKey]), options)
    }),
  )
