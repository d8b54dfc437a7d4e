/**
 * Errors of the cluster service. An error has a `reason`, which is one of several tagged classes. Its message derives
 * from the fields of the reason. `Effect.catchReason` and `Effect.catchReasons` handle single reasons:
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const cluster = yield* Cluster.Cluster
 *   yield* cluster.send("bob", "hello").pipe(
 *     Effect.catchReason("SendError", "NotConnected", () => Effect.log("bob has no link now")),
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"

/**
 * Error of an option, or of a setting of a policy, that cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class OptionsError extends Schema.TaggedError<OptionsError>()("OptionsError", {
  /** Name of the option, such as `limits.messageBytes`. */
  option: Schema.String,
  /** Description of the problem. */
  problem: Schema.String,
}) {
  // A stack trace into this library would not help to find a configuration mistake.
  override readonly stack: string = `${this.name}: ${this.message}`

  override get message(): string {
    return `option "${this.option}": ${this.problem}`
  }
}

/**
 * Error of a value that does not match the schema of its topic. The value was sent to no peer.
 *
 * @category errors
 * @since 0.1.0
 */
export class EncodeError extends Schema.TaggedError<EncodeError>()("EncodeError", {
  /** Name of the topic. */
  topic: Schema.String,
  message: Schema.String,
}) {}

// Reasons of more than one error

/**
 * Reason: this node has left the cluster, or stopped.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NodeStopped extends Schema.TaggedError<NodeStopped>()("NodeStopped", {}) {
  /** The message was not sent. */
  readonly maybeDelivered = false

  override get message(): string {
    return "this node has left the cluster or has stopped"
  }
}

/** Side that refused a handshake. */
const Side = Schema.Literals(["thisNode", "peer"])

/** Returns the part of a message that quotes a refusal. In the text of a peer, "this node" means the peer. */
const quoted = (by: typeof Side.Type, text: string): string => (by === "peer" ? `the peer says: ${text}` : text)

/**
 * Reason: the peer at the address belongs to a cluster with another name.
 *
 * @category reasons
 * @since 0.1.0
 */
export class OtherCluster extends Schema.TaggedError<OtherCluster>()("OtherCluster", {
  /** Side that refused the other. */
  refusedBy: Side,
  /** Text of the refusal. */
  text: Schema.String,
}) {
  override get message(): string {
    return `the peer belongs to another cluster (option "cluster"): ${quoted(this.refusedBy, this.text)}`
  }
}

/**
 * Reason: the peer and this node have no version of the protocol in common.
 *
 * @category reasons
 * @since 0.1.0
 */
export class VersionMismatch extends Schema.TaggedError<VersionMismatch>()("VersionMismatch", {
  /** Side that refused the other. */
  refusedBy: Side,
  /** Text of the refusal. */
  text: Schema.String,
}) {
  override get message(): string {
    return `the peer speaks another version of the protocol: ${quoted(this.refusedBy, this.text)}`
  }
}

/**
 * Reason: another running process uses the name of this node.
 *
 * @category reasons
 * @since 0.1.0
 */
export class DuplicateName extends Schema.TaggedError<DuplicateName>()("DuplicateName", {
  /** Side that refused the other. */
  refusedBy: Side,
  /** Text of the refusal. */
  text: Schema.String,
}) {
  override get message(): string {
    return `another process has this node's name (option "name"); give every process a name of its own: ${quoted(this.refusedBy, this.text)}`
  }
}

/**
 * Reason: the admission policy of one side refused the other, or the clocks of the two differ by more than a day.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Denied extends Schema.TaggedError<Denied>()("Denied", {
  /** Side that refused the other. */
  refusedBy: Side,
  /** Text of the refusal. */
  text: Schema.String,
}) {
  override get message(): string {
    return this.refusedBy === "peer"
      ? `the peer refused this node; ${quoted("peer", this.text)}`
      : `this node refused the peer: ${this.text}`
  }
}

// JoinError

