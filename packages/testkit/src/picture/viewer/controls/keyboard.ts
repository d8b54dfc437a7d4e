/**
 * Controls of the diagram by keyboard.
 */
import type { ControlledViewer } from "./ControlledViewer.ts"
import { eventAt } from "./eventAt.ts"
import { EventNavigator } from "./EventNavigator.ts"

type KeyboardViewer = Pick<ControlledViewer, "model" | "state" | "update" | "select" | "toggleSelection" | "focus">

/** Directions of the arrow keys. */
const arrows: { readonly [key: string]: readonly [dx: number, dy: number] } = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
}

/** Pixels, and part of the visible rows, by which an arrow key scrolls. */
const arrowPixels = 80
const arrowRows = 1 / 8

/** Part of the visible rows by which a page key scrolls. */
const pageRows = 0.9

const zoomIn = 1.25
const zoomOut = 0.8

/** Makes the actions of the keys that do not depend on the focus. */
const actionsOf = (
  viewer: Pick<ControlledViewer, "model" | "update" | "select">,
): { readonly [key: string]: () => void } => {
  const page = (direction: number) => () =>
    viewer.update((state) => state.scrollBy(direction * state.rows() * pageRows))
  const scrollToEnd = (direction: number) => () =>
    viewer.update((state) => state.scrollBy(direction * viewer.model.timeline.height))
  const zoom = (factor: number) => () => viewer.update((state) => state.zoomBy(factor))
  return {
    PageUp: page(-1),
    PageDown: page(1),
    Home: scrollToEnd(-1),
    End: scrollToEnd(1),
    "+": zoom(zoomIn),
    // On many keyboards, the key of `+` without Shift.
    "=": zoom(zoomIn),
    "-": zoom(zoomOut),
    "0": () => viewer.update((state) => state.resetZoom()),
    Escape: () => viewer.select(undefined),
  }
}

/** Listens to the keys of the page. Arrow keys step from event to event, or scroll if no event has the focus. */
export const listenToKeyboard = (viewer: KeyboardViewer): void => {
  const actions = actionsOf(viewer)
  const onArrow = ([dx, dy]: readonly [number, number], focused: number | undefined): void => {
    if (focused === undefined) {
      return viewer.update((state) => state.scrollBy(dy * state.rows() * arrowRows, dx * arrowPixels))
    }
    const navigator = new EventNavigator(viewer.model, (event) => viewer.state.isVisible(event))
    const next = dy === 0 ? navigator.acrossLanes(focused, dx) : navigator.inLane(focused, dy)
    if (next !== undefined) viewer.focus(next)
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const { key, shiftKey, target } = event
    const focused = eventAt(target)?.event
    const arrow = arrows[key]
    const action = actions[key]
    if (arrow !== undefined) onArrow(arrow, shiftKey ? undefined : focused)
    else if (action !== undefined) action()
    else if ((key === "Enter" || key === " ") && focused !== undefined) viewer.toggleSelection(focused)
    else return
    event.preventDefault()
  })
}
