/**
 * The types of a node for the application: its options and the service. `Cluster.ts` publishes these
 * types. They are here because the folders below `Cluster.ts` implement them.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { JoinError, NodeStopped, OptionsError, SendError, StoppedError } from "../ClusterError.ts"
import type { ClusterEvent, View } from "../ClusterEvent.ts"
import type * as Inspection from "../Inspection.ts"
import type { BroadcastReport, Lane, LaneOptions, PublishOptions, SendOptions, Sent } from "../Lane.ts"
import type * as Limits from "../Limits.ts"
import type { Message } from "../Message.ts"
import type { NodeComponents } from "../NodeComponents.ts"
import type { NodeLog } from "../NodeLog.ts"
import type { NodeMetrics } from "../NodeMetrics.ts"
import type { Peer, PeerRef } from "../Peer.ts"
import type * as TopicSerialization from "../TopicSerialization.ts"
import type { FailOn } from "./SeedOutcomes.ts"
import type { Metadata, Self } from "./Self.ts"
import type { Status } from "./Status.ts"

/**
 * Options of a node. Only `cluster` is required.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Name of the cluster, 1 to 128 bytes. The node refuses peers of another cluster. */
  readonly cluster: string
  /**
   * Name of this node. It must be unique in the cluster and stay the same after a restart. Defaults to 128 random bits
   * in hex.
   */
  readonly name?: string | undefined
  /**
   * Addresses of peers to dial at the start and whenever there is no link to them, `HOST:PORT`, or `HOST` for the port
   * `Address.defaultPort`.
   */
  readonly seeds?: ReadonlyArray<string> | undefined
  /** Metadata of this node, visible to all peers: at most 256 pairs and 8 KiB. */
  readonly metadata?: Metadata | undefined
  /**
   * Propagates the current span with each message, so that receivers can continue the trace. Defaults to `false`.
   */
  readonly tracing?: boolean | undefined
  /** Bounds that differ from the defaults, such as `{ confirmTimeout: "1 minute", messageBytes: 1024 * 1024 }`. */
  readonly limits?: Limits.Options | undefined
  /**
   * Start of the node. Defaults to `auto`.
   *
   * - `auto`: the node starts when the layer is built. Peers may send messages before the application reads.
   * - `manual`: the node starts when `start` or `join` is called, or when `Cluster.layerStart` is built. Until then it
   *   listens but neither dials nor accepts. A peer that dials it waits for its handshake timeout and tries again.
   */
  readonly start?: "auto" | "manual" | undefined
  /**
   * Refusals by a seed or a discovered address that stop this node with a `StoppedError` if it has never had a link.
   * Defaults to `["duplicate", "otherCluster"]`. With an empty list the node retries forever.
   *
   * **Details**
   *
   * `duplicate` stops the node once the namesake has refused it for a link timeout, so that a process may start shortly
   * before its predecessor has ended. If the namesake is older and also dials this node, the namesake stops and this
   * node continues. Any other refusal stops the node if no remaining address may accept it.
   */
  readonly failOn?: ReadonlyArray<FailOn> | undefined
  /** Use of the event loop and the memory, which the node shares with the rest of the process. */
  readonly process?: ProcessOptions | undefined
}

/**
 * Options for the event loop and the memory, which a node shares with the rest of the process.
 *
 * @category options
 * @since 0.1.0
 */
export interface ProcessOptions {
  /**
   * Runs the fibers of the node, including the streams of its readers, as microtasks: after the callback that woke them
   * and before the next callback. After eight in a row, the next one waits for the next turn of the event loop. With
   * `false`, the node uses the scheduler of the application and each hop waits for a turn of the event loop: latency
   * rises and throughput falls. A scheduler that the application provides is always used. Defaults to `true`.
   */
  readonly microtasks?: boolean | undefined
  /**
   * Frees received bytes as soon as they are no longer needed, by transferring their `ArrayBuffer`, whose length is
   * then 0. The node frees only arrays that the transport handed over and that fill their buffer. It never frees a
   * payload that the application gets, unless the application calls `Message.release`. Use `false` with a transport that keeps references to these arrays; the garbage
   * collector then has more work. Defaults to `true`.
   */
  readonly detachBuffers?: boolean | undefined
}