/**
 * Reason of a {@link JoinError}: the text is not an address, or the list of addresses is empty. No address was dialed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidAddress extends Schema.TaggedError<InvalidAddress>()("InvalidAddress", {
  message: Schema.String,
}) {}

/**
 * Reason of a {@link JoinError}: this node listens at the address.
 *
 * @category reasons
 * @since 0.1.0
 */
export class OwnAddress extends Schema.TaggedError<OwnAddress>()("OwnAddress", {}) {
  override get message(): string {
    return "this node itself listens at the address"
  }
}

/** Reasons for which an address refuses permanently. */
const RefusalReason = Schema.Union([OwnAddress, OtherCluster, VersionMismatch, DuplicateName, Denied])

/**
 * Reason of a {@link JoinError}: all of several addresses refused.
 *
 * @category reasons
 * @since 0.1.0
 */
export class AllRefused extends Schema.TaggedError<AllRefused>()("AllRefused", {
  /** Each address with its reason, in the order in which they refused. */
  refusals: Schema.Array(Schema.Struct({ address: Schema.String, reason: RefusalReason })),
}) {
  override get message(): string {
    return this.refusals.map(({ address, reason }) => `${address}: ${reason.message}`).join("; ")
  }
}

/**
 * Schema of the reasons of a {@link JoinError}.
 *
 * @category reasons
 * @since 0.1.0
 */
export const JoinErrorReason = Schema.Union([
  InvalidAddress,
  AllRefused,
  OwnAddress,
  OtherCluster,
  VersionMismatch,
  DuplicateName,
  Denied,
  NodeStopped,
])

/**
 * Reason of a {@link JoinError}.
 *
 * @category reasons
 * @since 0.1.0
 */
export type JoinErrorReason =
  | InvalidAddress
  | AllRefused
  | OwnAddress
  | OtherCluster
  | VersionMismatch
  | DuplicateName
  | Denied
  | NodeStopped

/**
 * Error of a `join` that a retry cannot fix. A join keeps trying while no peer answers, so an unreachable address is
 * not a reason.
 *
 * @category errors
 * @since 0.1.0
 */
export class JoinError extends Schema.TaggedError<JoinError>()("JoinError", {
  /** Address given to `join`. Several addresses are separated by commas. */
  address: Schema.String,
  reason: JoinErrorReason,
}) {
  override get message(): string {
    return `cannot join ${this.address}: ${this.reason.message}`
  }
}

// StoppedError

/**
 * Reason of a {@link StoppedError}: a newer process took the name of this node.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Superseded extends Schema.TaggedError<Superseded>()("Superseded", {}) {
  override get message(): string {
    return `a newer process uses this node's name (option "name")`
  }
}

/**
 * Reason of a {@link StoppedError}: code that runs in the node threw, for example a policy.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Defect extends Schema.TaggedError<Defect>()("Defect", {
  cause: Schema.Defect(),
}) {
  override get message(): string {
    return `a defect ended the node: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/**
 * Schema of the reasons of a {@link StoppedError}.
 *
 * @category reasons
 * @since 0.1.0
 */
export const StoppedErrorReason = Schema.Union([
  Superseded,
  DuplicateName,
  OtherCluster,
  Denied,
  VersionMismatch,
  Defect,
])

/**
 * Reason of a {@link StoppedError}.
 *
 * @category reasons
 * @since 0.1.0
 */
export type StoppedErrorReason = Superseded | DuplicateName | OtherCluster | Denied | VersionMismatch | Defect

/**
 * Error of a node that could not start, or that stopped because of a refusal, a newer process with its name, or a
 * defect.
 *
 * **Details**
 *
 * The last line of the node's log has the message and advice. `runMain` therefore does not log the error again
 * (`Runtime.errorReported`). The process still ends with exit code 1.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoppedError extends Schema.TaggedError<StoppedError>()("StoppedError", {
  reason: StoppedErrorReason,
  /** Address of the peer that caused the stop, if a peer at a known address did. */
  address: Schema.optionalKey(Schema.String),
}) {
  /** `false`, because the log of the node has the error. */
  override readonly [Runtime.errorReported] = false
  // A stack trace would not help: the log of the node shows the events that led to the stop.
  override readonly stack: string = `${this.name}: ${this.message}`

  override get message(): string {
    const { address, reason } = this
    return `this node has stopped: ${reason.message}${address === undefined ? "" : ` (${address})`}`
  }
}

