/**
 * The page itself: what is looked at, and how it is moved, asked and answered.
 *
 * Everything is inside of one function without imports, because the page gets its text: see `html.ts`.
 */
import type { PictureOptions } from "../Trace.ts"
import type { Geometry } from "./geometry.ts"
import type { overview as Overview } from "./map.ts"
import type { Model } from "./model.ts"
import type { Pencil } from "./pencil.ts"
import type { plot as Plot, View } from "./plot.ts"
import type { Words } from "./words.ts"

export interface Parts {
  readonly model: Model
  readonly geometry: Geometry
  readonly words: Words
  readonly pencil: Pencil
  readonly plot: typeof Plot
  readonly overview: typeof Overview
}

export const page = (window: Window, document: Document, parts: Parts, options: PictureOptions): void => {
  const { geometry, model, pencil, words } = parts
  const { heights, links, trace } = model
  const { events } = trace
  const { html } = pencil

  const find = (id: string): HTMLElement => {
    const found = document.getElementById(id)
    if (found === null) throw new Error(`the page has no #${id}`)
    return found
  }
  const stage = find("stage")
  const map = find("map")
  const tip = find("tip")
  const plot = parts.plot(find("plot"), model, geometry, words, pencil)
  const overview = parts.overview(find("strip"), model, pencil)

  /** Pixels for a row. */
  const usual = 18
  const nearest = 80

  interface State {
    top: number
    zoom: number
    left: number
    selected: number | undefined
    cone: ReadonlyArray<boolean> | undefined
    active: number | undefined
  }
  const hidden = new Set<string>()
  const state: State = {
    top: 0,
    zoom: usual,
    left: 0,
    selected: undefined,
    cone: undefined,
    active: model.failed ?? (events.length === 0 ? undefined : events.length - 1),
  }

  const size = () => ({ width: stage.clientWidth, height: stage.clientHeight })
  const view = (): View => ({ ...state, ...size(), hidden })
  const rows = (zoom = state.zoom): number => (size().height - plot.head) / zoom
  /** What is left empty below the last event. */
  const foot = 2
  const fit = (): number => (size().height - plot.head) / (heights.height + foot)

  const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value))

  /** Keeps the window inside of the trace. */
  const settle = (): void => {
    state.zoom = clamp(state.zoom, Math.min(usual, fit()), nearest)
    state.top = clamp(state.top, 0, Math.max(0, heights.height + foot - rows()))
    state.left = clamp(state.left, 0, Math.max(0, plot.width(size().width) - size().width))
  }

  /** The keyboard enters the lanes at an event that can be seen. */
  const keepActive = (): void => {
    const { instants, y } = heights
    const isSeen = (event: number): boolean => {
      const at = y[event] ?? 0
      return at >= state.top && at <= state.top + rows() && model.shown(event, hidden)
    }
    if (state.active !== undefined && isSeen(state.active)) return
    const last = instants.findLast((instant) => instant.y <= state.top + rows())
    let event = (last?.end ?? 0) - 1
    while (event > 0 && !isSeen(event) && (y[event] ?? 0) >= state.top) event--
    if (event >= 0) state.active = event
  }

  const draw = (): void => {
    settle()
    keepActive()
    const now = view()
    plot.draw(now)
    overview.draw({ ...now, height: map.clientHeight }, rows())
    const from = timeAt(now.top)
    const to = timeAt(now.top + rows())
    map.setAttribute("aria-valuenow", String(Math.round((timeAt(now.top + rows() / 2) / 1_000_000) * 1000) / 1000))
    map.setAttribute("aria-valuetext", `from ${words.moment(from)} to ${words.moment(to)}`)
    find("many").hidden = plot.detailed(now)
    drawSides(now)
  }

  /** How many lanes are beside the window. */
  const drawSides = (now: View): void => {
    const lanes = [...links.lanes.keys()].map((lane) => plot.laneX(lane, now))
    const left = lanes.filter((x) => x < plot.margin).length
    const right = lanes.filter((x) => x > now.width).length
    const leftward = find("leftward")
    const rightward = find("rightward")
    leftward.hidden = left === 0
    rightward.hidden = right === 0
    leftward.textContent = `← ${words.count(left, "more node")}`
    rightward.textContent = `${words.count(right, "more node")} →`
  }

  let isDue = false
  const redraw = (): void => {
    if (isDue) return
    isDue = true
    window.requestAnimationFrame(() => {
      isDue = false
      draw()
    })
  }

  const timeAt = (row: number): number => {
    const { instants } = heights
    const after = instants.findIndex(({ y }) => y >= row)
    return (after < 0 ? instants.at(-1) : instants[after])?.at ?? 0
  }

  // -- Moving ---------------------------------------------------------------------------------------------------------

  const scroll = (by: number): void => {
    state.top += by
    hideTip()
    redraw()
  }

  /** Changes the zoom so that one row stays where it is. */
  const zoomAt = (factor: number, offset: number): void => {
    const row = state.top + offset / state.zoom
    state.zoom = clamp(state.zoom * factor, Math.min(usual, fit()), nearest)
    state.top = row - offset / state.zoom
    hideTip()
    redraw()
  }
  const middle = (): number => {
    const { active } = state
    const at = active === undefined ? -1 : ((heights.y[active] ?? 0) - state.top) * state.zoom
    const { height } = size()
    return at >= 0 && at <= height - plot.head ? at : (height - plot.head) / 2
  }

  /** Moves the window so that an event can be seen, and no further. */
  const reveal = (event: number, part?: number): void => {
    const y = heights.y[event] ?? 0
    const margin = Math.min(3, rows() / 4)
    if (part !== undefined) state.top = y - rows() * part
    else if (y < state.top + margin) state.top = y - margin
    else if (y > state.top + rows() - margin) state.top = y - rows() + margin
    const lane = links.lane[event] ?? geometry.nowhere
    if (lane >= 0) {
      const x = plot.laneX(lane, view())
      const { width } = size()
      if (x < 150) state.left += x - 150
      else if (x > width - 60) state.left += x - width + 60
    }
  }

  const focus = (event: number): void => {
    state.active = event
    reveal(event)
    draw()
    const target = plot.target(event)
    target?.focus({ preventScroll: true })
    if (target !== undefined) showTip(event, target.getBoundingClientRect())
  }

  const columnOf = (event: number): number => model.columns.findIndex((column) => column.includes(event))

  /** The next event that can be seen in the same lane, or the nearest one in the next lane that has any. */
  const neighbour = (event: number, dx: number, dy: number): number | undefined => {
    const column = columnOf(event)
    const isShown = (one: number) => model.shown(one, hidden)
    if (dy !== 0) {
      const own = model.columns[column]?.filter((one) => one === event || isShown(one)) ?? []
      return own[own.indexOf(event) + dy]
    }
    for (let next = column + dx; next >= 0 && next < model.columns.length; next += dx) {
      const y = heights.y[event] ?? 0
      let best: number | undefined
      let distance = Infinity
      for (const one of model.columns[next] ?? []) {
        const far = Math.abs((heights.y[one] ?? 0) - y)
        if (far >= distance || !isShown(one)) continue
        best = one
        distance = far
      }
      if (best !== undefined) return best
    }
    return undefined
  }

  // -- What is said of an event ----------------------------------------------------------------------------------------

  const swatch = (kind: string): HTMLElement => {
    const slot = model.slot(kind)
    const node = html("span", kind === "" ? "swatch bytes" : `swatch k${slot % 8}${slot >= 8 ? " more" : ""}`)
    const space = "http://www.w3.org/2000/svg"
    const svg = document.createElementNS(space, "svg")
    svg.setAttribute("viewBox", "-14 -6 28 12")
    svg.setAttribute("aria-hidden", "true")
    const parts = [
      ["swatch-line", "M-9 0H6"],
      ["swatch-tail", pencil.tails[slot % pencil.tails.length] ?? ""],
      ["swatch-head", pencil.arrowhead],
    ] as const
    for (const [style, d] of parts) {
      const path = document.createElementNS(space, "path")
      path.setAttribute("class", style)
      path.setAttribute("d", d)
      if (style === "swatch-tail") path.setAttribute("transform", "translate(-9 0)")
      if (style === "swatch-head") path.setAttribute("transform", "translate(12 0)")
      svg.append(path)
    }
    node.append(svg)
    return node
  }

  const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most)} …`)

  /** Everything about an event; texts are cut where there is little room. */
  const describe = (event: number, letters: number, most: number): ReadonlyArray<HTMLElement> => {
    const { facts, heading, messages } = model.details(event)
    const list = html("dl", "facts")
    for (const [name, value] of facts) list.append(html("dt", "", name), html("dd", "", value))
    const parts: Array<HTMLElement> = [html("p", "heading", cut(heading, letters)), list]
    for (const { kind, text } of messages.slice(0, most)) {
      const line = html("p", "kind", swatch(kind), kind)
      parts.push(html("div", "decoded", line, html("pre", "", cut(text, letters))))
    }
    if (messages.length > most)
      parts.push(html("p", "quiet", `and ${words.count(messages.length - most, "more message")}`))
    return parts
  }

  const showTip = (event: number, box: DOMRect): void => {
    tip.replaceChildren(...describe(event, 600, 6))
    tip.hidden = false
    const { offsetHeight, offsetWidth } = tip
    const bounds = stage.getBoundingClientRect()
    const right = box.right + 12
    const x = right + offsetWidth < bounds.right - 8 ? right : box.left - offsetWidth - 12
    const y = box.top + box.height / 2 - 18
    tip.style.left = `${clamp(x, 8, window.innerWidth - offsetWidth - 8)}px`
    tip.style.top = `${clamp(y, 8, Math.max(8, window.innerHeight - offsetHeight - 8))}px`
  }
  const hideTip = (): void => {
    tip.hidden = true
    for (const node of stage.querySelectorAll(".hover")) node.classList.remove("hover")
  }

  // -- The cone --------------------------------------------------------------------------------------------------------

  const select = (event: number | undefined): void => {
    state.selected = event
    state.cone = event === undefined ? undefined : model.past(event)
    if (event !== undefined) state.active = event
    hideTip()
    drawSelection()
    find("status").textContent = event === undefined ? "" : `Selected: ${model.tell(event)}`
    draw()
  }

  const drawSelection = (): void => {
    const panel = find("selection")
    const { cone, selected } = state
    if (selected === undefined || cone === undefined) {
      const keys = [
        ["click", "what could have influenced an event"],
        ["↑ ↓ ← →", "move"],
        ["+ −", "zoom"],
        ["Esc", "back"],
      ] as const
      const list = html("dl", "keys")
      for (const [key, what] of keys) list.append(html("dt", "", html("kbd", "", key)), html("dd", "", what))
      panel.replaceChildren(list)
      return
    }
    const inside = [...events.keys()].filter((event) => cone[event] === true)
    const lanes = new Set(inside.flatMap((event) => ((links.lane[event] ?? -1) >= 0 ? [links.lane[event]] : [])))
    const clear = html("button", "plain", "Clear")
    clear.type = "button"
    clear.addEventListener("click", () => select(undefined))
    const title = html("h2", "", "Selected", clear)
    const before = inside.length - 1
    const sum = html(
      "p",
      "quiet",
      before === 0
        ? "Nothing in this trace could have influenced it."
        : `${words.count(before, "event")} on ${words.count(lanes.size, "node")} could have influenced it. The last of them:`,
    )
    const list = html("ol", "causes")
    for (const event of inside
      .filter((event) => event !== selected)
      .slice(-40)
      .reverse()) {
      const at = words.moment(events[event]?.at ?? 0).replace(" s", "")
      const go = html("button", "cause", html("span", "when", at), html("span", "", cut(model.tell(event), 140)))
      go.type = "button"
      go.addEventListener("click", () => focus(event))
      list.append(html("li", "", go))
    }
    panel.replaceChildren(title, html("div", "about", ...describe(selected, 4000, 50)), sum, list)
  }

  // -- Around the picture ----------------------------------------------------------------------------------------------

  const toggle = (name: string, label: ReadonlyArray<string | Node>, count: number): HTMLElement => {
    const button = html("button", "toggle", ...label, html("span", "number", count.toLocaleString("en-GB")))
    button.type = "button"
    button.setAttribute("aria-pressed", "true")
    button.dataset["hides"] = name
    button.addEventListener("click", () => {
      const isHidden = !hidden.delete(name)
      if (isHidden) hidden.add(name)
      button.setAttribute("aria-pressed", String(!isHidden))
      hideTip()
      redraw()
    })
    return button
  }

  /** A mark as it is in the picture. */
  const mark = (style: string, icon: string): SVGElement => {
    const space = "http://www.w3.org/2000/svg"
    const svg = document.createElementNS(space, "svg")
    svg.setAttribute("viewBox", "-10 -8 20 16")
    svg.setAttribute("aria-hidden", "true")
    const add = (name: string, attributes: { readonly [name: string]: string }): void => {
      const node = document.createElementNS(space, name)
      for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value)
      svg.append(node)
    }
    if (style.startsWith("state")) {
      add("rect", { class: style, x: "-6.5", y: "-8", width: "13", height: "16" })
    } else if (style.startsWith("cut")) {
      add("rect", { class: "cut side0", x: "-10", y: "-8", width: "10", height: "16" })
      add("rect", { class: "cut side1", x: "0", y: "-8", width: "10", height: "16" })
      add("path", { class: "wall", d: "M0-8V8" })
    } else if (style.startsWith("fold")) {
      add("path", { class: "fold", d: "M-10-3L-5-5L0-3L5-5L10-3V3L5 1L0 3L-5 1L-10 3Z" })
    } else {
      const hasDisc = style !== "cross" && style !== "connection" && style !== "note log"
      if (hasDisc) add("circle", { class: `badge ${style}`, r: "7" })
      add("path", { class: style.startsWith("cross") ? style : `glyph ${style}`, d: pencil.icons[icon] ?? "" })
    }
    return svg
  }

  const key = (style: string, icon: string, label: string): HTMLElement => html("li", "key", mark(style, icon), label)

  const looks = {
    faults: ["fault began", "began"],
    notes: ["note", "note"],
    logs: ["note log", "log"],
    connections: ["connection", "dialed"],
  } as const

  const drawLegend = (): void => {
    const legend = find("legend")
    const kinds = html("div", "toggles")
    for (const { count, kind, label } of model.kinds) {
      kinds.append(toggle(model.hideKind(kind), [swatch(kind), html("span", "name", label)], count))
    }
    const groups = html("div", "toggles groups")
    for (const { count, group } of model.groups) {
      const [style, icon] = looks[group]
      groups.append(toggle(group, [mark(style, icon), html("span", "name", group)], count))
    }

    const states = new Set(model.spans.map(({ state }) => state))
    const marks = html("ul", "keys")
    if (events.some(({ _tag }) => _tag === "Dropped")) marks.append(key("cross", "cross", "never arrives"))
    if (events.some(({ _tag }) => _tag === "Lost")) marks.append(key("lost", "again", "lost, sent again"))
    if (states.has("crashed") || states.has("stopped") || states.has("died")) {
      marks.append(key("state crashed", "", "not running"))
    }
    if (states.has("paused")) marks.append(key("state paused", "", "stands still"))
    if (model.shades.some(({ to }) => to.length > 0)) marks.append(key("cut", "", "kept apart"))
    if (model.shades.some(({ kind }) => kind === "slow")) marks.append(key("state slow", "", "slow"))
    if (heights.folds.length > 0) marks.append(key("fold", "", "idle, folded"))
    if (model.failed !== undefined) marks.append(key("failed", "failed", "failure"))
    legend.replaceChildren()
    if (model.kinds.length > 0) legend.append(html("h2", "", "Messages"), kinds)
    if (model.groups.length > 0) legend.append(html("h2", "", "Also shown"), groups)
    if (marks.childElementCount > 0) legend.append(html("h2", "", "Marks"), marks)
  }

  const copy = (from: HTMLElement, button: HTMLElement): void => {
    window.getSelection()?.selectAllChildren(from)
    // Not every browser lets a file write to the clipboard; then the text is at least selected.
    window.navigator.clipboard?.writeText(from.textContent ?? "").then(
      () => {
        button.textContent = "Copied"
      },
      () => undefined,
    )
  }

  const drawBanner = (): void => {
    const banner = find("banner")
    const last = events.at(-1)
    const duration = last === undefined ? "" : `${words.duration(last.at)} of virtual time`
    const facts = [
      `seed ${trace.seed}`,
      words.count(links.lanes.length, "node"),
      words.count(events.length, "event"),
      duration,
      trace.skipped > 0 ? `without the first ${words.count(trace.skipped, "event")}` : "",
    ].filter((fact) => fact !== "")
    const { title } = options
    const heading = html("h1", "", title ?? trace.scenario)
    const meta = html(
      "p",
      "meta",
      [...(title === undefined || title === trace.scenario ? [] : [trace.scenario]), ...facts].join(" · "),
    )
    banner.replaceChildren(html("div", "title", heading, meta))

    const failed = model.failed
    const event = failed === undefined ? undefined : events[failed]
    const failure = options.failure ?? (event?._tag === "Failed" ? event.text : undefined)
    const { replay, sentences = [] } = options
    const left = html("div", "what")
    if (failure !== undefined) {
      const [first = "", ...rest] = failure.split("\n")
      const text = html("p", "failure", html("span", "flag", "Failed"), html("span", "", first))
      left.append(text)
      if (rest.length > 0) left.append(html("pre", "more", rest.join("\n")))
    }
    const actions = html("div", "actions")
    if (replay !== undefined) {
      const code = html("code", "", replay)
      const button = html("button", "plain", "Copy")
      button.type = "button"
      button.setAttribute("aria-label", "Copy the command that runs it again")
      button.addEventListener("click", () => copy(code, button))
      actions.append(html("p", "replay", html("span", "quiet", "replay"), code, button))
    }
    if (failed !== undefined) {
      const button = html("button", "plain", "What led to it")
      button.type = "button"
      button.addEventListener("click", () => {
        reveal(failed)
        select(failed)
      })
      actions.append(button)
    }
    if (actions.childElementCount > 0) left.append(actions)
    const right = html("div", "story")
    if (sentences.length > 0) {
      const list = html("ol", "", ...sentences.map((sentence) => html("li", "", sentence)))
      right.append(html("h2", "", "What it takes"), list)
    }
    if (left.childElementCount === 0 && right.childElementCount === 0) return
    const box = html("div", failure === undefined ? "report" : "report bad", left)
    if (right.childElementCount > 0) box.append(right)
    box.setAttribute("role", "region")
    box.setAttribute("aria-label", "What went wrong")
    banner.append(box)
  }

  // -- Hands -----------------------------------------------------------------------------------------------------------

  const eventAt = (target: EventTarget | null): { readonly event: number; readonly node: Element } | undefined => {
    const node = target instanceof Element ? target.closest("[data-event]") : null
    const number = Number(node?.getAttribute("data-event") ?? Number.NaN)
    return node === null || Number.isNaN(number) ? undefined : { event: number, node }
  }

  const listenToPlot = (): void => {
    let drag: { readonly x: number; readonly y: number; readonly top: number; readonly left: number } | undefined
    let isMoved = false
    stage.addEventListener("pointerover", ({ clientX, clientY, target }) => {
      if (drag !== undefined) return
      const found = eventAt(target)
      hideTip()
      if (found === undefined) return
      const sent = model.messages[model.messageOf.get(found.event) ?? -1]?.sent
      if (sent !== undefined) stage.querySelector(`[data-sent="${sent}"]`)?.classList.add("hover")
      const isLine = found.node.classList.contains("touch")
      showTip(found.event, isLine ? new DOMRect(clientX - 4, clientY - 4, 8, 8) : found.node.getBoundingClientRect())
    })
    stage.addEventListener("pointerleave", hideTip)
    stage.addEventListener("focusin", ({ target }) => {
      const found = eventAt(target)
      if (found === undefined) return
      state.active = found.event
      showTip(found.event, found.node.getBoundingClientRect())
    })
    stage.addEventListener("focusout", hideTip)
    stage.addEventListener("pointerdown", ({ button, clientX, clientY }) => {
      if (button !== 0) return
      isMoved = false
      drag = { x: clientX, y: clientY, top: state.top, left: state.left }
    })
    window.addEventListener("pointermove", ({ clientX, clientY }) => {
      if (drag === undefined) return
      if (!isMoved && Math.hypot(clientX - drag.x, clientY - drag.y) < 5) return
      isMoved = true
      stage.classList.add("dragging")
      state.top = drag.top - (clientY - drag.y) / state.zoom
      state.left = drag.left - (clientX - drag.x)
      hideTip()
      redraw()
    })
    const drop = (): void => {
      drag = undefined
      stage.classList.remove("dragging")
    }
    window.addEventListener("pointerup", drop)
    window.addEventListener("pointercancel", drop)
    stage.addEventListener("click", ({ target }) => {
      if (isMoved) return
      const found = eventAt(target)
      if (found !== undefined) select(found.event === state.selected ? undefined : found.event)
    })
    stage.addEventListener(
      "wheel",
      (wheel) => {
        wheel.preventDefault()
        const unit = wheel.deltaMode === 0 ? 1 : 20
        if (wheel.ctrlKey || wheel.metaKey) {
          const offset = wheel.clientY - stage.getBoundingClientRect().top - plot.head
          return zoomAt(Math.exp(-wheel.deltaY * unit * 0.003), Math.max(0, offset))
        }
        const isSideways = wheel.shiftKey && wheel.deltaX === 0
        state.left += (isSideways ? wheel.deltaY : wheel.deltaX) * unit
        scroll(isSideways ? 0 : (wheel.deltaY * unit) / state.zoom)
      },
      { passive: false },
    )
  }

  const listenToMap = (): void => {
    let isDragging = false
    const move = (clientY: number): void => {
      const box = map.getBoundingClientRect()
      state.top = overview.rowAt(clientY - box.top, box.height) - rows() / 2
      hideTip()
      redraw()
    }
    map.addEventListener("pointerdown", (down) => {
      isDragging = true
      map.setPointerCapture(down.pointerId)
      move(down.clientY)
    })
    map.addEventListener("pointermove", ({ clientY }) => {
      if (isDragging) move(clientY)
    })
    const stop = (): void => {
      isDragging = false
    }
    map.addEventListener("pointerup", stop)
    map.addEventListener("pointercancel", stop)
    map.addEventListener(
      "wheel",
      (wheel) => {
        wheel.preventDefault()
        scroll(wheel.deltaY / state.zoom)
      },
      { passive: false },
    )
  }

  const listenToKeys = (): void => {
    const arrows: { readonly [key: string]: readonly [number, number] } = {
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
    }
    const others: { readonly [key: string]: () => void } = {
      PageUp: () => scroll(-rows() * 0.9),
      PageDown: () => scroll(rows() * 0.9),
      Home: () => scroll(-heights.height),
      End: () => scroll(heights.height),
      "+": () => zoomAt(1.25, middle()),
      "=": () => zoomAt(1.25, middle()),
      "-": () => zoomAt(0.8, middle()),
      "0": () => zoomAt(usual / state.zoom, middle()),
      Escape: () => {
        hideTip()
        select(undefined)
      },
    }
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return
      const { key, target } = event
      const at = eventAt(target)
      const arrow = arrows[key]
      const other = others[key]
      if (arrow !== undefined) {
        const [dx, dy] = arrow
        if (at === undefined || event.shiftKey) {
          state.left += dx * 80
          scroll((dy * rows()) / 8)
        } else {
          const next = neighbour(at.event, dx, dy)
          if (next !== undefined) focus(next)
        }
      } else if (other !== undefined) {
        other()
      } else if ((key === "Enter" || key === " ") && at !== undefined) {
        select(at.event === state.selected ? undefined : at.event)
      } else {
        return
      }
      event.preventDefault()
    })
  }

  const listenToButtons = (): void => {
    const sideways = (part: number) => () => {
      state.left += size().width * part
      redraw()
    }
    find("leftward").addEventListener("click", sideways(-0.6))
    find("rightward").addEventListener("click", sideways(0.6))
    find("nearer").addEventListener("click", () => zoomAt(1.4, middle()))
    find("farther").addEventListener("click", () => zoomAt(1 / 1.4, middle()))
    find("whole").addEventListener("click", () => zoomAt(fit() / state.zoom, middle()))
  }

  drawBanner()
  drawLegend()
  drawSelection()
  map.setAttribute("aria-valuemin", String((events[0]?.at ?? 0) / 1_000_000))
  map.setAttribute("aria-valuemax", String((events.at(-1)?.at ?? 0) / 1_000_000))
  listenToPlot()
  listenToMap()
  listenToKeys()
  listenToButtons()
  new ResizeObserver(redraw).observe(stage)
  // What went wrong is at the end.
  state.top = heights.height
  draw()
}
