/**
 * The shape of a node as its application sees it: options, the service, and how the node describes itself. `Cluster.ts`
 * publishes these types; they stand here because the rooms below `Cluster.ts` implement them.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { Address } from "../Address.ts"
import type { JoinError, NodeStopped, OptionsError, SendError, StoppedError } from "../ClusterError.ts"
import type { ClusterEvent, View } from "../ClusterEvent.ts"
import type { BroadcastReport, Lane, LaneOptions, PublishOptions, SendOptions, Sent } from "../Lane.ts"
import type * as Limits from "../Limits.ts"
import type { Message } from "../Message.ts"
import type { NodeMetrics } from "../NodeMetrics.ts"
import type { Peer, PeerRef } from "../Peer.ts"
import type * as TopicSerialization from "../TopicSerialization.ts"
import type { FailOn } from "./SeedOutcomes.ts"
import type { Status } from "./Status.ts"

/**
 * Metadata of a node: text by key.
 *
 * @category models
 * @since 0.1.0
 */
export type Metadata = Readonly<Record<string, string>>

/**
 * Options of a node. Only `cluster` is required.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Name of the cluster, 1 to 128 bytes. Peers of another cluster are refused. */
  readonly cluster: string
  /** Name of this node, unique in the cluster and the same after a restart. Defaults to 128 random bits in hex. */
  readonly name?: string | undefined
  /** Addresses to dial for peers at the start and ever after, `HOST:PORT`, or `HOST` for the port `Address.defaultPort`. */
  readonly seeds?: ReadonlyArray<string> | undefined
  /** Metadata of this node for all peers: at most 8 KiB. */
  readonly metadata?: Metadata | undefined
  /**
   * Propagates the current span with each message, so that receivers can continue the trace. Defaults to `false`.
   */
  readonly tracing?: boolean | undefined
  /** Bounds that differ from the defaults, such as `{ confirmTimeout: "1 minute", messageBytes: 1024 * 1024 }`. */
  readonly limits?: Limits.Options | undefined
  /**
   * When the node takes part. Defaults to `auto`.
   *
   * - `auto`: as soon as the layer is built. Peers may write before the application reads.
   * - `manual`: once `start` or `join` is called, or `Cluster.layerStart` is built. Until then the node listens, and neither dials
   *   nor accepts: a peer that dials it waits for the rest of its handshake timeout, and tries again.
   */
  readonly start?: "auto" | "manual" | undefined
  /**
   * Refusals by a seed or a discovered address that stop this node with a `StoppedError`, as long as it has not had a link.
   * Defaults to `["duplicate", "label"]`. With an empty list the node tries for ever.
   *
   * **Details**
   *
   * `duplicate` stops the node once the namesake has refused it for a link timeout, so that a process may start a moment before
   * its predecessor has ended. If the namesake is older and dials this node too, the namesake stops and this node goes on. Any other
   * refusal stops it if no address is left that may let it in.
   */
  readonly failOn?: ReadonlyArray<FailOn> | undefined
  /** How the node uses what it shares with the rest of the process. */
  readonly process?: ProcessOptions | undefined
}

/**
 * How a node uses what it shares with the rest of the process: the event loop and the memory.
 *
 * @category options
 * @since 0.1.0
 */
export interface ProcessOptions {
  /**
   * Runs the fibers of the node, which include the streams of its readers, as microtasks: after the callback that woke them and
   * before the next one. After eight of them in a row the next waits for the next turn of the event loop. With `false` the node
   * has the scheduler of the application, and each hop waits for a turn: messages take longer and throughput is lower. A scheduler
   * that the application provides is used in any case. Defaults to `true`.
   */
  readonly microtasks?: boolean | undefined
  /**
   * Frees received bytes, as soon as nothing of them is needed, by transferring their `ArrayBuffer`, which has the length 0 from
   * then on. The node frees only arrays that the transport handed over and that fill their buffer, and never a payload that the
   * application gets. Use `false` with a transport that keeps what it handed over; the garbage collector then has more to do.
   * Defaults to `true`.
   */
  readonly detachBuffers?: boolean | undefined
}

