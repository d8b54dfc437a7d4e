/**
 * One reader of a lane, as `LaneReaders` sees it: a buffer, and the stream that empties it.
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Link } from "../link/Link.ts"
import type { Message, SessionEnded } from "../Message.ts"
import type { Sink } from "../peering/PeerConnection.ts"

export interface Reader extends Sink {
  /** Nothing more arrives on the link. Returns whether everything that arrived is kept. */
  readonly ended: (link: Link) => boolean
  /** Puts the end of a session behind the messages that are there. */
  readonly mark: (ended: SessionEnded) => void
  /** Messages, in the order in which they arrived. */
  readonly stream: Stream.Stream<Message | SessionEnded>
  /** Ends the stream after what is there. */
  readonly end: Effect.Effect<void>
  /** Counts everything that is there as taken: it will not be read. */
  readonly close: Effect.Effect<void>
}
