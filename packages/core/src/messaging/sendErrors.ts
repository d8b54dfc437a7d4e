/** Constructors of the errors of a sender. */
import * as Duration from "effect/Duration"
import * as ClusterError from "../ClusterError.ts"
import type { Refusal } from "../flow/SendLane.ts"
import type { Limits } from "../Limits.ts"
import type * as State from "../membership/State.ts"
import { inboxName } from "../protocol/constants.ts"

/** Name that stands for all peers in the error of a message to all. */
export const everyone = "*"

/** Peer and lane of a message. */
export interface Destination {
  readonly peer: string
  readonly lane: string
  /** Addressed generation. Without it, the message is for any generation of the name. */
  readonly generation?: number
}

/** Returns the error for a message to this destination. */
export const make = ({ lane, peer }: Destination, reason: ClusterError.SendErrorReason): ClusterError.SendError =>
  new ClusterError.SendError({ peer, reason, ...(lane === inboxName ? {} : { lane }) })

export const stopped = (to: Destination): ClusterError.SendError => make(to, new ClusterError.NodeStopped())

export const tooLarge = (
  to: Destination,
  bytes: number,
  { messageBytes }: Pick<Limits, "messageBytes">,
): ClusterError.SendError => make(to, new ClusterError.TooLarge({ bytes, limit: messageBytes }))

/**
 * Returns the error for a peer without a link, with the reason that the membership knows. `linked` is the generation
 * that has a link under the name.
 */
export const noLink = (
  { members, tombstones }: Pick<State.State, "members" | "tombstones">,
  to: Destination,
  linked?: number,
): ClusterError.SendError => {
  const member = members.get(to.peer)
  const tombstone = tombstones.get(to.peer)
  const { generation } = to
  if (generation !== undefined) {
    const newest = Math.max(linked ?? 0, member?.record.generation ?? 0, tombstone?.generation ?? 0)
    if (newest > generation) return make(to, new ClusterError.Replaced({ generation, replacedBy: newest }))
  }
  if (member !== undefined) return make(to, new ClusterError.NotConnected())
  return make(to, tombstone?.status === "left" ? new ClusterError.PeerLeft() : new ClusterError.UnknownPeer())
}

/** Returns the error for a lane that the peer does not read. */
export const notReading = (to: Destination): ClusterError.SendError =>
  make(to, new ClusterError.NotReading({ maybeDelivered: false }))

/** Returns the error for a message in another format than the peer reads. */
export const incompatibleFormat = (to: Destination, format: string, peerFormat: string): ClusterError.SendError =>
  make(to, new ClusterError.IncompatibleFormat({ format, peerFormat }))

/**
 * Returns the error for a message that a lane refused. `isAccepted` is `true` if the lane had accepted the message
 * before.
 */
export const refused = (
  to: Destination,
  refusal: Exclude<Refusal, "moved">,
  isAccepted: boolean,
): ClusterError.SendError =>
  make(
    to,
    refusal === "closed"
      ? new ClusterError.LinkLost({ maybeDelivered: isAccepted })
      : new ClusterError.NotReading({ maybeDelivered: isAccepted }),
  )

/**
 * Returns the error for a message that was not confirmed in time. `isAccepted` is `true` if a lane had accepted the
 * message.
 */
export const notConfirmed = (to: Destination, timeout: Duration.Input, isAccepted: boolean): ClusterError.SendError =>
  make(to, new ClusterError.ConfirmTimeout({ timeout: Duration.fromInputUnsafe(timeout), maybeDelivered: isAccepted }))

/** Returns the error for a slow peer that a message to many skipped at once, because earlier senders had timed out. */
export const stillSlow = (to: Destination): ClusterError.SendError =>
  make(to, new ClusterError.SlowPeer({ waited: Duration.zero }))

/** Returns the error for a peer for which a message has waited in vain for this many milliseconds. */
export const slow = (to: Destination, millis: number): ClusterError.SendError =>
  make(to, new ClusterError.SlowPeer({ waited: Duration.millis(millis) }))
