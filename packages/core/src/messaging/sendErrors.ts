/**
 * The errors that a sender fails with, as messages that say what happened to which peer.
 */
import * as Duration from "effect/Duration"
import { SendError } from "../ClusterError.ts"
import type { Refusal } from "../flow/SendLane.ts"
import type { Limits } from "../Limits.ts"
import type * as State from "../membership/State.ts"

/** Name that stands for all peers in the error of a message to all. */
export const everyone = "*"

const make = (reason: SendError["reason"], peer: string, message: string): SendError =>
  new SendError({ reason, peer, message })

export const stopped = (peer: string): SendError => make("stopped", peer, "this node has left the cluster")

export const tooLarge = (peer: string, bytes: number, { messageBytes }: Pick<Limits, "messageBytes">): SendError =>
  make("tooLarge", peer, `a message of ${bytes} bytes; the limit is ${messageBytes} (limits.messageBytes)`)

/** Returns why there is no link to a name, as far as membership knows. */
export const noLink = (
  { members, self, tombstones }: Pick<State.State, "members" | "self" | "tombstones">,
  name: string,
): SendError => {
  if (name === self.name) return make("unknownPeer", name, "a node cannot send to itself")
  if (members.has(name)) return make("notConnected", name, `there is no link to "${name}" now`)
  return tombstones.get(name)?.status === "left"
    ? make("left", name, `"${name}" has left the cluster`)
    : make("unknownPeer", name, `there is no peer "${name}"`)
}

export const notReading = (peer: string, lane: string): SendError =>
  make("notReading", peer, `"${peer}" does not read "${lane}"`)

/** Returns the error of a message with another format than the one that the peer reads. */
export const incompatibleFormat = (peer: string, lane: string, format: string, peerFormat: string): SendError =>
  make(
    "incompatibleFormat",
    peer,
    `"${peer}" reads "${lane}" with the format "${peerFormat}", and the message has the format "${format}"; use one serialization on both nodes`,
  )

/** Returns why a lane refused a message that waited for something to happen to it. */
export const refused = (
  refusal: Exclude<Refusal, "moved">,
  peer: string,
  lane: string,
  awaited: "accepted" | "known to be taken",
): SendError =>
  refusal === "closed"
    ? make("linkLost", peer, `the link to "${peer}" ended before the message was ${awaited}`)
    : make("notReading", peer, `"${peer}" stopped to read "${lane}" before the message was ${awaited}`)

export const notTaken = (peer: string, timeout: Duration.Input): SendError =>
  make(
    "timeout",
    peer,
    `"${peer}" did not take the message within ${Duration.format(Duration.fromInputUnsafe(timeout))}`,
  )

/** Returns the error of a peer that was not waited for, because senders have waited for it in vain before. */
export const stillSlow = (peer: string): SendError =>
  make("slow", peer, `"${peer}" was slow before and has given no credit since, so it was not waited for`)

export const slow = (peer: string, millis: number): SendError =>
  make("slow", peer, `"${peer}" gave no credit within ${millis} ms`)
