/**
 * Receiving ends of all lanes of one link (docs/protocol.md, section "Lanes and credit"): the lanes that this side has
 * open, and the credit and acknowledgements that this side sends as the readers read.
 */
import { inboxLane, inboxName } from "../protocol/constants.ts"
import type { ControlFrame, Data, OpenedLane, Taken } from "../protocol/Frame.ts"
import { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import type * as ReceiveLane from "./ReceiveLane.ts"

/** Receiving end of a lane as its reader sees it. */
export interface ReadableLane {
  /** Name of the lane; `inboxName` for the inbox. */
  readonly name: string
  /**
   * `false` once the lane has no reader. Messages that still arrive are lost, even if a new reader opens the same name.
   */
  readonly isOpen: boolean
  /**
   * Returns the credit of messages that the reader has read, with this cost in total. Acknowledges the message with the
   * number `confirm` and all messages before it.
   */
  readonly acknowledge: (messages: Pick<ReceiveLane.InboundMessage, "cost" | "confirm">) => void
}

/** Lane that this side reads. */
export interface ReadLane {
  readonly name: string
  /** Format of the messages that the reader expects; absent if it accepts bytes of any format. */
  readonly format?: string | undefined
}

/** Delivers a complete message of a lane. Never waits. */
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
  /** Wakes the writer, which then fetches {@link ReceiveLanes.acknowledgements}. */
  readonly wake: () => void
  /** Returns the sink of a lane. Called once per opened lane. */
  readonly sinkOf: (name: string) => Deliver
}

/** Lane that this side opened and for which the peer has not yet sent LaneClosed. */
class OpenLane implements ReadableLane {
  readonly number: number
  readonly name: string
  readonly lane: ReceiveLane.ReceiveLane
  readonly deliver: Deliver
  isOpen = true
  /** Number of the last message that the reader read and that requests an acknowledgement. */
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
  /** Lanes with an acknowledgement that this side has not sent. */
  private unacknowledged: Set<OpenLane> | undefined
  private lastNumber = 0

  constructor(options: Options) {
    this.options = options
    this.inbox = this.add(inboxLane, inboxName, options.inboxWindowBytes)
  }

  /**
   * Returns the place in its message for a fragment of this size that has not arrived completely. Returns `undefined` if
   * the fragment has none (`ReceiveLane.place`).
   */
  place(
    { first, lane }: Pick<Data, "first" | "lane">,
    total: number | undefined,
    size: number,
  ): Uint8Array | undefined {
    return this.laneOf(lane)?.lane.place(first, total, size)
  }

  /** Accepts a frame, and delivers the message that the frame completes. */
  receive(frame: Data): ProtocolViolation | undefined {
    const lane = this.laneOf(frame.lane)
    if (lane === undefined) return new ProtocolViolation("laneUnknown", `lane ${frame.lane} is not open`)
    const result = lane.lane.receive(frame)
    if (result === undefined) this.grant(lane)
    else if (result instanceof ProtocolViolation) return result
    else if (lane.isOpen) lane.deliver(lane, result)
    return undefined
  }

  /** Opens lanes, and announces them to the peer with LaneOpen. */
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

  /** Closes a lane, and announces it to the peer with LaneClose. Messages in flight to the lane are lost. */
  close(name: string): void {
    const lane = this.byName.get(name)
    if (lane === undefined) return
    const { send } = this.options
    this.byName.delete(name)
    if (this.unacknowledged?.delete(lane) === true) send(acknowledgementOf(lane))
    lane.isOpen = false
    lane.lane.close()
    send({ _tag: "LaneClose", lane: lane.number })
  }

  /** Handles the peer's LaneClosed, which frees the number of the lane. */
  closed(number: number): ProtocolViolation | undefined {
    const lane = this.byNumber.get(number)
    if (lane === undefined || lane.isOpen) {
      return new ProtocolViolation("laneUnknown", `lane ${number} is not closing`)
    }
    this.byNumber.delete(number)
    return undefined
  }

  /** Returns the acknowledgements to send now. The returned acknowledgements count as sent. */
  acknowledgements(): ReadonlyArray<Taken> {
    if (this.unacknowledged === undefined || this.unacknowledged.size === 0) return none
    const frames = Array.from(this.unacknowledged, acknowledgementOf)
    this.unacknowledged.clear()
    return frames
  }

  /** Returns the bytes of the inbox window that the peer has used and this side has not granted again. */
  used(): number {
    return this.inbox.lane.used()
  }

  /** Returns the used bytes of the window of the fullest lane except the inbox; 0 without such lanes. */
  usedMost(): number {
    let most = 0
    for (const { lane } of this.byName.values()) most = Math.max(most, lane.used())
    return most
  }

  /** Returns the number of lanes that this side has closed and for which the peer has not answered. */
  closing(): number {
    return this.byNumber.size - 1 - this.byName.size
  }

  /** Sends the credit that a lane has to grant. Called by the reader of the lane. */
  grant({ isOpen, lane, number }: OpenLane): void {
    const bytes = isOpen ? lane.grant() : 0
    if (bytes > 0) this.options.send({ _tag: "Credit", lane: number, bytes })
  }

  /** Sends an acknowledgement with the next write. Called by the reader of the lane. */
  acknowledgeLater(lane: OpenLane): void {
    this.unacknowledged ??= new Set()
    this.unacknowledged.add(lane)
    this.options.wake()
  }

  private laneOf(number: number): OpenLane | undefined {
    return number === inboxLane ? this.inbox : this.byNumber.get(number)
  }

  private add(number: number, name: string, window: number): OpenLane {
    const { makeReceiveLane, messageBytes, sinkOf } = this.options
    const lane = new OpenLane(this, number, name, makeReceiveLane({ window, messageBytes }), sinkOf(name))
    this.byNumber.set(number, lane)
    if (name !== inboxName) this.byName.set(name, lane)
    return lane
  }

  /** Returns a free number. Reuses a number as late as possible, so that an error of either side is noticed. */
  private freeNumber(): number {
    do this.lastNumber = (this.lastNumber % 0xffff) + 1
    while (this.byNumber.has(this.lastNumber))
    return this.lastNumber
  }
}

const none: ReadonlyArray<Taken> = []

const acknowledgementOf = ({ lastRead, number }: OpenLane): Taken => ({ _tag: "Taken", lane: number, id: lastRead })
