/**
 * Invalidation of keys at all peers, for any cache. `PeerReactivity`, `PeerCache` and `PeerPersistedCache` use this module.
 *
 * ```ts
 * import { PeerInvalidation } from "@coterie/reactivity"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const prices = new Map<string, number>()
 *   const invalidation = yield* PeerInvalidation.make("prices", (stale) =>
 *     Effect.sync(() => {
 *       if (stale._tag === "All") prices.clear()
 *       else for (const key of stale.keys) prices.delete(key)
 *     }),
 *   )
 *   // After the new price of a tea is stored:
 *   prices.delete("tea")
 *   yield* invalidation.invalidate(["tea"])
 * })
 * ```
 *
 * @since 0.1.0
 */
import { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import type { Message } from "@coterie/core/Message"
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { Channel, sessionWithSelf } from "./internal/Channel.ts"
import { countInvalidations } from "./internal/countInvalidations.ts"
import { format, maxBytes } from "./internal/messages.ts"
import { Reader } from "./internal/Reader.ts"
import type { Bounds } from "./internal/StaleKeys.ts"

/**
 * Keys that a peer made stale, or all keys.
 *
 * @category models
 * @since 0.1.0
 */
export type Stale =
  | { readonly _tag: "Keys"; readonly keys: ReadonlySet<string> }
  | {
      readonly _tag: "All"
      /**
       * Cause of the invalidation of everything.
       *
       * - `Told`: a peer said so. Each peer says it when this node gets a link to it, because this node has not heard what
       *   the peer wrote before. A peer also says it instead of more than {@link Options.maxKeys} keys.
       * - `Gone`: a peer failed, or left without its last message. Its last invalidations may be lost.
       * - `Unread`: a peer sent more messages than this node reads, or a message that this node cannot decode.
       */
      readonly cause: "Told" | "Gone" | "Unread"
    }

/**
 * A list or a set of keys.
 *
 * @category models
 * @since 0.1.0
 */
export type KeyList = ReadonlyArray<string> | ReadonlySet<string>

/**
 * Bounds of a channel. All nodes should use the same ones.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Maximum number of keys in a message, and in the memory for each peer that takes no messages. Beyond it, the message
   * says "all keys". Defaults to 1,024: a message of a few 10 kB. A larger number makes peers look up more keys for each
   * message, and invalidate everything less often.
   */
  readonly maxKeys?: number | undefined
  /**
   * Maximum number of characters of the keys of a message. Beyond it, the message says "all keys". Defaults to 65,536,
   * which is 64 for each of 1,024 keys.
   */
  readonly maxCharacters?: number | undefined
  /**
   * Minimum time between two messages to one peer. Keys that become stale in the meantime go into one message. The first
   * message after a pause is sent at once. A peer that sends more than twice as often, and more than 10 messages a
   * second, is not read: everything is invalidated instead. Defaults to 50 milliseconds, so that a peer costs at most 20,480 keys a second.
   */
  readonly messageInterval?: Duration.Input | undefined
  /**
   * Minimum time between two invalidations of everything at this node, which may run every query again. Those that are
   * due in the meantime become one. The first one after a pause runs at once. Defaults to 1 second.
   */
  readonly allInterval?: Duration.Input | undefined
}

/**
 * A channel of invalidations at one node.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerInvalidation {
  /** Name of the channel. */
  readonly name: string
  /** Tells all peers that keys are stale. Does not wait for them, and never fails. */
  readonly invalidate: (keys: KeyList) => Effect.Effect<void>
  /** Does what {@link PeerInvalidation.invalidate} does, for code that cannot run effects. */
  readonly invalidateUnsafe: (keys: KeyList) => void
  /** Tells all peers that all keys are stale. */
  readonly invalidateAll: Effect.Effect<void>
  /** Does what {@link PeerInvalidation.invalidateAll} does, for code that cannot run effects. */
  readonly invalidateAllUnsafe: () => void
}

/** Default of {@link Options.maxKeys}. */
const defaultMaxKeys = 1_024
/** Default of {@link Options.maxCharacters}. */
const defaultMaxCharacters = 65_536
/** Default of {@link Options.messageInterval}. */
const defaultMessageInterval: Duration.Input = "50 millis"
/** Default of {@link Options.allInterval}. */
const defaultAllInterval: Duration.Input = "1 second"

/** Number of messages of a peer in a second that this node always decodes. Delays on the way let messages arrive together. */
const leastMessagesPerSecond = 10