/**
 * Description of this node, as its peers see it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Self {
  readonly name: string
  /**
   * Number of this life of the name. It may rise until this node has met a peer: a peer that it dials may know a newer life of its
   * name, as after a restart with a clock that was set back. The event `SelfChanged` reports it.
   */
  readonly generation: number
  /** Addresses at which peers reach this node, the best first, as the transport says. */
  readonly addresses: ReadonlyArray<Address>
  readonly metadata: Metadata
  /**
   * Hosts at which peers see this node, the newest first, at most 8. Peers that this node dialed report them. A host that is not
   * among the hosts of `addresses` is a hint of a NAT.
   */
  readonly observedHosts: ReadonlyArray<string>
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
  /** Returns the members except this node; each is alive or suspected. */
  readonly peers: Effect.Effect<ReadonlyArray<Peer>>
  /** Returns the same members by name, this node as `self`, and whether this node is cut off. */
  readonly view: Effect.Effect<View>
  /** Returns the view without an effect, for code that must not wait, such as an invariant of a simulation or a gauge. */
  readonly viewUnsafe: () => View
  /** Current view, and the view after each change. A slow reader gets the newest view and skips those between. */
  readonly views: Stream.Stream<View>
  /**
   * Returns the round-trip time to a peer, as the application of the two would see it: from the Ping of this node to the Pong of the
   * peer, smoothed over about eight samples (RFC 6298).
   *
   * **Details**
   *
   * Of two peers the one with the lower name gets a sample with every heartbeat. The other one gets a sample when this is called and
   * the last is older than 10 seconds: the call then waits for a Ping and its Pong, at most for the link timeout. The time includes
   * what the two processes take to handle a frame and, while much is sent, the wait behind what is being written.
   *
   * Returns `None` without a link to the peer, or to that life of it if a generation is given, and if no Pong ever came. Returns zero
   * for this node itself.
   */
  readonly rtt: (peer: PeerRef) => Effect.Effect<Option.Option<Duration.Duration>>
  /**
   * A `Snapshot`, and then every change in order. A reader that is more than `limits.eventBuffer` events behind gets
   * `Lagged` and a new `Snapshot`.
   */
  readonly events: Stream.Stream<ClusterEvent>
  /** Returns how far this node is on its way into the cluster, or out of it. */
  readonly status: Effect.Effect<Status>
  /** Current status, and the status after each change. A slow reader skips some. Ends after `Stopped`. */
  readonly statuses: Stream.Stream<Status>
  /**
   * Starts a node with the option `start: "manual"`, and waits like `settled`. A node that is started already only waits. Fails with
   * `NodeStopped` if this node has left or leaves meanwhile, and with `StoppedError` if it stopped against its will.
   *
   * **When to use**
   *
   * Call it, or build `Cluster.layerStart`, when everything that reads messages does so. A peer may write as soon as it sees this
   * node, and its message is lost if nobody reads the lane.
   */
  readonly start: Effect.Effect<void, StoppedError | NodeStopped>
  /**
   * Waits until the first attempts to find peers are over, and returns the status: `Member` if there is a link, else `Alone` with
   * its reason. That is at the first link, or when every seed and every address of the first set of the discovery has been tried
   * once, at the latest after twice `limits.handshakeTimeout`. Fails if the node stops against its will.
   */
  readonly settled: Effect.Effect<Status, StoppedError>
  /** Waits until nothing of this node is left. Succeeds after `leave`, and fails if the node stopped against its will. */
  readonly stopped: Effect.Effect<void, StoppedError>
  /**
   * Messages of the inbox, in order per sender. The stream ends when this node has left.
   *
   * **Details**
   *
   * Reading gives credit back to the senders: an inbox that is not read makes its senders wait, and nothing else.
   * `Stream.runForEachArray` is the fast way to read it.
   *
   * **Gotchas**
   *
   * Several runs of the stream share the messages. A run that ends early, as with `Stream.take`, loses up to 256 messages
   * that it had pulled. Use `receive` to take single messages.
   *
   * A `send` within the loop that reads stops the loop while the receiver's inbox is full; two nodes that do so wait for each
   * other. Send in another fiber (docs/messages.md, section "How to answer"). A run that fails has a line in the log.
   */
  readonly inbox: Stream.Stream<Message>
  /**
   * Takes one message of the inbox, and waits for it if there is none. Fails with `NodeStopped` when this node has left and the
   * inbox is empty.
   *
   * **Details**
   *
   * It takes no other message, and none if it is interrupted while it waits. Runs of `inbox` and of `receive` share the messages.
   * Each message gives its credit back, and is confirmed, when it is taken.
   */
  readonly receive: Effect.Effect<Message, NodeStopped>
  /**
   * Connects to a peer at one of the addresses, `HOST` or `HOST:PORT` each, and discovers the cluster through it.
   *
   * **Details**
   *
   * All addresses are dialed at once, at most `limits.dials` at a time, again and again with the `Reconnect` schedule. The join
   * succeeds with the first peer that answers. The addresses that have not answered by then become seeds, as does the one that
   * has. Fails at once if a text is no address, and otherwise once every address has failed with an error that a retry cannot
   * fix. Bound it with `Effect.timeout`. A join starts a node with the option `start: "manual"`.
   */
  readonly join: (addresses: string | ReadonlyArray<string>) => Effect.Effect<Peer, JoinError>
  /**
   * Sends bytes or text to the inbox of one peer, directly, or to the inbox of this node.
   *
   * **Details**
   *
   * Succeeds when the link has accepted the message, and waits while the peer's inbox is full. After
   * `limits.slowPeerTimeout` without progress the event `SlowPeer` tells it, and the send waits on. With `confirm` it succeeds
   * when the peer's reader has taken the message. Messages of one sender arrive in order and at most once. Messages that
   * were accepted before a link ends may be lost.
   *
   * **Gotchas**
   *
   * The bytes must not be changed afterwards.
   */
  readonly send: (peer: PeerRef, payload: Uint8Array | string, options?: SendOptions) => Effect.Effect<Sent, SendError>
  /**
   * Sends many messages to the inbox of one peer, in this order. It is equal to `send` for each of them, and much faster for
   * small ones. If one of them is not accepted it fails, and says how many were accepted before. If one is too large none is
   * sent.
   */
  readonly sendAll: (peer: PeerRef, payloads: ReadonlyArray<Uint8Array | string>) => Effect.Effect<Sent, SendError>
  /**
   * Sends a message to the inbox of every peer and reports the outcome for each. A peer whose inbox stays full for
   * `limits.slowPeerTimeout` is skipped, and skipped at once from then on until it gives credit. With `self` the inbox of this node
   * gets the message, too. Fails only if the message can be sent to no peer: it is too large, or this node has left.
   */
  readonly broadcast: (
    payload: Uint8Array | string,
    options?: PublishOptions,
  ) => Effect.Effect<BroadcastReport, SendError>
  /**
   * Returns the lane under a name of 1 to 128 bytes. Topics and requests are made of lanes. Fails with `OptionsError` if the
   * name or the format is none.
   */
  readonly lane: (name: string, options?: LaneOptions) => Effect.Effect<Lane, OptionsError>
  /** Serialization of the topics that have none of their own, as it was provided to the layer. */
  readonly serialization: TopicSerialization.Service
  /** Metrics of this node, to which a package can add its own. They end when the node has left. */
  readonly metrics: NodeMetrics
  /** Disconnects from a peer: both remove each other from the view, and neither dials the other until one joins it again. */
  readonly disconnect: (peer: PeerRef) => Effect.Effect<void>
  /**
   * Replaces the metadata of this node, and tells all peers. Fails with `OptionsError` if it is too large.
   *
   * **Details**
   *
   * A function gets the present metadata. Changes are made one after the other, so that two parts of an application that change
   * keys of their own do not overwrite each other.
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
   * Leaves the cluster: tells all peers, waits for their acknowledgements for up to 5 seconds, and closes everything. Closing
   * the scope of the layer does the same.
   */
  readonly leave: Effect.Effect<void>
}
