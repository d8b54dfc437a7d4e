/**
 * Errors of the cluster service. Each `reason` is a case that an application may want to handle by itself, and each
 * message says what to do.
 */
import * as Schema from "effect/Schema"

/** An option cannot be used as it is. */
export class OptionsError extends Schema.TaggedError<OptionsError>()("OptionsError", {
  option: Schema.String,
  message: Schema.String,
}) {}

/** Reasons why one address cannot be joined. */
const joinReasons = ["badAddress", "self", "label", "version", "duplicate", "denied", "stopped"] as const

/**
 * Error of a join that another attempt cannot help.
 *
 * - `badAddress`: one of the texts is no address, or there is none. Nothing was dialed.
 * - `self`: this node lives there.
 * - `label`: another cluster lives there. `version`: it speaks another version of the protocol.
 * - `duplicate`: the peer there has this node's name and lives.
 * - `denied`: the admission policy, here or there, said no.
 * - `stopped`: this node has left.
 * - `allRefused`: every one of several addresses refused; `errors` has the error of each.
 */
export class JoinError extends Schema.TaggedError<JoinError>()("JoinError", {
  reason: Schema.Literals([...joinReasons, "allRefused"]),
  /** Address that was joined. Several are separated by commas. */
  address: Schema.String,
  message: Schema.String,
  /** Errors of the addresses, with the reason `allRefused`. */
  errors: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({ reason: Schema.Literals(joinReasons), address: Schema.String, message: Schema.String }),
    ),
  ),
}) {}

/** A value is not what its topic's schema says, and was not sent to anybody. */
export class EncodeError extends Schema.TaggedError<EncodeError>()("EncodeError", {
  topic: Schema.String,
  message: Schema.String,
}) {}

/**
 * A message was not accepted.
 *
 * - `unknownPeer`: nobody of that name was met, or it is this node's own. `left`: it has left.
 * - `notConnected`: it is a member, but there is no link to it now.
 * - `linkLost`: the link ended while the message waited for credit, or before it was known that the reader took it.
 * - `notReading`: the peer does not read this lane, or stopped to before it was known that its reader took the message.
 * - `timeout`: it was not taken in time.
 * - `slow`: a broadcast went on without the peer, because its reader is slow: after it waited for the peer, or at once if
 *   senders have waited for the peer in vain before.
 * - `tooLarge`: beyond `limits.messageBytes`.
 * - `stopped`: this node has left.
 */
export class SendError extends Schema.TaggedError<SendError>()("SendError", {
  reason: Schema.Literals([
    "unknownPeer",
    "left",
    "notConnected",
    "linkLost",
    "notReading",
    "timeout",
    "slow",
    "tooLarge",
    "stopped",
  ]),
  /** The peer's name, or `*` if the message was for all. */
  peer: Schema.String,
  message: Schema.String,
  /** Number of messages of a `sendAll` that were accepted before the error. */
  accepted: Schema.optional(Schema.Number),
}) {}
