/**
 * A copy of all that a node knows at one moment, for people who look for the cause of a problem: the members as this node
 * sees them, each link with its round-trip times and queues, the reason why there is no link, and the outcome of each
 * address that this node dials. `cluster.inspect` returns it.
 *
 * All times are numbers in milliseconds. Ages and durations come from the monotonic clock, so a clock that jumps does not
 * change them.
 *
 * **Example** (Print why this node has no link to a peer)
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { Console, Effect } from "effect"
 *
 * const explain = Effect.gen(function* () {
 *   const cluster = yield* Cluster.Cluster
 *   const { peers } = yield* cluster.inspect()
 *   for (const { dial, link, name } of peers) {
 *     if (link !== "up") yield* Console.log(`${name} is ${link}: ${dial?.message ?? "not dialed yet"}`)
 *   }
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { Address } from "./Address.ts"
import type { SeedUnavailableReason } from "./ClusterEvent.ts"
import type { Self } from "./cluster/Self.ts"
import type { Status } from "./cluster/Status.ts"
import type { LinkState, PeerDescription, PeerStatus } from "./Peer.ts"
import type { Identity } from "./Transport.ts"

/**
 * Options of `cluster.inspect`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Sends one Ping on each link whose newest round-trip time is older than 10 seconds, and waits for the answers for at
   * most 1 second. Defaults to `false`.
   *
   * **When to use**
   *
   * Of two peers, only the one with the lower name measures the round-trip time with every heartbeat. Use this option to
   * get current times on a node whose peers have lower names. If all nodes are inspected, the inspection of the other
   * node has the times already.
   */
  readonly ping?: boolean | undefined
}

/**
 * The state of a node at one moment. Values are immutable and independent of the node. `cluster.inspect` makes one in
 * O(members).
 *
 * @category models
 * @since 0.1.0
 */
export interface Inspection {
  readonly self: SelfInspection
  readonly status: Status
  /** Time at which the layer of the node was built, in milliseconds since 1970. */
  readonly startedAt: number
  /** Time since the layer of the node was built. */
  readonly uptimeMillis: number
  /** Wall clock of this node at the inspection, in milliseconds since 1970. */
  readonly wallTime: number
  /** `true` if this node has had a link since its start. */
  readonly everLinked: boolean
  /** `true` between the events `Isolated` and `Reconnected`. */
  readonly isolated: boolean
  /** Names of the lost members while a partition is suspected; `undefined` otherwise. */
  readonly partition: ReadonlyArray<string> | undefined
  /** Hash of the members of the view. Two nodes with the same hash have the same view. */
  readonly viewHash: bigint
  /** Number of changes of the view since the start. */
  readonly viewVersion: number
  /** Distrust of this node in its own timing, from 0 (healthy) to 7. */
  readonly localHealth: number
  /** Longest delay of the last timers of the links; 0 without links. */
  readonly lagMillis: number
  /** Settings of the failure detection, which should be the same at all nodes. */
  readonly failureDetector: FailureDetectorInspection
  /** Bounded queues of this node. The size of a queue that every link has is the largest size among the links. */
  readonly queues: ReadonlyArray<QueueInspection>
  /** All peers that this node knows as members, including failed and disconnected peers. */
  readonly peers: ReadonlyArray<PeerInspection>
  /** Addresses that this node dials: seeds, addresses of joins, and discovered addresses. */
  readonly addresses: ReadonlyArray<AddressInspection>
}

/**
 * Description of this node, and its record in the protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface SelfInspection extends Self {
  /** Name of the cluster. */
  readonly cluster: string
  /** Counter with which this node refutes accusations and announces changes of its metadata. */
  readonly incarnation: number
  /** Lowest and highest version of the protocol that this node speaks. */
  readonly protocol: { readonly min: number; readonly max: number }
  /** Names of the optional parts of the protocol that this node supports. */
  readonly features: ReadonlyArray<string>
}

/**
 * Settings of the failure detection, as in `FailureDetector.Policy`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FailureDetectorInspection {
  readonly heartbeatMillis: number
  readonly idleHeartbeatMillis: number
  readonly watchers: number
  readonly linkTimeoutMillis: number
  readonly probeTimeoutMillis: number
  readonly suspicionMinMillis: number
  readonly suspicionMaxMillis: number
}

/**
 * A bounded queue.
 *
 * @category models
 * @since 0.1.0
 */
export interface QueueInspection {
  /** Name of the queue, as in the label `queue` of the metrics (docs/metrics.md, section "Queues"). */
  readonly name: string
  readonly size: number
  readonly limit: number
}

/**
 * Status of an inspected peer: the status of a member, or `failed` or `disconnected` for a peer that this node
 * remembers and that is not in the view.
 *
 * @category models
 * @since 0.1.0
 */
export type InspectedStatus = PeerStatus | "failed" | "disconnected"

