/**
 * The way of messages from this node to its own readers. It needs no link: each lane that this node reads has a loopback lane
 * with the window of the lane, and hands its messages to the same readers.
 */
import type { ReadLane } from "../flow/ReceiveLanes.ts"
import { Slowness } from "../flow/Slowness.ts"
import type { Limits } from "../Limits.ts"
import { type Session, sessionWithSelf } from "../link/Session.ts"
import type { PeerId } from "../Peer.ts"
import type { Sink, Source } from "../peering/PeerConnection.ts"
import { inboxName } from "../protocol/constants.ts"
import { LoopbackLane } from "./LoopbackLane.ts"
import type { Route } from "./Route.ts"

export interface Options {
  readonly limits: Pick<Limits, "inboxWindowBytes" | "laneWindowBytes">
  /** Returns the name and the current generation of this node. */
  readonly self: () => PeerId
  /** Receiver of the messages of the inbox. */
  readonly inbox: Sink
}

export class Loopback implements Route {
  readonly inbox: LoopbackLane
  /** Never slow: this node knows its own lanes. */
  readonly listing = new Slowness()
  private readonly options: Options
  private readonly lanes = new Map<string, LoopbackLane>()
  /** The source of all messages. Another generation of this node is another source. */
  private source: Source

  constructor(options: Options) {
    this.options = options
    this.source = sourceOf(options.self())
    this.inbox = this.makeLane({ name: inboxName }, options.limits.inboxWindowBytes, options.inbox)
  }

  get peer(): PeerId {
    return this.currentSource().peer
  }

  readonly session = (): Session => sessionWithSelf

  readonly lane = (name: string): LoopbackLane | undefined => this.lanes.get(name)

  readonly lanesKnown = (): undefined => undefined

  /** This node reads a lane from now on, with this receiver. */
  open(lane: ReadLane, sink: Sink): void {
    this.lanes.set(lane.name, this.makeLane(lane, this.options.limits.laneWindowBytes, sink))
  }

  /** This node does not read a lane any more. */
  close(name: string): void {
    this.lanes.get(name)?.close("unread")
    this.lanes.delete(name)
  }

  /** Accepts no more messages, because the node stops. */
  end(): void {
    for (const lane of this.lanes.values()) lane.close("closed")
    this.inbox.close("closed")
  }

  private currentSource(): Source {
    const self = this.options.self()
    if (this.source.peer.generation !== self.generation) this.source = sourceOf(self)
    return this.source
  }

  private makeLane({ format, name }: ReadLane, window: number, sink: Sink): LoopbackLane {
    return new LoopbackLane({
      name,
      format,
      window,
      deliver: (lane, message) => sink.offer(this.currentSource(), lane, message),
    })
  }
}

const sourceOf = ({ generation, name }: PeerId): Source => ({
  peer: { name, generation },
  session: () => sessionWithSelf,
})
