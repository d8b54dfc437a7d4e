/**
 * The route of messages from this node to its own readers. It needs no link. Each lane that this node reads has a
 * loopback lane with the window of the lane, which passes messages to the same readers.
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
  /** Never slow, because this node knows its own lanes. */
  readonly listing = new Slowness()
  private readonly options: Options
  private readonly lanes = new Map<string, LoopbackLane>()
  /** The source of all messages. It changes with the generation of this node. */
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

  /** Opens a lane that this node reads, with its receiver. */
  open(lane: ReadLane, sink: Sink): void {
    this.lanes.set(lane.name, this.makeLane(lane, this.options.limits.laneWindowBytes, sink))
  }

  /** Closes a lane that this node no longer reads. */
  close(name: string): void {
    this.lanes.get(name)?.close("unread")
    this.lanes.delete(name)
  }

  /** Closes all lanes because the node stops. */
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
