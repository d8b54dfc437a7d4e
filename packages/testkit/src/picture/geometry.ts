/**
 * Where everything in the picture goes, as pure functions: the lane and the height of each event, the idle time that is
 * folded away, and what could have influenced what. Heights are in rows, and the page says how high a row is.
 *
 * Everything is inside of one function without imports, because the page gets its text: see `html.ts`.
 */
import type { Event, Trace } from "../Trace.ts"

/** Where an event is drawn if not in a lane: beside the lanes, on the way between two, or not at all. */
export type Place = number

export interface Links {
  /** Lanes from left to right: the nodes, then other hosts in the order in which they came. */
  readonly lanes: ReadonlyArray<string>
  /** Per event: its lane, or {@link Geometry.beside}, {@link Geometry.underway}, {@link Geometry.nowhere}. */
  readonly lane: ReadonlyArray<Place>
  /** Per event: the events that directly influence it, all of them before it. */
  readonly causes: ReadonlyArray<ReadonlyArray<number>>
}

/** Idle time that is not drawn to scale. */
export interface Fold {
  readonly top: number
  readonly bottom: number
  readonly from: number
  readonly to: number
}

export interface Heights {
  /** Per event, in rows: below everything that was earlier. */
  readonly y: ReadonlyArray<number>
  readonly height: number
  readonly folds: ReadonlyArray<Fold>
  /** The moments at which something happens. */
  readonly instants: ReadonlyArray<Instant>
}

/** A moment at which something happens; what follows from something else at the same moment is below it. */
export interface Instant {
  readonly at: number
  readonly y: number
  readonly bottom: number
  /** Its first event, and that of the next instant. */
  readonly first: number
  readonly end: number
}

/** What was sent, and what became of it. */
export interface Message {
  readonly sent: number
  /** The event that it arrived or was dropped with; `undefined` while it is on its way. */
  readonly end: number | undefined
  readonly arrived: boolean
  readonly lost: ReadonlyArray<number>
  readonly from: number
  readonly to: number
  /** Without repetition; the first one gives the colour. `""` is what could not be decoded. */
  readonly kinds: ReadonlyArray<string>
}

type NodeState = Exclude<Extract<Event, { readonly _tag: "Node" }>["state"], "slow" | "clock">
type Fault = Extract<Event, { readonly _tag: "Fault" }>

/** A time in which a node was in one state. */
export interface Span {
  readonly lane: number
  readonly top: number
  readonly bottom: number
  readonly state: Exclude<NodeState, "resumed">
}

/** A time in which a fault was there. */
export interface Shade {
  readonly fault: number
  readonly kind: string
  readonly text: string
  readonly top: number
  readonly bottom: number
  /** The lanes on its two sides; those of a fault that has no sides are all on the first. */
  readonly from: ReadonlyArray<number>
  readonly to: ReadonlyArray<number>
  readonly oneWay: boolean
}

export interface Geometry {
  /** Belongs to no node: faults, and what the scenario says. */
  readonly beside: -1
  /** Happened between two nodes. */
  readonly underway: -2
  /** What it belongs to was left out of the trace. */
  readonly nowhere: -3
  readonly link: (trace: Pick<Trace, "nodes" | "events">) => Links
  readonly heights: (events: ReadonlyArray<Event>, links: Links) => Heights
  readonly messages: (events: ReadonlyArray<Event>, links: Links) => ReadonlyArray<Message>
  readonly spans: (trace: Pick<Trace, "events" | "skipped">, links: Links, heights: Heights) => ReadonlyArray<Span>
  readonly shades: (events: ReadonlyArray<Event>, links: Links, heights: Heights) => ReadonlyArray<Shade>
  /** Per event whether it could have influenced this one; an event influences itself. */
  readonly past: (causes: Links["causes"], event: number) => ReadonlyArray<boolean>
  /** Between which neighbours among the lanes a fault draws its wall: the lanes left of it. */
  readonly walls: (shade: Pick<Shade, "from" | "to">) => ReadonlyArray<number>
}