/**
 * A peer as this node sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerInspection extends PeerDescription {
  readonly status: InspectedStatus
  /** State of the link. `up` exactly if there is a `connection`. */
  readonly link: LinkState
  /** Counter with which the peer refutes accusations. */
  readonly incarnation: number
  /** While the link is `indirect`: name of the member that last reported a link to the peer. */
  readonly through: string | undefined
  /**
   * Accusation of the peer. A peer whose status is `alive` has one while its link or its chance to refute contradicts
   * the accusation.
   */
  readonly suspicion: SuspicionInspection | undefined
  /** Time since the peer failed, for a peer with the status `failed`. */
  readonly failedForMillis: number | undefined
  /** Last failed dial of the peer since it has no link. `undefined` while the link is `up`, and before the first failure. */
  readonly dial: DialInspection | undefined
  /** The link. `undefined` unless the link is `up`, so that no value of a lost link is taken for a current one. */
  readonly connection: LinkInspection | undefined
}

/**
 * An accusation of a peer.
 *
 * @category models
 * @since 0.1.0
 */
export interface SuspicionInspection {
  /** Time since the start of the timer. A sign of life restarts the timer. */
  readonly forMillis: number
  /** Names of the nodes that accuse the peer. */
  readonly accusers: ReadonlyArray<string>
}

/**
 * A failed dial.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialInspection {
  /** Dialed address. */
  readonly address: Address
  /** Reason in one word, as in the event `SeedUnavailable`. */
  readonly reason: SeedUnavailableReason
  /** Description of the failure, for people. */
  readonly message: string
  /** Time since the failure. */
  readonly agoMillis: number
  /** Number of consecutive failed dials, including this one. For a peer, on all of its addresses. */
  readonly attempts: number
}

/**
 * A link.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkInspection {
  /** Side that dialed the connection. */
  readonly dialedBy: "thisNode" | "peer"
  /** Host of the peer, as the network reports it. */
  readonly remoteHost: string
  /** Host of this node as the peer sees it, if this node dialed and the text of the peer is a host. */
  readonly observedHost: string | undefined
  /** Proof of the peer; `undefined` if the transport requires none. It has no secret. */
  readonly identity: Identity | undefined
  /** Time since the link came up. */
  readonly openForMillis: number
  /** Number of the session to which the link belongs. Links that continue each other have the same number. */
  readonly session: number
  /** Time since the last bytes of the peer arrived. */
  readonly heardAgoMillis: number
  /** Time between two heartbeats of the link at present: `idleHeartbeat` on an idle link, and `heartbeat` otherwise. */
  readonly heartbeatMillis: number
  /** Measured round-trip times; `undefined` without any sample. */
  readonly roundTrip: RoundTripInspection | undefined
  /** Delay of the peer's timers, as its last heartbeat reported it; `undefined` before the first heartbeat. */
  readonly peerLagMillis: number | undefined
  /** Hash of the peer's view, as the peer last reported it. */
  readonly peerViewHash: bigint
  /** Bytes that arrived since the link came up. */
  readonly bytesIn: number
  /** Bytes that the network accepted since the link came up. */
  readonly bytesOut: number
  /** Bounded queues of the link. */
  readonly queues: ReadonlyArray<QueueInspection>
}

/**
 * Round-trip times of a link, from Ping to Pong: the newest samples, at most 64.
 *
 * **Details**
 *
 * Of two peers, the one with the lower name gets a sample with every heartbeat. The other one gets a sample when `rtt`
 * is called, or `inspect` with `ping`. The time includes the time that the two processes take to handle a frame and,
 * under load, the wait behind other bytes on the link. Use `minMillis` for the network, and `medianMillis` for the time
 * that the applications see now. A sample that this node would take while its process stalls is dropped.
 *
 * @category models
 * @since 0.1.0
 */
export interface RoundTripInspection {
  readonly lastMillis: number
  readonly minMillis: number
  readonly medianMillis: number
  readonly maxMillis: number
  /** Number of samples in these values, from 1 to 64. */
  readonly samples: number
  /** Time since the last sample. */
  readonly agoMillis: number
}

/**
 * State of an address that this node dials:
 *
 * - `linked`: a peer that advertises the address, or that answered there, has a link.
 * - `self`: this node itself answered.
 * - `failing`: the last dial failed; `dial` has the reason.
 * - `answered`: a peer answered at the last dial and has no link now, for example because it was disconnected.
 * - `untried`: no dial of the address has ended yet.
 *
 * @category models
 * @since 0.1.0
 */
export type AddressState = "linked" | "self" | "failing" | "answered" | "untried"

/**
 * An address that this node dials.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressInspection {
  readonly address: Address
  /** Origin of the address: the option `seeds`, a `join` that is in progress or succeeded, or the discovery. */
  readonly source: "seed" | "join" | "discovery"
  readonly state: AddressState
  /** Name of the peer with a link that advertises the address, or that last answered there. */
  readonly peer: string | undefined
  /** Time since this node last dialed the address, or found that it need not; `undefined` if `untried`. */
  readonly checkedAgoMillis: number | undefined
  /** Last dial, while the state is `failing`. */
  readonly dial: DialInspection | undefined
}
