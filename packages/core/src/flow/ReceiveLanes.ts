/**
 * Receiving ends of all lanes of one link: the lanes that this side has open, what their readers have read, and the credit
 * and acknowledgements that the peer gets for it (docs/protocol.md, section "Lanes and credit").
 */
import { inboxLane, inboxName } from "../protocol/constants.ts"
import type { ControlFrame, Data, OpenedLane, Taken } from "../protocol/Frame.ts"
import { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import type * as ReceiveLane from "./ReceiveLane.ts"

/** Receiving end of a lane as its reader sees it. */
export interface ReadableLane {
  /** Name of the lane; `inboxName` for the inbox. */
  readonly name: string
  /** `false` once nobody reads the lane. Messages that still come on it are lost, even if the name is read again. */
  readonly isOpen: boolean
  /**
   * Gives credit back for messages that were read, of this cost together, and acknowledges the message with the number
   * `confirm` and all before it.
   */
  readonly acknowledge: (messages: Pick<ReceiveLane.InboundMessage, "cost" | "confirm">) => void
}

/** Lane that this side reads. */
export interface ReadLane {
  readonly name: string
  /** Format of the messages that are read on the lane; absent if bytes of any format are. */
  readonly format?: string | undefined
}

/** Delivers a message that arrived whole on a lane. Never waits. */
export type Deliver = (lane: ReadableLane, message: ReceiveLane.InboundMessage) => void

export interface Options {
  /** Makes the receiving end of one lane. */
  readonly makeReceiveLane: (options: ReceiveLane.Options) => ReceiveLane.ReceiveLane
  /** Window of the inbox, in bytes. */
  readonly inboxWindowBytes: number
  /** Window of every other lane, in bytes. */
  readonly laneWindowBytes: number
  /** Maximum size of a message, in bytes. */
  readonly messageBytes: number
  /** Sends a control frame to the peer. */
  readonly send: (frame: ControlFrame) => void
  /** Wakes the writer, which fetches {@link ReceiveLanes.acknowledgements}. */
  readonly wake: () => void
  /** Resolves the sink of a lane, once for each lane that is opened. */
  readonly sinkOf: (name: string) => Deliver
}

/** Lane that this side opened, until the peer has answered its LaneClose. */
class OpenLane implements ReadableLane {
  readonly number: number
  readonly name: string
  readonly lane: ReceiveLane.ReceiveLane
  readonly deliver: Deliver
  isOpen = true
  /** Number of the last message that was read and is to be acknowledged. */
  lastRead = 0
  private readonly lanes: ReceiveLanes

  constructor(lanes: ReceiveLanes, number: number, name: string, lane: ReceiveLane.ReceiveLane, deliver: Deliver) {
    this.lanes = lanes
    this.number = number
    this.name = name
    this.lane = lane
    this.deliver = deliver
  }

  acknowledge({ confirm, cost }: Pick<ReceiveLane.InboundMessage, "cost" | "confirm">): void {
    this.lane.onRead(cost)
    this.lanes.grant(this)
    if (confirm === undefined || !this.isOpen) return
    this.lastRead = confirm
    this.lanes.acknowledgeLater(this)
  }
}

/** Receiving ends of the lanes of one link. */
export class ReceiveLanes {
  private readonly options: Options
  private readonly inbox: OpenLane
  private readonly byNumber = new Map<number, OpenLane>()
  /** Lanes that are open and not closing, without the inbox. */
  private readonly byName = new Map<string, OpenLane>()
  /** Lanes with an acknowledgement that was not sent. */
  private readonly unacknowledged = new Set<OpenLane>()
  private lastNumber = 0

  constructor(options: Options) {
    this.options = options
    this.inbox = this.add(inboxLane, inboxName, options.inboxWindowBytes)
  }

  /** Accepts a frame, and delivers the message that it completes. */
  receive(frame: Data): ProtocolViolation | undefined {
    const lane = frame.lane === inboxLane ? this.inbox : this.byNumber.get(frame.lane)
    if (lane === undefined) return new ProtocolViolation("laneUnknown", `lane ${frame.lane} was never opened`)
    const result = lane.lane.receive(frame)
    if (result === undefined) this.grant(lane)
    else if (result instanceof ProtocolViolation) return result
    else if (lane.isOpen) lane.deliver(lane, result)
    return undefined
  }

  /** Opens lanes, and tells the peer that this side reads them. */
  open(lanes: Iterable<ReadLane>): void {
    const { laneWindowBytes, send } = this.options
    const opened: Array<OpenedLane> = []
    for (const { format, name } of lanes) {
      if (this.byName.has(name)) continue
      const { number } = this.add(this.freeNumber(), name, laneWindowBytes)
      opened.push({ lane: number, name, ...(format === undefined ? {} : { format }), window: laneWindowBytes })
    }
    send({ _tag: "LaneOpen", lanes: opened, last: true })
  }

  /** Closes a lane, and tells the peer that nobody reads it any more. Messages under way to it are lost. */
  close(name: string): void {
    const lane = this.byName.get(name)
    if (lane === undefined) return
    const { send } = this.options
    this.byName.delete(name)
    if (this.unacknowledged.delete(lane)) send(acknowledgementOf(lane))
    lane.isOpen = false
    lane.lane.close()
    send({ _tag: "LaneClose", lane: lane.number })
  }

  /** Handles the peer's answer to the close of a lane, whose number is free again. */
  closed(number: number): ProtocolViolation | undefined {
    const lane = this.byNumber.get(number)
    if (lane === undefined || lane.isOpen) {
      return new ProtocolViolation("laneUnknown", `lane ${number} is not closing`)
    }
    this.byNumber.delete(number)
    return undefined
  }

  /** Returns the acknowledgements to send now. They count as sent. */
  acknowledgements(): ReadonlyArray<Taken> {
    if (this.unacknowledged.size === 0) return none
    const frames = Array.from(this.unacknowledged, acknowledgementOf)
    this.unacknowledged.clear()
    return frames
  }

  /** Returns the bytes of the inbox's window that the peer has used and this side has not granted again. */
  used(): number {
    return this.inbox.lane.used()
  }

  /** Returns the used bytes of the window of the fullest other lane; 0 without lanes. */
  usedMost(): number {
    let most = 0
    for (const { lane } of this.byName.values()) most = Math.max(most, lane.used())
    return most
  }

  /** Returns the number of lanes that this side has closed without an answer of the peer. */
  closing(): number {
    return this.byNumber.size - 1 - this.byName.size
  }

  /** Sends the credit that a lane has to grant. For its reader. */
  grant({ isOpen, lane, number }: OpenLane): void {
    const bytes = isOpen ? lane.grant() : 0
    if (bytes > 0) this.options.send({ _tag: "Credit", lane: number, bytes })
  }

  /** Sends an acknowledgement with the next write. For the reader of the lane. */
  acknowledgeLater(lane: OpenLane): void {
    this.unacknowledged.add(lane)
    this.options.wake()
  }

  private add(number: number, name: string, window: number): OpenLane {
    const { makeReceiveLane, messageBytes, sinkOf } = this.options
    const lane = new OpenLane(this, number, name, makeReceiveLane({ window, messageBytes }), sinkOf(name))
    this.byNumber.set(number, lane)
    if (name !== inboxName) this.byName.set(name, lane)
    return lane
  }

  /** Returns a free number. Numbers are used again as late as possible, so that a mistake of either side is noticed. */
  private freeNumber(): number {
    do this.lastNumber = (this.lastNumber % 0xffff) + 1
    while (this.byNumber.has(this.lastNumber))
    return this.lastNumber
  }
}

const none: ReadonlyArray<Taken> = []

const acknowledgementOf = ({ lastRead, number }: OpenLane): Taken => ({ _tag: "Taken", lane: number, id: lastRead })