/**
 * A running node of the cluster.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Returns the description of this node. */
  readonly self: Effect.Effect<Self>
  /** Returns the members except this node. Each is alive or suspected. */
  readonly peers: Effect.Effect<ReadonlyArray<Peer>>
  /** Returns the view: the members by name, this node as `self`, and `isolated`. */
  readonly view: Effect.Effect<View>
  /**
   * Returns the view synchronously, for code that cannot run effects, such as an invariant of a simulation or a gauge.
   */
  readonly viewUnsafe: () => View
  /** Current view, and the view after each change. A slow reader gets the newest view and skips intermediate ones. */
  readonly views: Stream.Stream<View>
  /**
   * Returns the round-trip time to a peer, from the Ping of this node to the Pong of the peer, smoothed over about
   * eight samples (RFC 6298).
   *
   * **Details**
   *
   * Of two peers, the one with the lower name gets a sample with every heartbeat. The other one gets a sample when
   * `rtt` is called and the last sample is older than 10 seconds. The call then waits for a Ping and its Pong, for at
   * most the link timeout. `inspect` with `ping` also takes samples. The time includes the time that the two processes
   * take to handle a frame and, under load, the wait behind other bytes on the link. It is therefore the round-trip time
   * of the two applications.
   *
   * Returns `None` if there is no link to the peer, or to the given generation of it, or if no Pong has arrived yet.
   * Returns zero for this node itself.
   */
  readonly rtt: (peer: PeerRef) => Effect.Effect<Option.Option<Duration.Duration>>
  /**
   * Returns a copy of all that this node knows at this moment: its status, its queues, each peer with its link or the
   * reason why it has none, and the outcome of each address that it dials. Never fails, and also works after this node
   * has stopped.
   *
   * **When to use**
   *
   * Use it to find the cause of a problem, for example in an admin page or a support bundle. Programs that react to
   * changes use `events`, `views` and `statuses`.
   *
   * **Details**
   *
   * The cost is O(members) for each call, and nothing while nobody calls. With `ping: true` the call first measures the
   * round-trip times of links without a recent sample, and waits for the answers for at most 1 second.
   */
  readonly inspect: (options?: Inspection.Options) => Effect.Effect<Inspection.Inspection>
  /**
   * A `Snapshot`, and then every change in order. A reader that is more than `limits.eventBuffer` events behind gets
   * `Lagged` and a new `Snapshot`.
   */
  readonly events: Stream.Stream<ClusterEvent>
  /** Returns the status of this node: the progress of its start, its membership, or its end. */
  readonly status: Effect.Effect<Status>
  /** Current status, and the status after each change. A slow reader skips intermediate ones. Ends after `Stopped`. */
  readonly statuses: Stream.Stream<Status>
  /**
   * Starts a node that has the option `start: "manual"`, and waits like `settled`. If the node is already started, it
   * only waits. Fails with `NodeStopped` if this node has left or leaves in the meantime, and with `StoppedError` if it
   * stopped because of an error.
   *
   * **When to use**
   *
   * Call it, or build `Cluster.layerStart`, after all readers of messages have started. A peer may send as soon as it
   * sees this node. A message on a lane without a reader is lost.
   */
  readonly start: Effect.Effect<void, StoppedError | NodeStopped>
  /**
   * Waits until the first attempts to find peers are over, and returns the status: `Member` if there is a link, and
   * otherwise `Alone` with its reason. The attempts are over at the first link, or when every seed and every address of
   * the first discovery result has been tried once, at the latest after twice `limits.handshakeTimeout`. Fails with
   * `StoppedError` if the node stops because of an error.
   */
  readonly settled: Effect.Effect<Status, StoppedError>
  /**
   * Waits until this node has released all resources. Succeeds after `leave`, and fails with `StoppedError` if the node
   * stopped because of an error.
   */
  readonly stopped: Effect.Effect<void, StoppedError>
  /**
   * Messages of the inbox, in order per sender. The stream ends when this node has left.
   *
   * **Details**
   *
   * Reading returns credit to the senders. If the inbox is not read, its senders wait, and nothing else is affected.
   * `Stream.runForEachArray` is the fastest way to read it.
   *
   * **Gotchas**
   *
   * Several runs of the stream share the messages. A run that ends early, for example with `Stream.take`, loses up to
   * 256 messages that it has pulled. Use `receive` to take single messages.
   *
   * A `send` within the reading loop blocks the loop while the receiver's inbox is full. Two nodes that both do this
   * can deadlock. Send in another fiber (docs/messages.md, section "How to reply"). The log reports a run that fails.
   */
  readonly inbox: Stream.Stream<Message>
  /**
   * Takes one message of the inbox, and waits if there is none. Fails with `NodeStopped` when this node has left and
   * the inbox is empty.
   *
   * **Details**
   *
   * Takes no other message, and none if it is interrupted while it waits. Runs of `inbox` and `receive` share the
   * messages. Taking a message returns its credit and confirms it.
   */
  readonly receive: Effect.Effect<Message, NodeStopped>
  /**
   * Connects to a peer at one of the addresses, `HOST` or `HOST:PORT` each, and discovers the cluster through it. Fails
   * with `JoinError`.
   *
   * **Details**
   *
   * All addresses are dialed in parallel, at most `limits.dials` at a time, and again with the `Reconnect` schedule.
   * The join succeeds with the first peer that answers. The address of that peer and the addresses that have not
   * answered yet become seeds. A join fails at once if a text is not an address, and otherwise once every address has
   * failed with an error that a retry cannot fix. Bound it with `Effect.timeout`. A join starts a node that has the
   * option `start: "manual"`.
   */
  readonly join: (addresses: string | ReadonlyArray<string>) => Effect.Effect<Peer, JoinError>
  /**
   * Sends bytes or text directly to the inbox of one peer, or to the inbox of this node. Fails with `SendError`.
   *
   * **Details**
   *
   * Succeeds when the link has accepted the message, and waits while the peer's inbox is full. With `confirm`, the send
   * succeeds when the peer's reader has taken the message. After `limits.slowPeerTimeout` without progress, the node
   * emits `SlowPeer`, and the send continues to wait, with `confirm` until its timeout. Messages of one sender arrive in
   * order and at most once. Messages accepted before a link ends may be lost.
   *
   * **Gotchas**
   *
   * Do not change the bytes afterwards.
   */
  readonly send: (peer: PeerRef, payload: Uint8Array | string, options?: SendOptions) => Effect.Effect<Sent, SendError>
  /**
   * Sends many messages to the inbox of one peer, in order. Equivalent to a `send` for each message, and much faster
   * for small ones. If a message is not accepted, the `SendError` has the number of messages accepted before it
   * (`accepted`). If a message is too large, none is sent.
   */
  readonly sendAll: (peer: PeerRef, payloads: ReadonlyArray<Uint8Array | string>) => Effect.Effect<Sent, SendError>
  /**
   * Sends a message to the inbox of every peer and reports the outcome for each. It skips a peer whose inbox stays full
   * for `limits.slowPeerTimeout`, and later messages skip that peer at once until it gives credit. With `self`, the
   * inbox of this node also gets the message. Fails only if the message is too large or if this node has left.
   */
  readonly broadcast: (
    payload: Uint8Array | string,
    options?: PublishOptions,
  ) => Effect.Effect<BroadcastReport, SendError>
  /**
   * Returns the lane with a name of 1 to 128 bytes. Topics and requests are built on lanes. Fails with `OptionsError`
   * if the name or the format is invalid.
   */
  readonly lane: (name: string, options?: LaneOptions) => Effect.Effect<Lane, OptionsError>
  /** Serialization of the topics that have no serialization of their own, as provided to the layer of the cluster. */
  readonly serialization: TopicSerialization.Service
  /** Bounds of this node: the defaults, and those of the option `limits`. Times are in milliseconds. */
  readonly limits: Limits.Limits
  /** Metrics of this node. A package can add its own. They are removed when the node has left. */
  readonly metrics: NodeMetrics
  /** Log of this node, for the lines of packages that other processes cause. */
  readonly log: NodeLog
  /** Components that packages have added to this node, such as owned maps. The admin service shows them. */
  readonly components: NodeComponents
  /**
   * Disconnects from a peer. Both nodes remove each other from the view, and neither dials the other until one of them
   * calls `join`.
   */
  readonly disconnect: (peer: PeerRef) => Effect.Effect<void>
  /**
   * Replaces the metadata of this node and announces it to all peers. Fails with `OptionsError` if it is too large.
   *
   * **Details**
   *
   * A function gets the current metadata. Changes run one after the other, so that two parts of an application that
   * change different keys do not overwrite each other.
   *
   * **Example** (Change one key)
   *
   * ```ts
   * import { Cluster } from "@coterie/core"
   * import { Effect } from "effect"
   *
   * const markBusy = Effect.gen(function* () {
   *   const cluster = yield* Cluster.Cluster
   *   yield* cluster.updateMetadata((metadata) => ({ ...metadata, status: "busy" }))
   * })
   * ```
   */
  readonly updateMetadata: (change: Metadata | ((present: Metadata) => Metadata)) => Effect.Effect<void, OptionsError>
  /**
   * Leaves the cluster: notifies all peers, waits up to 5 seconds for their acknowledgements, and closes everything. A
   * peer from which nothing arrives delays it for 1 second, or for half of the link timeout if that is longer.
   * Closing the scope of the layer does the same.
   */
  readonly leave: Effect.Effect<void>
}
