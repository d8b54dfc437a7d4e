/**
 * Legend of the diagram. Its buttons are the filters.
 */
import { icons } from "../diagram/icons.ts"
import { button, element, svgElement, svgImage } from "../dom.ts"
import { type EventGroup, kindFilter, type TraceModel } from "../model/TraceModel.ts"
import { swatchOf } from "./eventContent.ts"

/** Interface of the filters for the legend. */
export interface Filters {
  /** Switches a filter. Returns `true` if its events are visible now. */
  readonly toggle: (filter: string) => boolean
  readonly isOn: (filter: string) => boolean
}

/** Switch of the background traffic. A trace without background traffic has none. */
export interface BackgroundSwitch {
  readonly kinds: ReadonlyArray<string>
  readonly count: number
  readonly isShown: boolean
  readonly toggle: () => void
}

/** Id of the switch of the background traffic. */
export const backgroundSwitchId = "background"

/** Class and icon of each group. */
const groupLooks: { readonly [G in EventGroup]: readonly [className: string, icon: string] } = {
  faults: ["fault began", "began"],
  notes: ["note", "note"],
  logs: ["note log", "log"],
  connections: ["connection", "dialed"],
}

/** Classes of marks whose icon has no disc. */
const withoutDisc = new Set(["cross", "connection", "note log"])

const shapesOf = (className: string, icon: string): ReadonlyArray<SVGElement> => {
  if (className.startsWith("state")) {
    return [svgElement("rect", { class: className, x: -6.5, y: -8, width: 13, height: 16 })]
  }
  if (className === "cut") {
    return [
      svgElement("rect", { class: "cut side0", x: -10, y: -8, width: 10, height: 16 }),
      svgElement("rect", { class: "cut side1", x: 0, y: -8, width: 10, height: 16 }),
      svgElement("path", { class: "wall", d: "M0-8V8" }),
    ]
  }
  if (className === "fold") {
    return [svgElement("path", { class: "fold", d: "M-10-3L-5-5L0-3L5-5L10-3V3L5 1L0 3L-5 1L-10 3Z" })]
  }
  const disc = withoutDisc.has(className) ? [] : [svgElement("circle", { class: `badge ${className}`, r: 7 })]
  const glyph = className === "cross" ? className : `glyph ${className}`
  return [...disc, svgElement("path", { class: glyph, d: icons[icon] ?? "" })]
}

/** Creates an image of a mark as in the diagram. */
const markImage = (className: string, icon: string): SVGElement =>
  svgImage("-10 -8 20 16", ...shapesOf(className, icon))

/** Creates the button that switches a filter. */
const filterButton = (
  filter: string,
  label: ReadonlyArray<string | Node>,
  count: number,
  filters: Filters,
): HTMLElement => {
  const content = [...label, element("span", "number", count.toLocaleString("en-GB"))]
  const node = button("toggle", content, () => {
    node.setAttribute("aria-pressed", String(filters.toggle(filter)))
  })
  node.setAttribute("aria-pressed", String(filters.isOn(filter)))
  node.dataset["hides"] = filter
  return node
}

const backgroundButton = ({ count, isShown, kinds, toggle }: BackgroundSwitch): HTMLElement => {
  const name = element("span", "name", `background: ${kinds.join(", ")}`)
  const node = button("toggle background", [name, element("span", "number", count.toLocaleString("en-GB"))], toggle)
  node.setAttribute("aria-pressed", String(isShown))
  node.id = backgroundSwitchId
  return node
}

/** Lists the marks that need an explanation in this trace. */
const markKeys = (model: TraceModel): ReadonlyArray<readonly [className: string, icon: string, label: string]> => {
  const { events } = model.trace
  const states = new Set(model.nodeStates.map(({ state }) => state))
  const keys = [
    [events.some(({ _tag }) => _tag === "Dropped"), "cross", "cross", "never arrives"],
    [events.some(({ _tag }) => _tag === "Lost"), "lost", "again", "lost, sent again"],
    [states.has("crashed") || states.has("stopped") || states.has("died"), "state crashed", "", "not running"],
    [states.has("paused"), "state paused", "", "paused"],
    [model.faults.some(({ to }) => to.length > 0), "cut", "", "cut off"],
    [model.faults.some(({ kind }) => kind === "slow"), "state slow", "", "slow"],
    [model.timeline.folds.length > 0, "fold", "", "idle, folded"],
    [model.failure !== undefined, "failed", "failed", "failure"],
  ] as const
  return keys.flatMap(([isUsed, ...key]) => (isUsed ? [key] : []))
}

/** Fills the legend: kinds of messages, groups of events, and marks. */
export const drawLegend = (
  root: HTMLElement,
  model: TraceModel,
  filters: Filters,
  background: BackgroundSwitch | undefined,
): void => {
  const kinds = model.kinds.map(({ count, kind, label }) =>
    filterButton(kindFilter(kind), [swatchOf(model, kind), element("span", "name", label)], count, filters),
  )
  if (background !== undefined) kinds.push(backgroundButton(background))
  const groups = model.groups.map(({ count, group }) => {
    const [className, icon] = groupLooks[group]
    return filterButton(group, [markImage(className, icon), element("span", "name", group)], count, filters)
  })
  const marks = markKeys(model).map(([className, icon, label]) =>
    element("li", "key", markImage(className, icon), label),
  )
  root.replaceChildren()
  if (kinds.length > 0) root.append(element("h2", "", "Messages"), element("div", "toggles", ...kinds))
  if (groups.length > 0) root.append(element("h2", "", "Also shown"), element("div", "toggles groups", ...groups))
  if (marks.length > 0) root.append(element("h2", "", "Marks"), element("ul", "keys", ...marks))
}