/**
 * Opens a channel of invalidations until the scope closes. `onStale` is called for everything that becomes stale at
 * this node because of a peer, one call after the other. It is not called for the keys that this node itself
 * invalidates.
 *
 * **When to use**
 *
 * Use it for a cache that is not one of Effect's. Open it before the node starts (`start: "manual"`), and read nothing
 * into the cache before.
 *
 * **Details**
 *
 * - Invalidate a key after the new value is stored, so that a peer that reads at once gets the new value.
 * - A defect of `onStale` is logged, and the next call follows.
 * - When the scope closes, peers get the last keys. A peer that takes them within a second invalidates nothing else.
 * - Fails with `OptionsError` if a bound is invalid (`maxKeys`, `maxCharacters`, `messageInterval`, `allInterval`), if
 *   `invalidation/` and the name are no valid name of a lane or this node has a channel of this name already (`name`), or
 *   if it already reads 4,096 lanes (`lanes`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  name: string,
  onStale: (stale: Stale) => Effect.Effect<void>,
  options: Options = {},
): Effect.fn.Return<PeerInvalidation, OptionsError, Cluster | Scope.Scope> {
  const { allInterval, bounds, messageInterval } = yield* checked(options)
  const cluster = yield* Cluster
  const clock = yield* Clock.Clock
  const lane = yield* Effect.mapError(
    cluster.lane(`invalidation/${name}`, { format }),
    ({ problem }) => new OptionsError({ option: "name", problem: `the channel needs a valid lane name: ${problem}` }),
  )
  // The last message of one channel would end the other one at the peers, and neither would hear the other.
  if ((yield* lane.readers).some(({ session }) => session === sessionWithSelf)) {
    return yield* new OptionsError({
      option: "name",
      problem: `this node has a channel "${name}" already; use that one`,
    })
  }
  const laneLabel = cluster.metrics.laneLabel(lane.name)
  const counters = countInvalidations(cluster.metrics, laneLabel === lane.name ? name : laneLabel)
  const channel = new Channel({ lane, bounds, messageInterval, log: cluster.log })
  // Finalizers run in reverse order, so the fibers that send to peers have ended before this sends.
  yield* Effect.addFinalizer(() => channel.end)
  const fibers = yield* FiberMap.make<string>()
  const oneAtATime = yield* Semaphore.make(1)
  const call = (stale: Stale): Effect.Effect<void> =>
    Effect.suspend(() => onStale(stale)).pipe(
      oneAtATime.withPermits(1),
      Effect.catchCause((cause) =>
        cluster.log.write({
          level: "Error",
          kind: "failures of handlers of channels",
          subject: name,
          text: `the handler of the channel "${name}" failed, so stale values may remain`,
          cause,
        }),
      ),
    )
  const reader = new Reader({
    onKeys: (keys) => {
      counters.keys()
      return call({ _tag: "Keys", keys })
    },
    onAll: (cause) => {
      counters.all(cause)
      return call({ _tag: "All", cause })
    },
    now: () => MonotonicTime.millisUnsafe(clock),
    maxBytes: maxBytes(bounds),
    // Twice what a correct peer sends, because the intervals of two clocks differ.
    messagesPerSecond: Math.max(leastMessagesPerSecond, Math.ceil(2_000 / messageInterval)),
    allInterval,
    deadLetter: (message: Message, reason: string) => lane.deadLetter(message, reason),
  })
  yield* Effect.forkScoped(reader.run(yield* lane.open({ view: true })))
  yield* Effect.forkScoped(channel.run(fibers))
  const invalidateUnsafe = (keys: KeyList): void => channel.invalidate(keys)
  return {
    name,
    invalidate: (keys) => Effect.sync(() => invalidateUnsafe(keys)),
    invalidateUnsafe,
    invalidateAll: Effect.sync(() => channel.invalidateAll()),
    invalidateAllUnsafe: () => channel.invalidateAll(),
  }
})

/** Returns the bounds in their units, or fails if one of them is invalid. */
const checked = Effect.fnUntraced(function* (options: Options) {
  const { maxCharacters = defaultMaxCharacters, maxKeys = defaultMaxKeys } = options
  const { allInterval = defaultAllInterval, messageInterval = defaultMessageInterval } = options
  const bounds: Bounds = { maxKeys, maxCharacters }
  for (const [option, value] of Object.entries(bounds)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      return yield* new OptionsError({ option, problem: "it must be a whole number of at least 1" })
    }
  }
  return {
    bounds,
    messageInterval: yield* millis("messageInterval", messageInterval),
    allInterval: yield* millis("allInterval", allInterval),
  }
})

const millis = (option: string, input: Duration.Input): Effect.Effect<number, OptionsError> => {
  const value = Duration.toMillis(Duration.fromInputUnsafe(input))
  return Number.isFinite(value) && value >= 1
    ? Effect.succeed(value)
    : Effect.fail(new OptionsError({ option, problem: "it must be a finite time of at least 1 millisecond" }))
}
