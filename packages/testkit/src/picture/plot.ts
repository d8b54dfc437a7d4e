/**
 * Draws the window that is looked at: lanes, arrows, marks and labels. What is outside of the window is not there, and
 * where the window is so wide that marks would lie on each other, arrows of one kind become one path.
 *
 * Everything is inside of one function without imports, because the page gets its text: see `html.ts`.
 */
import type { Event } from "../Trace.ts"
import type { Geometry, Message, Shade } from "./geometry.ts"
import type { Model } from "./model.ts"
import type { Layer, Pencil, Text } from "./pencil.ts"
import type { Words } from "./words.ts"

/** What is looked at. */
export interface View {
  /** The row at the top. */
  readonly top: number
  /** The height of a row in pixels. */
  readonly zoom: number
  /** How many pixels of the lanes are left of the window. */
  readonly left: number
  readonly width: number
  readonly height: number
  /** Kinds and groups that are not drawn. */
  readonly hidden: ReadonlySet<string>
  readonly selected: number | undefined
  /** What could have influenced the selected event. */
  readonly cone: ReadonlyArray<boolean> | undefined
  /** The event that the keyboard is at. */
  readonly active: number | undefined
}

export interface Plot {
  readonly draw: (view: View) => void
  /** Whether single events can be seen, and not only the shape of many. */
  readonly detailed: (view: View) => boolean
  /** The element of an event that can have the focus, if it is in the window. */
  readonly target: (event: number) => SVGElement | undefined
  /** How wide all lanes are. */
  readonly width: (available: number) => number
  readonly laneX: (lane: number, view: View) => number
  /** Height of the lanes' names. */
  readonly head: number
  /** Left of the lanes. */
  readonly margin: number
}

