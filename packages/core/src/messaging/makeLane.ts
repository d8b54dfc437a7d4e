/**
 * A lane as the application uses it: the sender and the readers under one name.
 */
import * as Stream from "effect/Stream"
import type { ReadLane } from "../flow/ReceiveLanes.ts"
import type { Lane } from "../Lane.ts"
import { nameOf } from "../Peer.ts"
import type { DeadLetters } from "./DeadLetters.ts"
import type { LaneReaders } from "./LaneReaders.ts"
import type { Sender } from "./Sender.ts"

export interface Options {
  readonly sender: Sender
  readonly readers: LaneReaders
  readonly deadLetters: DeadLetters
}

/** Returns the lane with a name and a format that were checked before. */
export const makeLane = ({ format, name }: ReadLane, { deadLetters, readers, sender }: Options): Lane => ({
  name,
  format,
  send: (peer, payload, options) => sender.send(name, nameOf(peer), payload, options, format),
  publish: (payload) => sender.publish(name, payload, format),
  read: (options) => Stream.unwrap(readers.open(name, { ...options, format })),
  open: (options) => readers.open(name, { ...options, format }),
  deadLetter: (message, reason) => deadLetters.publish({ lane: name, message, reason }),
  deadLetters: deadLetters.of(name),
})
