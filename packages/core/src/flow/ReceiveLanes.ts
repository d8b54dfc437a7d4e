/**
 * What comes in on the lanes of one link: which this side has open, what their readers took, and what the peer is told of
 * that (docs/protocol.md, section "Lanes and credit").
 */
import type { ControlFrame, Data, OpenedLane, Taken } from "../protocol/Frame.ts"
import * as Frame from "../protocol/Frame.ts"
import type * as ReceiveLane from "./ReceiveLane.ts"

/** The receiving end of a lane, for those who read it. */
export interface LaneReader {
  /** Name of the lane; {@link Frame.inboxName} for the inbox. */
  readonly name: string
  /** Whether somebody reads it. What still comes after that is lost, also if the name is read again. */
  readonly isOpen: boolean
  /** The reader took messages, of this cost together; the last of them that is to be confirmed has this number. */
  readonly taken: (messages: Pick<ReceiveLane.InboundMessage, "cost" | "confirm">) => void
}

/** Takes a message that arrived whole on a lane. Never waits. */
export type Deliver = (lane: LaneReader, message: ReceiveLane.InboundMessage) => void

/** The peer broke the rules of the lanes. */
export interface Fault {
  readonly code: ReceiveLane.Broken["code"] | "laneUnknown"
  readonly message: string
}

export interface ReceiveLanes {
  /** Hands on what a frame completes. */
  readonly receive: (frame: Data) => Fault | undefined
  /** Tells the peer what is read from now on. */
  readonly open: (names: Iterable<string>) => void
  /** Tells the peer that this is not read any more. What comes of it until the peer knows is lost. */
  readonly close: (name: string) => void
  /** The peer knows it, and the number is free again. */
  readonly closed: (number: number) => Fault | undefined
  /** What readers took and the peer wants to know, once. */
  readonly confirmations: () => ReadonlyArray<Taken>
  /** What of the window of the inbox the sender used and has not got back. */
  readonly used: () => number
  /** The same of the lane that is fullest; 0 without lanes. */
  readonly usedMost: () => number
  /** How many lanes this side has closed without an answer of the peer. */
  readonly closing: () => number
}

interface ReadLane extends LaneReader {
  readonly number: number
  readonly receiver: ReceiveLane.ReceiveLane
  readonly deliver: Deliver
  isOpen: boolean
  /** The number of the last message to be confirmed that was taken. */
  confirmed: number
}

export const make = (options: {
  readonly makeReceiver: typeof ReceiveLane.make
  readonly inboxWindow: number
  readonly laneWindow: number
  readonly messageBytes: number
  readonly send: (frame: ControlFrame) => void
  /** There is something to confirm. */
  readonly wake: () => void
  /** Resolves, once for each lane that is opened, who takes its messages. */
  readonly sinkOf: (name: string) => Deliver
}): ReceiveLanes => {
  const { laneWindow, messageBytes, send, wake } = options
  const byNumber = new Map<number, ReadLane>()
  const byName = new Map<string, ReadLane>()
  const unconfirmed = new Set<ReadLane>()
  let lastNumber = 0

  const makeLane = (number: number, name: string, window: number): ReadLane => {
    const receiver = options.makeReceiver({ window, messageBytes })
    const lane: ReadLane = {
      number,
      name,
      receiver,
      deliver: options.sinkOf(name),
      isOpen: true,
      confirmed: 0,
      taken: ({ confirm, cost }) => {
        receiver.taken(cost)
        grant(lane)
        if (confirm === undefined || !lane.isOpen) return
        lane.confirmed = confirm
        unconfirmed.add(lane)
        wake()
      },
    }
    byNumber.set(number, lane)
    if (name !== Frame.inboxName) byName.set(name, lane)
    return lane
  }

  const inbox = makeLane(Frame.inboxLane, Frame.inboxName, options.inboxWindow)

  const grant = ({ isOpen, number, receiver }: ReadLane): void => {
    const bytes = isOpen ? receiver.grant() : 0
    if (bytes > 0) send({ _tag: "Credit", lane: number, bytes })
  }

  /** Numbers are used again as late as possible, so that a mistake of either side is noticed. */
  const freeNumber = (): number => {
    do lastNumber = (lastNumber % 0xffff) + 1
    while (byNumber.has(lastNumber))
    return lastNumber
  }

  const confirmations = (lanes: Iterable<ReadLane>): ReadonlyArray<Taken> => {
    const frames: Array<Taken> = []
    for (const lane of lanes) {
      if (unconfirmed.delete(lane)) frames.push({ _tag: "Taken", lane: lane.number, id: lane.confirmed })
    }
    return frames
  }

  return {
    receive: (frame) => {
      const lane = frame.lane === Frame.inboxLane ? inbox : byNumber.get(frame.lane)
      if (lane === undefined) return { code: "laneUnknown", message: `lane ${frame.lane} was never opened` }
      const result = lane.receiver.receive(frame)
      if (result?._tag === "Broken") return result
      if (result === undefined) grant(lane)
      else if (lane.isOpen) lane.deliver(lane, result)
      return undefined
    },
    open: (names) => {
      const lanes: Array<OpenedLane> = []
      for (const name of names) {
        if (byName.has(name)) continue
        const { number } = makeLane(freeNumber(), name, laneWindow)
        lanes.push({ lane: number, name, window: laneWindow })
      }
      send({ _tag: "LaneOpen", lanes, last: true })
    },
    close: (name) => {
      const lane = byName.get(name)
      if (lane === undefined) return
      byName.delete(name)
      for (const frame of confirmations([lane])) send(frame)
      lane.isOpen = false
      lane.receiver.close()
      send({ _tag: "LaneClose", lane: lane.number })
    },
    closed: (number) => {
      const lane = byNumber.get(number)
      if (lane === undefined || lane.isOpen) return { code: "laneUnknown", message: `lane ${number} is not closing` }
      byNumber.delete(number)
      return undefined
    },
    confirmations: () => confirmations(unconfirmed),
    used: () => inbox.receiver.used(),
    usedMost: () => {
      let most = 0
      for (const { receiver } of byName.values()) most = Math.max(most, receiver.used())
      return most
    },
    closing: () => byNumber.size - 1 - byName.size,
  }
}
