import { headHeight } from "../diagram/LaneLayout.ts"
import type { ControlledViewer } from "./ControlledViewer.ts"
import { eventAt } from "./eventAt.ts"

type PointerViewer = Pick<ControlledViewer, "model" | "state" | "tooltip" | "update" | "toggleSelection">

/** Pixels that the pointer must move before a press becomes a drag. */
const dragThreshold = 5

/** Pixels per line, for wheels that scroll by lines. */
const wheelLine = 20

/** Strength of zooming by the wheel. */
const wheelZoom = 0.003

/** Position of the pointer and of the view at the beginning of a drag. */
interface Drag {
  readonly x: number
  readonly y: number
  readonly top: number
  readonly left: number
}

/** Controls of the diagram by pointer: tooltips, selection, dragging and the wheel. */
export class PointerControls {
  private readonly viewer: PointerViewer
  private readonly stage: HTMLElement
  private drag: Drag | undefined = undefined
  /** `true` if the last press became a drag, whose click selects nothing. */
  private isDragged = false

  constructor(viewer: PointerViewer, stage: HTMLElement) {
    this.viewer = viewer
    this.stage = stage
  }

  listen(): void {
    const { stage } = this
    stage.addEventListener("pointerover", this.onOver)
    stage.addEventListener("pointerleave", this.onLeave)
    stage.addEventListener("focusin", this.onFocus)
    stage.addEventListener("focusout", this.onLeave)
    stage.addEventListener("pointerdown", this.onDown)
    window.addEventListener("pointermove", this.onMove)
    window.addEventListener("pointerup", this.onUp)
    window.addEventListener("pointercancel", this.onUp)
    stage.addEventListener("click", this.onClick)
    stage.addEventListener("wheel", this.onWheel, { passive: false })
  }

  private readonly onOver = ({ clientX, clientY, target }: PointerEvent): void => {
    if (this.drag !== undefined) return
    const { model, tooltip } = this.viewer
    const found = eventAt(target)
    tooltip.hide()
    if (found === undefined) return
    const message = model.messageOf(found.event)
    if (message !== undefined) tooltip.highlight(message)
    const isLine = found.node.classList.contains("touch")
    tooltip.show(found.event, isLine ? new DOMRect(clientX - 4, clientY - 4, 8, 8) : found.node.getBoundingClientRect())
  }

  private readonly onLeave = (): void => this.viewer.tooltip.hide()

  private readonly onFocus = ({ target }: FocusEvent): void => {
    const found = eventAt(target)
    if (found === undefined) return
    this.viewer.state.activate(found.event)
    this.viewer.tooltip.show(found.event, found.node.getBoundingClientRect())
  }

  private readonly onDown = ({ button, clientX, clientY }: PointerEvent): void => {
    if (button !== 0) return
    const { left, top } = this.viewer.state.view()
    this.isDragged = false
    this.drag = { x: clientX, y: clientY, top, left }
  }

  private readonly onMove = ({ clientX, clientY }: PointerEvent): void => {
    const { drag } = this
    if (drag === undefined) return
    const dx = clientX - drag.x
    const dy = clientY - drag.y
    if (!this.isDragged && Math.hypot(dx, dy) < dragThreshold) return
    this.isDragged = true
    this.stage.classList.add("dragging")
    this.viewer.update((state) => state.scrollTo(drag.top - dy / state.view().zoom, drag.left - dx))
  }

  private readonly onUp = (): void => {
    this.drag = undefined
    this.stage.classList.remove("dragging")
  }

  private readonly onClick = ({ target }: MouseEvent): void => {
    if (this.isDragged) return
    const found = eventAt(target)
    if (found !== undefined) this.viewer.toggleSelection(found.event)
  }

  private readonly onWheel = (wheel: WheelEvent): void => {
    wheel.preventDefault()
    const unit = wheel.deltaMode === 0 ? 1 : wheelLine
    if (wheel.ctrlKey || wheel.metaKey) {
      const offset = Math.max(0, wheel.clientY - this.stage.getBoundingClientRect().top - headHeight)
      this.viewer.update((state) => state.zoomBy(Math.exp(-wheel.deltaY * unit * wheelZoom), offset))
      return
    }
    // With Shift, a wheel without a horizontal axis scrolls horizontally.
    const isSideways = wheel.shiftKey && wheel.deltaX === 0
    const pixels = (isSideways ? wheel.deltaY : wheel.deltaX) * unit
    const down = isSideways ? 0 : wheel.deltaY * unit
    this.viewer.update((state) => state.scrollBy(down / state.view().zoom, pixels))
  }
}