// SendError

/**
 * Reason of a {@link SendError}: this node does not know a peer with that name.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UnknownPeer extends Schema.TaggedError<UnknownPeer>()("UnknownPeer", {}) {
  /** The message was not sent. */
  readonly maybeDelivered = false

  override get message(): string {
    return "this node does not know a peer with that name"
  }
}

/**
 * Reason of a {@link SendError}: the peer has left the cluster.
 *
 * @category reasons
 * @since 0.1.0
 */
export class PeerLeft extends Schema.TaggedError<PeerLeft>()("PeerLeft", {}) {
  /** The message was not sent. */
  readonly maybeDelivered = false

  override get message(): string {
    return "the peer has left the cluster"
  }
}

/**
 * Reason of a {@link SendError}: the peer is a member, but this node currently has no link to it.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotConnected extends Schema.TaggedError<NotConnected>()("NotConnected", {}) {
  /** The message was not sent. */
  readonly maybeDelivered = false

  override get message(): string {
    return "this node has no link to the peer now"
  }
}

/**
 * Reason of a {@link SendError}: the link ended while the message waited for credit, or before the confirmation
 * arrived.
 *
 * @category reasons
 * @since 0.1.0
 */
export class LinkLost extends Schema.TaggedError<LinkLost>()("LinkLost", {
  /** `true` if a link had accepted the message, `false` if the message still waited for credit. */
  maybeDelivered: Schema.Boolean,
}) {
  override get message(): string {
    return this.maybeDelivered
      ? "the link to the peer was lost after it had accepted the message; the peer may have taken the message"
      : "the link to the peer was lost while the message waited for credit"
  }
}

/**
 * Reason of a {@link SendError}: the peer does not read the lane, or stopped reading it.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotReading extends Schema.TaggedError<NotReading>()("NotReading", {
  /**
   * `true` if a link had accepted the message when the peer stopped reading the lane, and no confirmation had arrived.
   */
  maybeDelivered: Schema.Boolean,
}) {
  override get message(): string {
    return this.maybeDelivered
      ? "the peer stopped reading the lane before it confirmed the message; its reader may have taken the message"
      : "the peer does not read the lane"
  }
}

/**
 * Reason of a {@link SendError}: the peer's reader did not take a message with `confirm: true` in time. The time is the
 * option `timeout` of the send, or `limits.confirmTimeout`.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ConfirmTimeout extends Schema.TaggedError<ConfirmTimeout>()("ConfirmTimeout", {
  /** Time that the send waited. */
  timeout: Schema.Duration,
  /** `true` if a link had accepted the message, `false` if the message still waited for credit and was withdrawn. */
  maybeDelivered: Schema.Boolean,
}) {
  override get message(): string {
    const outcome = this.maybeDelivered ? "it may still take it" : "the message was withdrawn"
    return (
      `the peer's reader did not take the message within ${Duration.format(this.timeout)} ` +
      `(option "timeout" or limits.confirmTimeout); ${outcome}`
    )
  }
}

/**
 * Reason of a {@link SendError}: a message to many skipped the peer, because this or earlier messages have waited in
 * vain. The message was withdrawn. `limits.slowPeerTimeout` sets the time.
 *
 * @category reasons
 * @since 0.1.0
 */
export class SlowPeer extends Schema.TaggedError<SlowPeer>()("SlowPeer", {
  /**
   * Time that the message waited for credit. Zero if earlier messages had already waited in vain, so that this message
   * did not wait.
   */
  waited: Schema.Duration,
}) {
  /** The message was withdrawn. */
  readonly maybeDelivered = false

  override get message(): string {
    return Duration.isZero(this.waited)
      ? "the message did not wait, because earlier messages waited in vain for this peer, or for peers that have given " +
          "no credit yet (limits.slowPeerTimeout)"
      : `the message waited for credit for ${Duration.format(this.waited)} in vain (limits.slowPeerTimeout)`
  }
}

