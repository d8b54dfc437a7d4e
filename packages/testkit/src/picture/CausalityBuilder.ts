/**
 * Builder of the causality of a trace. It reads the events in order and remembers what a later event can depend on.
 */
import type { Event } from "../internal/traceEvents.ts"
import { inTransit, simulationLane, unknownLane } from "./lanes.ts"

/** Lanes of a trace and the direct causes of its events. */
export interface Causality {
  /** Names of the lanes from left to right: the nodes, then other hosts in order of appearance. */
  readonly lanes: ReadonlyArray<string>
  /** Lane of each event: an index into `lanes`, or one of the numbers in `lanes.ts`. */
  readonly laneOf: ReadonlyArray<number>
  /** Events that directly influence each event. Every cause has a smaller index than its effect. */
  readonly causes: ReadonlyArray<ReadonlyArray<number>>
}

/** Event that ends or delays a message that was sent before. */
type Outcome = Extract<Event, { readonly _tag: "Arrived" | "Lost" | "Dropped" }>

interface SentMessage {
  readonly index: number
  readonly to: string
  readonly losses: Array<number>
}

/** Lists the hosts that an event names. */
const hostsOf = (event: Event): ReadonlyArray<string> => {
  switch (event._tag) {
    case "Node":
      return [event.node]
    case "Sent":
    case "Connection":
      return [event.from, event.to]
    case "Note":
    case "Failed":
      return event.node === undefined ? [] : [event.node]
    default:
      return []
  }
}

/** Returns the host at which an event happens, or `undefined` for an event of the simulation. */
const hostOf = (event: Exclude<Event, Outcome>): string | undefined => {
  switch (event._tag) {
    case "Sent":
      return event.from
    case "Connection":
      return event.state === "accepted" ? event.to : (event.by ?? event.from)
    case "Fault":
      return undefined
    default:
      return event.node
  }
}

export class CausalityBuilder {
  private readonly lanes = new Map<string, number>()
  private readonly sent = new Map<number, SentMessage>()
  private readonly dials = new Map<number, number>()
  private readonly faultStarts = new Map<number, number>()
  private readonly lastInLane = new Map<number, number>()
  /** Faults that affected the node of a lane since the last event in that lane. */
  private readonly faultsSinceLast = new Map<number, Array<number>>()
  private readonly laneOf: Array<number> = []
  private readonly causes: Array<ReadonlyArray<number>> = []

  /** Adds a lane for a host that does not have one. */
  addLane(name: string): void {
    if (!this.lanes.has(name)) this.lanes.set(name, this.lanes.size)
  }

  /** Adds lanes for the hosts that an event names. */
  addHosts(event: Event): void {
    for (const name of hostsOf(event)) this.addLane(name)
  }

  /** Adds the next event. All lanes must have been added before. */
  add(index: number, event: Event): void {
    const causes: Array<number> = []
    const lane = this.place(index, event, causes)
    if (event._tag === "Sent") this.sent.set(event.id, { index, to: event.to, losses: [] })
    if (event._tag === "Connection") this.addConnection(index, event, causes)
    if (event._tag === "Fault") this.addFault(index, event, causes)
    // A check without a node reads the state of all nodes.
    if (event._tag === "Failed" && lane === simulationLane) causes.push(...this.lastInLane.values())
    if (lane >= 0) this.advance(index, lane, causes)
    this.laneOf.push(lane)
    this.causes.push([...new Set(causes)])
  }

  result(): Causality {
    return { lanes: [...this.lanes.keys()], laneOf: this.laneOf, causes: this.causes }
  }

  /** Returns the lane of an event. For an outcome, adds its send and its losses to the causes. */
  private place(index: number, event: Event, causes: Array<number>): number {
    if (event._tag !== "Arrived" && event._tag !== "Lost" && event._tag !== "Dropped") {
      const host = hostOf(event)
      return host === undefined ? simulationLane : this.laneOfHost(host)
    }
    const message = this.sent.get(event.id)
    if (message === undefined) return unknownLane
    causes.push(message.index, ...message.losses)
    if (event._tag === "Lost") message.losses.push(index)
    return event._tag === "Arrived" ? this.laneOfHost(message.to) : inTransit
  }

  private laneOfHost(host: string): number {
    return this.lanes.get(host) ?? unknownLane
  }

  /** Adds the dial to the causes of an accepted connection. */
  private addConnection(
    index: number,
    event: Extract<Event, { readonly _tag: "Connection" }>,
    causes: Array<number>,
  ): void {
    if (event.state === "dialed") this.dials.set(event.connection, index)
    const dial = this.dials.get(event.connection)
    if (event.state === "accepted" && dial !== undefined) causes.push(dial)
  }

  /** Records that a fault influences its nodes. A fault carries no influence from one node to another. */
  private addFault(index: number, event: Extract<Event, { readonly _tag: "Fault" }>, causes: Array<number>): void {
    const start = this.faultStarts.get(event.fault)
    if (event.state === "began") this.faultStarts.set(event.fault, index)
    else if (start !== undefined) causes.push(start)
    for (const name of event.nodes) {
      const lane = this.lanes.get(name)
      if (lane === undefined) continue
      const faults = this.faultsSinceLast.get(lane)
      if (faults === undefined) this.faultsSinceLast.set(lane, [index])
      else faults.push(index)
    }
  }

  /** Adds the previous event of the lane, and the faults since then, to the causes of an event of a node. */
  private advance(index: number, lane: number, causes: Array<number>): void {
    const previous = this.lastInLane.get(lane)
    if (previous !== undefined) causes.push(previous)
    causes.push(...(this.faultsSinceLast.get(lane) ?? []))
    this.faultsSinceLast.delete(lane)
    this.lastInLane.set(lane, index)
  }
}
