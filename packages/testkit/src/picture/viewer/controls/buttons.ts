/**
 * Buttons around the diagram, which scroll to hidden lanes and zoom.
 */
import { elementById } from "../dom.ts"
import type { ControlledViewer } from "./ControlledViewer.ts"

/** Part of the width by which a button scrolls to hidden lanes. */
const scrolledPart = 0.6

const zoomFactor = 1.4

type ButtonViewer = Pick<ControlledViewer, "state" | "update" | "redraw">

/** Listens to the buttons. */
export const listenToButtons = (viewer: ButtonViewer): void => {
  const onClick = (id: string, action: () => void): void => elementById(id).addEventListener("click", action)
  const scroll = (direction: number) => () => {
    const { state } = viewer
    state.scrollBy(0, direction * scrolledPart * state.view().width)
    viewer.redraw()
  }
  onClick("leftward", scroll(-1))
  onClick("rightward", scroll(1))
  onClick("nearer", () => viewer.update((state) => state.zoomBy(zoomFactor)))
  onClick("farther", () => viewer.update((state) => state.zoomBy(1 / zoomFactor)))
  onClick("whole", () => viewer.update((state) => state.zoomToFit()))
}
