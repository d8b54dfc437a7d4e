/**
 * A reader of a lane that gets every message, and the markers of sessions between them. Its senders wait while it is
 * slow.
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { InboundMessage } from "../flow/ReceiveLane.ts"
import type { ReadableLane } from "../flow/ReceiveLanes.ts"
import type { LaneItem } from "../Lane.ts"
import type { Source } from "../peering/PeerConnection.ts"
import * as Mailbox from "./Mailbox.ts"
import type { LaneReader } from "./OpenLane.ts"
import { type SessionMark, SessionMarks } from "./SessionMarks.ts"

export interface Options {
  /** Approximate number of bytes kept of the ended links of one peer. */
  readonly kept: number
}

export class SessionReader implements LaneReader {
  readonly stream: Stream.Stream<LaneItem>
  readonly end: Effect.Effect<void>
  readonly close: Effect.Effect<void>
  private readonly mailbox: Mailbox.Mailbox<SessionMark>
  private readonly sessions: SessionMarks

  constructor({ kept }: Options) {
    this.mailbox = Mailbox.make<SessionMark>({ kept, onMark: (mark) => this.sessions.onTaken(mark) })
    this.sessions = new SessionMarks({ buffer: this.mailbox })
    this.stream = this.mailbox.stream
    this.end = this.mailbox.end
    this.close = this.mailbox.close
  }

  offer(link: Source, lane: ReadableLane, message: InboundMessage): void {
    this.mailbox.offer(link, lane, message)
  }

  ended(link: Source): boolean {
    return this.mailbox.ended(link)
  }

  mark(mark: SessionMark): void {
    this.sessions.add(mark)
  }
}