export const geometry = (): Geometry => {
  const beside = -1
  const underway = -2
  const nowhere = -3

  /** Between two marks of one lane, so that they can be told apart. */
  const row = 1
  /** Between what one node sends at one instant: a fan. */
  const fan = 0.6
  /** Between two instants, however near. */
  const least = 0.45
  /** The usual gap between two instants. Others are drawn in proportion, up to so many rows. */
  const usual = 1.2
  const proportional = 3
  const folded = 2.4

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

  /** The one to whom it happens. */
  const hostOf = (event: Exclude<Event, { readonly _tag: "Arrived" | "Lost" | "Dropped" }>): string | undefined => {
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

  const link: Geometry["link"] = ({ events, nodes }) => {
    const number = new Map<string, number>()
    const add = (name: string): void => {
      if (!number.has(name)) number.set(name, number.size)
    }
    for (const name of nodes) add(name)
    for (const event of events) for (const name of hostsOf(event)) add(name)

    const sent = new Map<number, { readonly index: number; readonly to: string; readonly lost: Array<number> }>()
    const dialed = new Map<number, number>()
    const began = new Map<number, number>()
    /** Per lane: its last event, and the faults since then. */
    const last = new Map<number, number>()
    const touched = new Map<number, Array<number>>()
    const lane: Array<number> = []
    const causes: Array<Array<number>> = []

    for (const [index, event] of events.entries()) {
      const before: Array<number> = []
      let place: number = nowhere
      if (event._tag === "Arrived" || event._tag === "Lost" || event._tag === "Dropped") {
        const message = sent.get(event.id)
        if (message !== undefined) {
          before.push(message.index, ...message.lost)
          place = event._tag === "Arrived" ? (number.get(message.to) ?? nowhere) : underway
          if (event._tag === "Lost") message.lost.push(index)
        }
      } else {
        const host = hostOf(event)
        place = host === undefined ? beside : (number.get(host) ?? nowhere)
      }
      if (event._tag === "Sent") sent.set(event.id, { index, to: event.to, lost: [] })
      if (event._tag === "Connection") {
        if (event.state === "dialed") dialed.set(event.connection, index)
        const dial = dialed.get(event.connection)
        if (event.state === "accepted" && dial !== undefined) before.push(dial)
      }
      if (event._tag === "Fault") {
        const start = began.get(event.fault)
        if (event.state === "began") began.set(event.fault, index)
        else if (start !== undefined) before.push(start)
        for (const name of event.nodes) {
          const at = number.get(name)
          if (at !== undefined) touched.set(at, [...(touched.get(at) ?? []), index])
        }
      }
      // A check without a node looked at all of them.
      if (event._tag === "Failed" && place === beside) before.push(...last.values())
      if (place >= 0) {
        const previous = last.get(place)
        if (previous !== undefined) before.push(previous)
        before.push(...(touched.get(place) ?? []))
        touched.delete(place)
        last.set(place, index)
      }
      lane.push(place)
      causes.push([...new Set(before)])
    }
    return { lanes: [...number.keys()], lane, causes }
  }

  /** How far an event is below its cause, if they are at one instant. */
  const below = (cause: Event | undefined, event: Event | undefined): number => {
    // A loss is drawn on the arrow, and takes no room.
    if (event?._tag === "Lost") return 0
    return cause?._tag === "Sent" && event?._tag === "Sent" ? fan : row
  }

  const heights: Geometry["heights"] = (events, { causes, lane }) => {
    const gaps: Array<number> = []
    let clock = 0
    for (const [index, { at }] of events.entries()) {
      if (index > 0 && at > clock) gaps.push(at - clock)
      clock = Math.max(clock, at)
    }
    gaps.sort((a, b) => a - b)
    const median = gaps[Math.floor(gaps.length * 0.5)] ?? 1
    // Idle is what is far longer than what is usual, and than what is usual between bursts.
    const idle = Math.max(10 * median, 6 * (gaps[Math.floor(gaps.length * 0.75)] ?? 1))
    const rowsFor = (gap: number): number => {
      const rows = (gap * usual) / median
      return rows <= proportional ? Math.max(least, rows) : proportional + 1.5 * Math.log(rows / proportional)
    }

    const y: Array<number> = []
    const folds: Array<Fold> = []
    const instants: Array<Instant> = []
    /** Per lane: the height of its lowest mark. */
    const lowest = new Map<number, number>()
    let bottom = 0
    for (let first = 0; first < events.length;) {
      const at = Math.max(instants.at(-1)?.at ?? 0, events[first]?.at ?? 0)
      let end = first
      while (end < events.length && (events[end]?.at ?? at) <= at) end++

      // Within an instant what follows from something else is below it.
      const rows: Array<number> = []
      const own = new Map<number, number>()
      let deepest = 0
      for (let index = first; index < end; index++) {
        const event = events[index]
        const place = lane[index] ?? nowhere
        let depth = 0
        for (const cause of causes[index] ?? []) {
          if (cause < first) continue
          depth = Math.max(depth, (rows[cause - first] ?? 0) + below(events[cause], event))
        }
        const above = own.get(place)
        if (place === beside && above !== undefined) depth = Math.max(depth, above + row)
        if (event?._tag === "Failed") depth = Math.max(depth, deepest + row)
        own.set(place, depth)
        rows.push(depth)
        deepest = Math.max(deepest, depth)
      }

      const previous = instants.at(-1)
      let base = row
      if (previous !== undefined) {
        const gap = at - previous.at
        base = bottom + (gap > idle ? folded : rowsFor(gap))
        if (gap > idle) folds.push({ top: bottom, bottom: base, from: previous.at, to: at })
      }
      for (let index = first; index < end; index++) {
        const place = lane[index] ?? nowhere
        const above = lowest.get(place)
        if (above === undefined || place < beside) continue
        base = Math.max(base, above + row - (rows[index - first] ?? 0))
      }
      for (let index = first; index < end; index++) {
        const height = base + (rows[index - first] ?? 0)
        y.push(height)
        lowest.set(lane[index] ?? nowhere, height)
      }
      bottom = base + deepest
      instants.push({ at, y: base, bottom, first, end })
      first = end
    }
    return { y, height: bottom + row, folds, instants }
  }

  const messages: Geometry["messages"] = (events, { lanes }) => {
    const number = new Map(lanes.map((name, index) => [name, index] as const))
    const ends = new Map<number, number>()
    const lost = new Map<number, Array<number>>()
    for (const [index, event] of events.entries()) {
      if (event._tag === "Arrived" || event._tag === "Dropped") ends.set(event.id, index)
      if (event._tag === "Lost") lost.set(event.id, [...(lost.get(event.id) ?? []), index])
    }
    return events.flatMap((event, sent): ReadonlyArray<Message> => {
      if (event._tag !== "Sent") return []
      const end = ends.get(event.id)
      const kinds = [...new Set((event.messages ?? []).map(({ kind }) => kind))]
      return [
        {
          sent,
          end,
          arrived: end !== undefined && events[end]?._tag === "Arrived",
          lost: lost.get(event.id) ?? [],
          from: number.get(event.from) ?? nowhere,
          to: number.get(event.to) ?? nowhere,
          kinds: kinds.length === 0 ? [""] : kinds,
        },
      ]
    })
  }

  /** The state before the first one that is told, where the beginning was left out. */
  const stateBefore = (state: NodeState | undefined): Span["state"] | undefined => {
    switch (state) {
      case "starting":
        return undefined
      case "running":
      case "died":
        return "starting"
      case "stopped":
        return "stopping"
      case "resumed":
        return "paused"
      default:
        return "running"
    }
  }

  const spans: Geometry["spans"] = ({ events, skipped }, { lane, lanes }, { height, y }) => {
    const told = lanes.map((): Array<{ readonly state: NodeState; readonly y: number }> => [])
    for (const [index, event] of events.entries()) {
      // How fast it is, and what its clock shows, are no states of their own.
      if (event._tag !== "Node" || event.state === "slow" || event.state === "clock") continue
      told[lane[index] ?? nowhere]?.push({ state: event.state, y: y[index] ?? 0 })
    }
    return told.flatMap((own, place) => {
      const result: Array<Span> = []
      // A host that is no node of the scenario is always there.
      let state = skipped > 0 || own.length === 0 ? stateBefore(own[0]?.state) : undefined
      let resumed: Span["state"] = "running"
      let top = 0
      const close = (bottom: number): void => {
        if (state !== undefined && bottom > top) result.push({ lane: place, top, bottom, state })
        top = bottom
      }
      for (const event of own) {
        close(event.y)
        if (event.state === "paused") {
          resumed = state ?? "running"
          state = "paused"
        } else {
          state = event.state === "resumed" ? resumed : event.state
        }
      }
      close(height)
      return result
    })
  }

  const shades: Geometry["shades"] = (events, { lanes }, { height, y }) => {
    const number = new Map(lanes.map((name, index) => [name, index] as const))
    const numbers = (names: ReadonlyArray<string>): ReadonlyArray<number> =>
      names.flatMap((name) => number.get(name) ?? [])
    const open = new Map<number, { readonly top: number; readonly event: Fault }>()
    const result: Array<Shade> = []
    const close = (event: Fault, top: number, bottom: number): void => {
      const { cut, fault, kind, text } = event
      result.push({
        fault,
        kind,
        text,
        top,
        bottom,
        from: numbers(cut?.from ?? event.nodes),
        to: numbers(cut?.to ?? []),
        oneWay: cut?.oneWay ?? false,
      })
    }
    for (const [index, event] of events.entries()) {
      if (event._tag !== "Fault") continue
      const before = open.get(event.fault)
      const now = y[index] ?? 0
      if (before !== undefined) close(before.event, before.top, now)
      // It began in what was left out.
      else if (event.state === "over") close(event, 0, now)
      if (event.state === "began") open.set(event.fault, { top: now, event })
      else open.delete(event.fault)
    }
    for (const { event, top } of open.values()) close(event, top, height)
    return result.sort((a, b) => a.top - b.top)
  }

  const past: Geometry["past"] = (causes, event) => {
    const seen = causes.map(() => false)
    const todo = [event]
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (seen[next] === true) continue
      seen[next] = true
      todo.push(...(causes[next] ?? []))
    }
    return seen
  }

  const walls: Geometry["walls"] = ({ from, to }) => {
    const sides = [...from.map((lane) => ({ lane, side: 0 })), ...to.map((lane) => ({ lane, side: 1 }))]
    sides.sort((a, b) => a.lane - b.lane)
    return sides.flatMap(({ lane, side }, index) => {
      const next = sides[index + 1]
      return next === undefined || next.side === side ? [] : [lane]
    })
  }

  return { beside, underway, nowhere, link, heights, messages, spans, shades, past, walls }
}
