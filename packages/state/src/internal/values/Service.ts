/**
 * The types of a shared value for the application. `SharedValue.ts` publishes these types. They are here because the
 * modules of this folder implement them.
 */
import type { PeerId } from "@coterie/core/Peer"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { StateError } from "../../StateError.ts"

/**
 * Bounds of the shared values of a node. Use the same bounds on all nodes.
 *
 * @category options
 * @since 0.1.0
 */
export interface Limits {
  /**
   * Maximum number of values that this node keeps, including those of other nodes that no module of this node has
   * opened. A value is never removed, so this number bounds what a broken peer can fill. Values beyond it are ignored,
   * counted and logged. Defaults to 1,024.
   */
  readonly values: number
  /**
   * Maximum number of bytes of one encoded value. A value must also fit into one message of this node, as Base64 and with a
   * kilobyte beside it: the bound is at most about three quarters of `limits.messageBytes` of the cluster. Defaults to
   * 16 KiB.
   */
  readonly entryBytes: number
}

/**
 * Options of a value. All nodes that share the value must use compatible schemas.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<A> {
  /** Schema of the value. The serialization is that of the topics of the node. */
  readonly value: Schema.Codec<A, unknown>
  /** Value until this node knows a write. It is not sent. */
  readonly initial: NoInfer<A>
  /**
   * Shows the value in the admin service of this node, to each bearer of a token of the role `read`: a component of the
   * kind `value`, with JSON of at most 256 characters. With `false`, the service shows sizes and states only. Defaults to
   * `false`.
   */
  readonly showContents?: boolean | undefined
}

/**
 * A write of a value.
 *
 * @category models
 * @since 0.1.0
 */
export interface Written<out A> {
  readonly value: A
  /** Node that wrote the value. */
  readonly by: PeerId
  /**
   * Time of the write in milliseconds since 1970: the wall clock of its writer, or the time of the write before if that
   * is greater. It is ahead of the true time if the clock of a writer was.
   */
  readonly at: number
}

/**
 * Two writes that did not see each other. The value of `lost` was the value of this node before.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conflict<out A> {
  readonly won: Written<A>
  readonly lost: Written<A>
}

/**
 * A value that is open at this node.
 *
 * @category models
 * @since 0.1.0
 */
export interface SharedValue<in out A> {
  readonly name: string
  /** Returns the value of the newest write that this node knows, or the initial value. */
  readonly get: Effect.Effect<A>
  /**
   * Replaces the value. When the effect completes, `get` returns the new value, and it is on the way to all peers.
   *
   * **Details**
   *
   * Wins over every write that this node has seen, whatever the clocks say. Of two writes that did not see each other,
   * the one with the greater timestamp wins at all nodes. When the last value of a node closes, the node waits at most 1
   * second until a peer has its writes, so that a write right before the end is not lost. The first write waits until this node has the values of its
   * peers, at most 1 second from the first opening of a value, because a node that has just restarted would otherwise
   * overwrite or lose against what it does not know.
   */
  readonly set: (value: A) => Effect.Effect<void, StateError>
  /**
   * Replaces the value by a function of the value that this node knows.
   *
   * **Gotchas**
   *
   * Other nodes do not wait. Of two updates at two nodes at the same time, one is lost. Do not count with it.
   */
  readonly update: (change: (value: A) => A) => Effect.Effect<void, StateError>
  /** The present value, and the newest value after each write. A slow subscriber skips values in between. */
  readonly values: Stream.Stream<A>
  /** The newest write if there is one, and each newer one. A slow subscriber skips writes in between. */
  readonly writes: Stream.Stream<Written<A>>
  /**
   * Conflicts that replaced the value of this node, from the moment the stream runs. Each node that had the lost value
   * emits the conflict once. A subscriber that is more than 256 conflicts behind misses the oldest.
   *
   * **Gotchas**
   *
   * It is a help and no guarantee: a conflict is missing if this node did not get a write in between.
   */
  readonly conflicts: Stream.Stream<Conflict<A>>
  /** Waits until this node has the values of every member with a link. Otherwise like `synced` of an owned map. */
  readonly synced: Effect.Effect<void>
}