export const plot = (svg: Element, model: Model, geometry: Geometry, words: Words, pencil: Pencil): Plot => {
  const { heights, links, messages, shades, spans, trace } = model
  const { events } = trace
  const { icons, tails } = pencil
  const { y } = heights

  const head = 34
  /** For times. */
  const axis = 88
  /** For what belongs to no node. */
  const aside = 30
  const widest = 300
  /** Lanes are no narrower than their names, unless these are very long. */
  const narrowest = Math.max(60, Math.min(120, 14 + 7.6 * Math.max(0, ...links.lanes.map(({ length }) => length))))
  /** More marks than this lie on each other. */
  const most = 700
  const letter = 6.35
  const colours = 8

  const layers = {
    shades: pencil.layer(svg, "shades"),
    lanes: pencil.layer(svg, "lanes"),
    folds: pencil.layer(svg, "folds"),
    walls: pencil.layer(svg, "walls"),
    reach: pencil.layer(svg, "reaches"),
    lines: pencil.layer(svg, "lines"),
    touch: pencil.layer(svg, "touch"),
    marks: pencil.layer(svg, "marks"),
    labels: pencil.layer(svg, "labels"),
    targets: pencil.layer(svg, "targets"),
    head: pencil.layer(svg, "head"),
  }

  const lanes = links.lanes.length
  const laneWidth = (available: number): number =>
    Math.min(widest, Math.max(narrowest, (available - axis - aside) / Math.max(1, lanes)))
  const width: Plot["width"] = (available) => axis + aside + laneWidth(available) * lanes
  const laneX: Plot["laneX"] = (lane, view) => {
    if (lane === geometry.beside) return axis + aside / 2
    const wide = laneWidth(view.width)
    const slack = Math.max(0, view.width - width(view.width)) / 2
    return axis + aside + slack + (lane + 0.5) * wide - view.left
  }
  const yAt = (row: number, { top, zoom }: View): number => head + (row - top) * zoom
  const bottomRow = ({ height, top, zoom }: View): number => top + (height - head) / zoom

  /** The events in the window, and those whose marks reach into it. */
  const eventsIn = (view: View): ReadonlyArray<number> => {
    const { instants } = heights
    const top = view.top - 16 / view.zoom
    const bottom = bottomRow(view) + 16 / view.zoom
    let low = 0
    let high = instants.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((instants[middle]?.bottom ?? 0) < top) low = middle + 1
      else high = middle
    }
    const result: Array<number> = []
    for (let number = low; (instants[number]?.y ?? Infinity) <= bottom; number++) {
      const { end, first } = instants[number] ?? { first: 0, end: 0 }
      for (let index = first; index < end; index++) {
        const at = y[index] ?? 0
        if (at >= top && at <= bottom) result.push(index)
      }
    }
    return result
  }

  const detailed: Plot["detailed"] = (view) => eventsIn(view).length <= most

  // Rounding keeps the file of a saved page small and edges sharp.
  const px = (value: number): string => String(Math.round(value * 10) / 10)
  const clip = (text: string, letters: number): string => {
    const line = text.replace(/\s+/g, " ")
    if (line.length <= letters) return line
    return letters < 3 ? "" : `${line.slice(0, letters - 1).trimEnd()}…`
  }

  /** What tells names apart is often at their end. */
  const clipName = (name: string, letters: number): string => {
    const line = name.replace(/\s+/g, " ")
    if (line.length <= letters) return line
    const half = Math.max(1, Math.floor((letters - 1) / 2))
    return `${line.slice(0, half)}…${line.slice(-half)}`
  }

  const endOf = ({ arrived, end, from, sent, to }: Message, view: View) => {
    const x0 = laneX(from, view)
    const y0 = yAt(y[sent] ?? 0, view)
    const x1 = laneX(to, view)
    if (end === undefined) {
      // It is on its way when the trace ends: it points to where it goes and ends in the open.
      const y1 = Math.max(y0 + 14, Math.min(yAt(heights.height, view), y0 + 40))
      return { x0, y0, x1: x0 + (x1 - x0) * 0.35, y1 }
    }
    const y1 = yAt(y[end] ?? 0, view)
    return arrived ? { x0, y0, x1, y1 } : { x0, y0, x1: x0 + (x1 - x0) * 0.55, y1 }
  }

  /** A line from lane to lane; a loop for what a node sends to itself. */
  const lineOf = (message: Message, view: View): string => {
    const { x0, x1, y0, y1 } = endOf(message, view)
    if (message.from !== message.to) return `M${px(x0)} ${px(y0)}L${px(x1)} ${px(y1)}`
    const out = x0 + Math.min(46, laneWidth(view.width) * 0.4)
    return `M${px(x0)} ${px(y0)}C${px(out)} ${px(y0)} ${px(out)} ${px(y1)} ${px(x1)} ${px(y1)}`
  }

  const colourOf = ({ kinds }: Message, hidden: ReadonlySet<string>): string => {
    const kind = kinds.find((kind) => !hidden.has(model.hideKind(kind))) ?? ""
    const slot = model.slot(kind)
    if (kind === "") return "bytes"
    return `k${slot % colours}${slot >= colours ? " more" : ""}`
  }

  interface Box {
    readonly left: number
    readonly right: number
    readonly top: number
    readonly bottom: number
    /** What it is a part of, and does not keep away. */
    readonly owner?: number
  }

  /** Says where something can be written. */
  const paper = () => {
    const taken = new Map<number, Array<Box>>()
    const strip = 24
    const strips = ({ bottom, top }: Box): ReadonlyArray<number> => {
      const result: Array<number> = []
      for (let one = Math.floor(top / strip); one <= Math.floor(bottom / strip); one++) result.push(one)
      return result
    }
    const take = (box: Box): void => {
      for (const one of strips(box)) {
        const boxes = taken.get(one)
        if (boxes === undefined) taken.set(one, [box])
        else boxes.push(box)
      }
    }
    const free = (box: Box): boolean =>
      strips(box).every((one) =>
        (taken.get(one) ?? []).every(
          (other) =>
            (other.owner !== undefined && other.owner === box.owner) ||
            box.left >= other.right ||
            box.right <= other.left ||
            box.top >= other.bottom ||
            box.bottom <= other.top,
        ),
      )
    return { take, free }
  }
  type Paper = ReturnType<typeof paper>

  /** What an arrow is labelled with, in so many letters. */
  const labelOf = (message: Message, letters: number, hidden: ReadonlySet<string>): Text | undefined => {
    const sent = events[message.sent]
    if (sent?._tag !== "Sent" || sent.messages === undefined) return undefined
    const seen = sent.messages.filter(({ kind }) => !hidden.has(model.hideKind(kind)))
    const [first] = seen
    if (first === undefined || letters < 3) return undefined
    const more = seen.length > 1 ? ` +${seen.length - 1}` : ""
    const kind = clip(first.kind, letters - more.length)
    if (kind.length < Math.min(6, first.kind.length)) return undefined
    // Many texts begin with the kind, which is there already.
    const text = first.text.startsWith(first.kind) ? first.text.slice(first.kind.length).trimStart() : first.text
    const rest = letters - kind.length - more.length - 1
    return [
      ["kind", kind],
      ["text", `${rest >= 4 && text !== "" ? ` ${clip(text, rest)}` : ""}${more}`],
    ]
  }

  const lettersOf = (text: Text): number =>
    typeof text === "string" ? text.length : text.reduce((sum, [, part]) => sum + part.length, 0)

  const drawShades = (view: View, free: Paper): void => {
    if (view.hidden.has("faults")) return
    const wide = laneWidth(view.width)
    const bottom = bottomRow(view)
    for (const shade of shades) {
      if (shade.bottom < view.top || shade.top > bottom || shade.bottom === shade.top) continue
      drawShade(shade, view, wide, free)
    }
  }

  const cuts = new Set(["partition", "clog", "swizzle"])

  const drawShade = (shade: Shade, view: View, wide: number, free: Paper): void => {
    const top = Math.max(head, yAt(shade.top, view))
    const bottom = Math.min(view.height, yAt(shade.bottom, view))
    if (bottom <= top) return
    const isCut = cuts.has(shade.kind)
    // What a crash or a pause does is told by the state of the lane.
    if (!isCut && shade.kind !== "slow") return
    const key = `${shade.fault} ${shade.top}`
    // What keeps nodes apart is about the room between them; another fault is about a node.
    const half = isCut ? wide / 2 : 9
    // The smaller side is the one that is told apart.
    const sides =
      shade.to.length > 0 && shade.to.length < shade.from.length ? [shade.to, shade.from] : [shade.from, shade.to]
    for (const [side, members] of sides.entries()) {
      for (const lane of members) {
        const x = laneX(lane, view)
        layers.shades.put(`${key} ${lane}`, "rect", {
          class: isCut ? `cut side${side}` : `shade ${shade.kind}`,
          x: px(x - half),
          y: px(top),
          width: px(half * 2),
          height: px(bottom - top),
        })
      }
    }
    for (const lane of geometry.walls(shade)) {
      const x = laneX(lane, view) + wide / 2
      layers.walls.put(`${key} wall ${lane}`, "path", {
        class: "wall",
        d: `M${px(x)} ${px(top)}V${px(bottom)}`,
      })
    }
    if (!isCut) return
    const first = Math.min(...shade.from, ...shade.to)
    const last = Math.max(...shade.from, ...shade.to)
    if (!Number.isFinite(first)) return
    const left = Math.max(axis + aside, laneX(first, view) - wide / 2) + 6
    const right = laneX(last, view) + wide / 2
    const text = clip(shade.text, Math.floor((right - left - 8) / letter))
    for (let line = top + 13; line < Math.min(bottom - 2, top + 60); line += 14) {
      const box = { left, right: left + text.length * letter, top: line - 10, bottom: line + 3 }
      if (text === "" || !free.free(box)) continue
      free.take(box)
      layers.labels.put(`${key} text`, "text", { class: "shade-text", x: px(left), y: px(line) }, text)
      break
    }
  }

  const drawLanes = (view: View): void => {
    const bottom = bottomRow(view)
    for (const [index, { bottom: end, lane, state, top }] of spans.entries()) {
      if (end < view.top || top > bottom) continue
      const x = laneX(lane, view)
      if (x < -20 || x > view.width + 20) continue
      const y0 = Math.max(head, yAt(top, view))
      const y1 = Math.min(view.height, yAt(end, view))
      if (y1 <= y0) continue
      const isThick = state === "crashed" || state === "stopped" || state === "died" || state === "paused"
      if (isThick) {
        const box = { x: px(x - 6.5), y: px(y0), width: 13, height: px(y1 - y0) }
        layers.lanes.put(`span ${index}`, "rect", { class: `state ${state}`, ...box })
      } else {
        layers.lanes.put(`span ${index}`, "path", { class: `state ${state}`, d: `M${px(x)} ${px(y0)}V${px(y1)}` })
      }
    }
    if (view.cone === undefined) return
    // The cone reaches down each lane to the last event in it.
    for (const lane of links.lanes.keys()) {
      const last = model.columns[lane + 1]?.findLast(
        (event) => view.cone?.[event] === true && links.lane[event] === lane,
      )
      const first = spans.find((span) => span.lane === lane)
      if (last === undefined) continue
      const y0 = Math.max(head, yAt(first?.top ?? 0, view))
      const y1 = Math.min(view.height, yAt(y[last] ?? 0, view))
      if (y1 <= y0) continue
      const x = px(laneX(lane, view))
      layers.reach.put(`reach ${lane}`, "path", { class: "reach", d: `M${x} ${px(y0)}V${px(y1)}` })
    }
  }

  const drawFolds = (view: View, free: Paper): void => {
    const bottom = bottomRow(view)
    const left = axis
    const right = Math.min(view.width, laneX(lanes - 1, view) + laneWidth(view.width) / 2)
    let lastLabel = -Infinity
    for (const [index, fold] of heights.folds.entries()) {
      if (fold.bottom < view.top || fold.top > bottom) continue
      const middle = yAt((fold.top + fold.bottom) / 2, view)
      if (middle < head + 6) continue
      const half = Math.min(5, (fold.bottom - fold.top) * view.zoom * 0.3)
      if (half < 1.5) continue
      // A tear in the paper.
      let upper = ""
      let lower = ""
      const teeth = Math.max(1, Math.ceil((right - left) / 14))
      for (let tooth = 0; tooth <= teeth; tooth++) {
        const x = left + ((right - left) * tooth) / teeth
        const bend = (tooth % 2 === 0 ? 1 : -1) * half * 0.4
        upper += `${tooth === 0 ? "M" : "L"}${px(x)} ${px(middle - half + bend)}`
        lower = `L${px(x)} ${px(middle + half + bend)}${lower}`
      }
      layers.folds.put(`fold ${index}`, "path", { class: "fold", d: `${upper}${lower}Z` })
      if (middle - lastLabel < 13) continue
      lastLabel = middle
      const text = words.duration(fold.to - fold.from)
      free.take({ left: 0, right: axis, top: middle - 7, bottom: middle + 7 })
      layers.labels.put(
        `fold ${index}`,
        "text",
        { class: "fold-text", x: px(axis - 6), y: px(middle + 3.5), "text-anchor": "end" },
        `⋮ ${text}`,
      )
    }
  }

  const drawTimes = (view: View, free: Paper): void => {
    const bottom = bottomRow(view)
    let last = -Infinity
    for (const [index, instant] of heights.instants.entries()) {
      if (instant.y < view.top || instant.y > bottom) continue
      const at = yAt(instant.y, view)
      const box = { left: 0, right: axis, top: at - 7, bottom: at + 7 }
      if (at - last < 24 || at > view.height - 4 || at < head + 5 || !free.free(box)) continue
      last = at
      const [whole = "", rest = ""] = words.moment(instant.at).replace(" s", "").split(".")
      layers.labels.put(
        `time ${index}`,
        "text",
        { class: "time", x: px(axis - 6), y: px(at + 3.5), "text-anchor": "end" },
        [
          ["coarse", `${whole}.${rest.slice(0, 3)}`],
          ["fine", ` ${rest.slice(3)}`],
        ],
      )
      layers.shades.put(`time ${index}`, "path", { class: "tick", d: `M${axis} ${px(at)}H${px(view.width)}` })
    }
  }

  const coneClass = (view: View, event: number): string =>
    `${view.cone?.[event] === true ? " in" : ""}${view.selected === event ? " selected" : ""}`

  /** The parts of a message that are marked with an event of their own. */
  const drawMessage = (index: number, message: Message, view: View, free: Paper): void => {
    const { end, from, lost, sent, to } = message
    const { x0, x1, y0, y1 } = endOf(message, view)
    const colour = colourOf(message, view.hidden)
    const last = end ?? sent
    const fate = message.arrived ? "arrived" : end === undefined ? "flying" : "dropped"
    const isIn = coneClass(view, last)
    const d = lineOf(message, view)
    layers.lines.put(`m${index}`, "path", { class: `message ${fate} ${colour}${isIn}`, d, "data-sent": sent })
    layers.touch.put(`m${index}`, "path", { class: "touch", d, "data-event": last })

    const slot = model.slot(message.kinds.find((kind) => !view.hidden.has(model.hideKind(kind))) ?? "")
    layers.marks.put(`tail ${index}`, "path", {
      class: `tail ${colour}${coneClass(view, sent)}`,
      d: tails[slot % tails.length],
      transform: `translate(${px(x0)} ${px(y0)})`,
    })
    target(sent, x0, y0, view, 7)
    if (message.arrived && end !== undefined) {
      const angle = from === to ? 180 : (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI
      layers.marks.put(`head ${index}`, "path", {
        class: `arrowhead ${colour}${isIn}`,
        d: pencil.arrowhead,
        transform: `translate(${px(x1)} ${px(y1)}) rotate(${px(angle)})`,
      })
      const back = Math.hypot(x1 - x0, y1 - y0) || 1
      target(end, x1 - ((x1 - x0) / back) * 4, y1 - ((y1 - y0) / back) * 4, view, 7)
    } else if (end !== undefined) {
      layers.marks.put(`cross ${index}`, "path", {
        class: `cross${isIn}`,
        d: icons["cross"],
        transform: `translate(${px(x1)} ${px(y1)})`,
      })
      free.take({ left: x1 - 7, right: x1 + 7, top: y1 - 7, bottom: y1 + 7 })
      target(end, x1, y1, view, 9)
    } else {
      const at = `translate(${px(x1)} ${px(y1)})`
      layers.marks.put(`open ${index}`, "circle", { class: `open ${colour}${isIn}`, r: 2.6, transform: at })
    }
    for (const [number, one] of lost.entries()) {
      const lost = events[one]
      if (lost?._tag !== "Lost") continue
      // Near the sender, who tries again; several are beside each other.
      const part = 0.2 + number * 0.12
      const x = x0 + (x1 - x0) * part
      const at = y0 + (y1 - y0) * part
      const transform = `translate(${px(x)} ${px(at)})`
      const style = coneClass(view, one)
      layers.marks.put(`lost ${one} disc`, "circle", { class: `badge lost ${colour}${style}`, r: 7.5, transform })
      layers.marks.put(`lost ${one}`, "path", { class: `glyph lost ${colour}${style}`, d: icons["again"], transform })
      const hasTimes = lost.times > 1
      if (hasTimes) {
        layers.marks.put(
          `lost ${one} times`,
          "text",
          { class: `times ${colour}${style}`, x: px(x + 9.5), y: px(at - 4) },
          `×${lost.times}`,
        )
      }
      free.take({ left: x - 9, right: x + (hasTimes ? 26 : 9), top: at - 12, bottom: at + 9 })
      target(one, x, at, view, 9)
    }
    free.take({ left: x0 - 5, right: x0 + 5, top: y0 - 5, bottom: y0 + 5 })
  }

  /** Boxes along a text that is written at an angle. */
  const boxesAlong = (x: number, at: number, slope: number, half: number, owner: number): ReadonlyArray<Box> => {
    const boxes: Array<Box> = []
    for (let along = -half; along < half; along += 20) {
      const middle = Math.min(along + 10, half)
      const left = x + middle * Math.cos(slope) - 10
      const top = at + middle * Math.sin(slope) - 9
      boxes.push({ left, right: left + 20, top, bottom: top + 11, owner })
    }
    return boxes
  }

  /** What arrows cover, so that labels can keep away from those of others. */
  const inked = (arrows: ReadonlyArray<readonly [number, Message]>, view: View): Paper => {
    const ink = paper()
    for (const [owner, message] of arrows) {
      const { x0, x1, y0, y1 } = endOf(message, view)
      const steps = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 8)
      for (let step = 0; step <= steps; step++) {
        const y = y0 + ((y1 - y0) * step) / steps
        if (y < head || y > view.height) continue
        const x = x0 + ((x1 - x0) * step) / steps
        ink.take({ left: x - 1, right: x + 1, top: y - 1, bottom: y + 1, owner })
      }
    }
    return ink
  }

  /** Along its arrow, read from left to right; or beside an arrow that is too steep for that. */
  const labelMessage = (index: number, message: Message, view: View, free: Paper, ink: Paper): void => {
    const { from, to } = message
    const { x0, x1, y0, y1 } = endOf(message, view)
    const wide = laneWidth(view.width)
    const slope = Math.atan2((y1 - y0) * Math.sign(x1 - x0 || 1), Math.abs(x1 - x0))
    const isLoop = from === to
    const isSteep = isLoop || Math.abs(slope) > 0.6
    const room = isSteep ? wide - 46 : Math.hypot(x1 - x0, y1 - y0) - 30
    const text = labelOf(message, Math.floor(Math.min(room, 330) / letter), view.hidden)
    if (text === undefined) return
    const half = (lettersOf(text) * letter) / 2
    if (half < letter) return
    const turn = isSteep ? 0 : slope
    const parts = [0.5, 0.38, 0.62, 0.27, 0.73]
    // Above the arrow or below it; right of a steep one or left of it.
    const sides = isLoop ? [1] : slope > 0 ? [1, -1] : isSteep ? [-1, 1] : [1, -1]
    const places = parts.flatMap((part) =>
      sides.map((side) => {
        const x = x0 + (x1 - x0) * part
        const at = y0 + (y1 - y0) * part
        if (isLoop) return { side, x: x0 + wide * 0.36 + half, at: at + 3.5 }
        if (isSteep) return { side, x: x + side * (half + 8), at: at + 3.5 }
        const away = side > 0 ? 4.5 : -11.5
        return { side, x: x + Math.sin(slope) * away, at: at - Math.cos(slope) * away }
      }),
    )
    for (const isPicky of [true, false]) {
      // Where there is no good place, one at the usual side is better than one that seems to be of another arrow.
      for (const { at, side, x } of places) {
        if (!isPicky && side !== sides[0]) continue
        if (at < head + 10 || at > view.height - 3) continue
        const boxes = boxesAlong(x, at, turn, half, index)
        const isFree = (box: Box) =>
          box.left > axis && box.right < view.width && free.free(box) && (!isPicky || ink.free(box))
        if (!boxes.every(isFree)) continue
        for (const box of boxes) free.take(box)
        const transform = `translate(${px(x)} ${px(at)})${turn === 0 ? "" : ` rotate(${px((turn * 180) / Math.PI)})`}`
        const style = `label ${colourOf(message, view.hidden)}${coneClass(view, message.end ?? message.sent)}`
        layers.labels.put(`m${index}`, "text", { class: style, transform, "text-anchor": "middle" }, text)
        return
      }
    }
  }

  const target = (event: number, x: number, at: number, view: View, radius: number): void => {
    if (at < head - 2 || at > view.height + 8) return
    layers.targets.put(`e${event}`, "circle", {
      class: `target${view.selected === event ? " selected" : ""}`,
      r: radius,
      transform: `translate(${px(x)} ${px(at)})`,
      "data-event": event,
      role: "button",
      "aria-label": `${model.tell(event)}, at ${words.moment(events[event]?.at ?? 0)}`,
      "aria-pressed": view.selected === event ? "true" : "false",
      tabindex: view.active === event ? 0 : -1,
    })
  }

  /** What a mark looks like: its icon, its style, and whether it stands in a disc. */
  const lookOf = (
    event: Event,
  ): { readonly icon: string; readonly style: string; readonly disc: boolean } | undefined => {
    switch (event._tag) {
      case "Node":
        return { icon: event.state, style: `node ${event.state}`, disc: true }
      case "Connection":
        return { icon: event.state, style: `connection ${event.state}`, disc: false }
      case "Fault":
        return { icon: event.state, style: `fault ${event.state}`, disc: true }
      case "Note":
        return { icon: event.kind, style: `note ${event.kind}`, disc: event.kind !== "log" }
      case "Failed":
        return { icon: "failed", style: "failed", disc: true }
      default:
        return undefined
    }
  }

  /** What is written beside a mark. The name of the node is above the lane. */
  const sayOf = (event: Event): string => {
    switch (event._tag) {
      case "Node":
        return event.text === undefined ? event.state : `${event.state}: ${event.text}`
      case "Note":
      case "Failed":
        return event.text
      case "Fault":
        // The others are written into what they shade.
        return event.state === "began" && !cuts.has(event.kind) ? event.text : ""
      default:
        return ""
    }
  }

  const drawMark = (index: number, event: Event, view: View, free: Paper): void => {
    const look = lookOf(event)
    const lane = links.lane[index] ?? geometry.nowhere
    if (look === undefined || lane < geometry.beside) return
    const x = laneX(lane, view)
    const at = yAt(y[index] ?? 0, view)
    const style = `${look.style}${coneClass(view, index)}`
    const transform = `translate(${px(x)} ${px(at)})`
    // An arrow of a dial points to the peer.
    const isLeft = event._tag === "Connection" && links.lanes.indexOf(event.to) < links.lanes.indexOf(event.from)
    if (event._tag === "Failed") {
      layers.lines.put("failed", "path", { class: "failure-line", d: `M${axis} ${px(at)}H${px(view.width)}` })
    }
    if (look.disc) layers.marks.put(`e${index} disc`, "circle", { class: `badge ${style}`, r: 7.5, transform })
    layers.marks.put(`e${index}`, "path", {
      class: `glyph ${style}`,
      d: icons[look.icon],
      transform: isLeft ? `${transform} scale(-1 1)` : transform,
    })
    const radius = look.disc ? 8 : 5
    free.take({ left: x - radius, right: x + radius, top: at - radius, bottom: at + radius })
    target(index, x, at, view, 9)
  }

  /** Beside its mark, on the right if there is room, else on the left, and shortened if there is none. */
  const labelMark = (index: number, event: Event, view: View, free: Paper, ink: Paper): void => {
    const text = sayOf(event)
    const lane = links.lane[index] ?? geometry.nowhere
    if (text === "" || lane < geometry.beside) return
    const wide = laneWidth(view.width)
    // A failure has its line, and room below it.
    const isFailure = event._tag === "Failed"
    const middle = laneX(lane, view)
    const right = isFailure ? axis + aside + 6 : middle + 12
    const at = yAt(y[index] ?? 0, view) + (isFailure ? 20 : 3.5)
    if (at < head + 10 || at > view.height) return
    const lettersTo = (x: number): number => Math.floor((Math.min(x, view.width - 4) - right) / letter)
    const own = lettersTo(isFailure || lane === geometry.beside ? view.width : middle + wide - 12)
    const places = [
      // Past the next lanes too, if nothing is there.
      { letters: lettersTo(middle + 3.5 * wide), isPicky: true, isLeft: false },
      { letters: Math.floor(Math.min(middle - axis - aside, 2.5 * wide) / letter) - 2, isPicky: true, isLeft: true },
      { letters: own, isPicky: false, isLeft: false },
      { letters: Math.floor(own / 2), isPicky: false, isLeft: false },
    ]
    const style = `say ${event._tag === "Note" ? event.kind : event._tag.toLowerCase()}${coneClass(view, index)}`
    for (const { isLeft, isPicky, letters } of places) {
      if (isPicky && text.length > letters) continue
      const written = clip(text, letters)
      const long = written.length * letter
      const left = isLeft ? middle - 12 - long : right
      // Or a little above or below.
      for (const line of written === "" ? [] : [at, at - 9, at + 9]) {
        const box = { left, right: left + long, top: line - 9, bottom: line + 2.5 }
        if (!free.free(box) || (isPicky && !ink.free(box))) continue
        free.take(box)
        layers.labels.put(`e${index}`, "text", { class: style, x: px(left), y: px(line) }, written)
        return
      }
    }
  }

  /** How much a label matters where there is no room for all. */
  const rank = (event: Event): number =>
    event._tag === "Failed" ? 0 : event._tag === "Note" && event.kind !== "log" ? 1 : event._tag === "Node" ? 2 : 3

  const isIn = ({ end, sent }: Message, view: View): boolean => {
    const bottom = bottomRow(view)
    return (y[sent] ?? 0) <= bottom && (end === undefined ? (y[sent] ?? 0) + 4 : (y[end] ?? 0)) >= view.top
  }

  const drawDetails = (view: View, free: Paper): void => {
    const visible = eventsIn(view).filter((index) => model.shown(index, view.hidden))
    const arrows = [...messages.entries()].filter(
      ([, message]) => isIn(message, view) && model.shown(message.sent, view.hidden),
    )
    for (const index of visible) {
      const event = events[index]
      if (event !== undefined) drawMark(index, event, view, free)
    }
    for (const [index, message] of arrows) drawMessage(index, message, view, free)
    const ink = inked(arrows, view)
    const said = visible
      .flatMap((index) => {
        const event = events[index]
        return event === undefined || lookOf(event) === undefined ? [] : [{ index, event }]
      })
      .sort((a, b) => rank(a.event) - rank(b.event))
    for (const { event, index } of said) if (rank(event) < 3) labelMark(index, event, view, free, ink)
    for (const [index, message] of arrows) labelMessage(index, message, view, free, ink)
    for (const { event, index } of said) if (rank(event) >= 3) labelMark(index, event, view, free, ink)
    drawDials(view)
  }

  const accepted = events.flatMap((event, index) =>
    event._tag === "Connection" && event.state === "accepted" ? [[index, event] as const] : [],
  )

  /** From a dial to where it was accepted. */
  const drawDials = (view: View): void => {
    if (view.hidden.has("connections")) return
    const bottom = bottomRow(view)
    for (const [index, event] of accepted) {
      if ((y[index] ?? 0) < view.top) continue
      for (const cause of links.causes[index] ?? []) {
        const dial = events[cause]
        if (dial?._tag !== "Connection" || dial.state !== "dialed" || dial.connection !== event.connection) continue
        if ((y[cause] ?? 0) > bottom) continue
        const from = `${px(laneX(links.lane[cause] ?? 0, view))} ${px(yAt(y[cause] ?? 0, view))}`
        const to = `${px(laneX(links.lane[index] ?? 0, view))} ${px(yAt(y[index] ?? 0, view))}`
        layers.lines.put(`dial ${index}`, "path", { class: `dial${coneClass(view, index)}`, d: `M${from}L${to}` })
      }
    }
  }

  /** One path for all arrows of a kind: a picture of many that is as quick as one of few. */
  const drawShape = (view: View): void => {
    const paths = new Map<string, Array<string>>()
    const add = (style: string, d: string): void => {
      const path = paths.get(style)
      if (path === undefined) paths.set(style, [d])
      else path.push(d)
    }
    for (const message of messages) {
      if (!isIn(message, view) || !model.shown(message.sent, view.hidden)) continue
      const isInside = view.cone?.[message.end ?? message.sent] === true ? " in" : ""
      add(`message many ${colourOf(message, view.hidden)}${isInside}`, lineOf(message, view))
      if (message.arrived || message.end === undefined) continue
      const { x1, y1 } = endOf(message, view)
      add(`cross many${isInside}`, `M${px(x1 - 2)} ${px(y1 - 2)}l4 4m0-4l-4 4`)
    }
    if (model.failed !== undefined) {
      add("failure-line", `M${axis} ${px(yAt(y[model.failed] ?? 0, view))}H${px(view.width)}`)
    }
    // What there is little of is on top, and stands out.
    const sorted = [...paths].sort(([, a], [, b]) => b.length - a.length)
    for (const [style, path] of sorted) {
      const opacity = Math.round(Math.max(0.08, Math.min(0.8, (view.height / path.length) * 0.6)) * 100) / 100
      const isMessage = style.startsWith("message")
      const attributes = { class: style, d: path.join(""), opacity: isMessage ? opacity : undefined }
      layers.lines.put(style, "path", attributes)
    }
  }

  const drawHead = (view: View): void => {
    const wide = laneWidth(view.width)
    layers.head.put("paper", "rect", { class: "paper", x: 0, y: 0, width: view.width, height: head })
    layers.head.put("rule", "path", { class: "rule", d: `M0 ${head}H${view.width}` })
    for (const [lane, name] of links.lanes.entries()) {
      const x = laneX(lane, view)
      if (x < axis || x > view.width + wide) continue
      const short = clipName(name, Math.floor((wide - 10) / 7.6))
      layers.head.put(`name ${lane}`, "text", { class: "lane", x: px(x), y: 21, "text-anchor": "middle" }, short)
    }
    layers.head.put("axis paper", "rect", { class: "paper", x: 0, y: 0, width: axis + aside - 4, height: head - 1 })
    layers.head.put("seconds", "text", { class: "unit", x: axis - 6, y: 21, "text-anchor": "end" }, "seconds")
  }

  const draw: Plot["draw"] = (view) => {
    const free = paper()
    const isDetailed = detailed(view)
    svg.classList.toggle("cone", view.cone !== undefined)
    svg.classList.toggle("shape", !isDetailed)
    drawShades(view, free)
    drawLanes(view)
    drawFolds(view, free)
    drawTimes(view, free)
    if (isDetailed) drawDetails(view, free)
    else drawShape(view)
    drawHead(view)
    for (const layer of Object.values<Layer>(layers)) layer.done()
  }

  return {
    draw,
    detailed,
    target: (event) => layers.targets.get(`e${event}`),
    width,
    laneX,
    head,
    margin: axis + aside,
  }
}