/**
 * Reason of a {@link SendError}: the message is larger than `limits.messageBytes` of this node.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", {
  /** Size of the message. */
  bytes: Schema.Number,
  /** Value of `limits.messageBytes`. */
  limit: Schema.Number,
}) {
  /** The message was not sent. */
  readonly maybeDelivered = false

  override get message(): string {
    return `the message has ${this.bytes} bytes; the limit is ${this.limit} (limits.messageBytes)`
  }
}

/**
 * Reason of a {@link SendError}: the message was addressed to one generation of the peer, and a newer generation uses
 * the name.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Replaced extends Schema.TaggedError<Replaced>()("Replaced", {
  /** Generation to which the message was addressed. */
  generation: Schema.Number,
  /** Generation that uses the name now, if this node knows it. */
  replacedBy: Schema.optionalKey(Schema.Number),
}) {
  /** The message was not sent. */
  readonly maybeDelivered = false

  override get message(): string {
    const newer = this.replacedBy === undefined ? "" : `; generation ${this.replacedBy} uses the name now`
    return `generation ${this.generation} of the peer has ended${newer}`
  }
}

/**
 * Reason of a {@link SendError}: the peer reads the lane with another format, such as another serialization of the topic.
 *
 * @category reasons
 * @since 0.1.0
 */
export class IncompatibleFormat extends Schema.TaggedError<IncompatibleFormat>()("IncompatibleFormat", {
  /** Format in which this node encodes the messages of the lane. */
  format: Schema.String,
  /** Format that the peer's reader announced. */
  peerFormat: Schema.String,
}) {
  /** The message was not sent. */
  readonly maybeDelivered = false

  override get message(): string {
    return (
      `this node sends the format "${this.format}", and the peer reads the format "${this.peerFormat}"; ` +
      "use the same serialization on both (TopicSerialization, RpcSerialization)"
    )
  }
}

/**
 * Schema of the reasons of a {@link SendError}.
 *
 * @category reasons
 * @since 0.1.0
 */
export const SendErrorReason = Schema.Union([
  UnknownPeer,
  PeerLeft,
  NotConnected,
  LinkLost,
  NotReading,
  ConfirmTimeout,
  SlowPeer,
  TooLarge,
  Replaced,
  IncompatibleFormat,
  NodeStopped,
])

/**
 * Reason of a {@link SendError}.
 *
 * @category reasons
 * @since 0.1.0
 */
export type SendErrorReason =
  | UnknownPeer
  | PeerLeft
  | NotConnected
  | LinkLost
  | NotReading
  | ConfirmTimeout
  | SlowPeer
  | TooLarge
  | Replaced
  | IncompatibleFormat
  | NodeStopped

/**
 * Error of a message that no link accepted, or that the peer did not confirm.
 *
 * **Details**
 *
 * If {@link SendError.maybeDelivered} is `false`, the peer has not taken the message and will not take it, so it is
 * safe to send the message again. If it is `true`, the peer's reader may have taken the message, or may take it later.
 *
 * @category errors
 * @since 0.1.0
 */
export class SendError extends Schema.TaggedError<SendError>()("SendError", {
  /** Name of the peer, or `*` if the message was for all. */
  peer: Schema.String,
  /**
   * Name of the lane or topic. Absent for the inbox, and for a message that this node refused before it chose a lane.
   */
  lane: Schema.optionalKey(Schema.String),
  reason: SendErrorReason,
  /** Number of messages of a `sendAll` that were accepted before the error. */
  accepted: Schema.optionalKey(Schema.Number),
}) {
  /** `true` if the peer's reader may have taken the message, or may still take it. */
  get maybeDelivered(): boolean {
    return this.reason.maybeDelivered
  }

  override get message(): string {
    const { lane, peer, reason } = this
    const to = peer === "*" ? "all peers" : `"${peer}"`
    return `cannot send to ${to}${lane === undefined ? "" : ` on "${lane}"`}: ${reason.message}`
  }
}
