/** A lane for the application: the sender and the readers under one name. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { OptionsError } from "../ClusterError.ts"
import type {
  GapReadOptions,
  Lane,
  LaneItem,
  LossyReadOptions,
  ReadOptions,
  ViewItem,
  ViewReadOptions,
} from "../Lane.ts"
import type { Message, MessagesLost } from "../Message.ts"
import type { ReadLane } from "../flow/ReceiveLanes.ts"
import type { DeadLetters } from "./DeadLetters.ts"
import type { LaneReaders, Reading } from "./LaneReaders.ts"
import type { ReadingPeers } from "./ReadingPeers.ts"
import type { Sender } from "./Sender.ts"

export interface Options {
  readonly sender: Sender
  readonly readers: LaneReaders
  readonly readingPeers: ReadingPeers
  readonly deadLetters: DeadLetters
}

/** Returns the lane with a checked name and a checked format. */
export const makeLane = ({ format, name }: ReadLane, { deadLetters, readers, readingPeers, sender }: Options): Lane => {
  function read(options: GapReadOptions): Stream.Stream<LaneItem | MessagesLost, OptionsError>
  function read(options: LossyReadOptions): Stream.Stream<Message, OptionsError>
  function read(options: ViewReadOptions): Stream.Stream<LaneItem | ViewItem, OptionsError>
  function read(options?: ReadOptions): Stream.Stream<LaneItem, OptionsError>
  function read(options?: ReadOptions): Stream.Stream<LaneItem | MessagesLost | ViewItem, OptionsError> {
    return Stream.unwrap(readers.open(name, options, format))
  }

  function open(options: GapReadOptions): Reading<LaneItem | MessagesLost>
  function open(options: LossyReadOptions): Reading<Message>
  function open(options: ViewReadOptions): Reading<LaneItem | ViewItem>
  function open(options?: ReadOptions): Reading<LaneItem>
  function open(options?: ReadOptions): Reading<LaneItem | MessagesLost | ViewItem> {
    return readers.open(name, options, format)
  }

  return {
    name,
    format,
    send: (peer, payload, options) => sender.send(name, peer, payload, options, format),
    ready: (peer) => sender.ready(name, peer),
    publish: (payload, options) => sender.publish(name, payload, options, format),
    read,
    open,
    readers: Effect.sync(() => readingPeers.of(name)),
    readerChanges: readingPeers.changes(name),
    deadLetter: (message, reason) => deadLetters.publish({ lane: name, message, reason }),
    deadLetters: deadLetters.of(name),
  }
}
