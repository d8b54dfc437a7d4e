/**
 * A lane as the application uses it: the sender and the readers under one name.
 */
import * as Stream from "effect/Stream"
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

/** Returns the lane under a name that was checked before. */
export const makeLane = (name: string, { deadLetters, readers, sender }: Options): Lane => ({
  name,
  send: (peer, payload, options) => sender.send(name, nameOf(peer), payload, options),
  publish: (payload) => sender.publish(name, payload),
  read: (options) => Stream.unwrap(readers.open(name, options)),
  open: (options) => readers.open(name, options),
  deadLetter: (message, reason) => deadLetters.publish({ lane: name, message, reason }),
  deadLetters: deadLetters.of(name),
})
