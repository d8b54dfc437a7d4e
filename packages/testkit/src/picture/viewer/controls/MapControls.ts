import type { ControlledViewer } from "./ControlledViewer.ts"

type MapViewer = Pick<ControlledViewer, "overview" | "update">

/** Controls of the overview map by pointer: a press or a drag moves the view to that part of the trace. */
export class MapControls {
  private readonly viewer: MapViewer
  private readonly map: HTMLElement
  private isDragging = false

  constructor(viewer: MapViewer, map: HTMLElement) {
    this.viewer = viewer
    this.map = map
  }

  listen(): void {
    const { map } = this
    map.addEventListener("pointerdown", this.onDown)
    map.addEventListener("pointermove", this.onMove)
    map.addEventListener("pointerup", this.onUp)
    map.addEventListener("pointercancel", this.onUp)
    map.addEventListener("wheel", this.onWheel, { passive: false })
  }

  private readonly onDown = ({ clientY, pointerId }: PointerEvent): void => {
    this.isDragging = true
    this.map.setPointerCapture(pointerId)
    this.moveTo(clientY)
  }

  private readonly onMove = ({ clientY }: PointerEvent): void => {
    if (this.isDragging) this.moveTo(clientY)
  }

  private readonly onUp = (): void => {
    this.isDragging = false
  }

  private readonly onWheel = (wheel: WheelEvent): void => {
    wheel.preventDefault()
    this.viewer.update((state) => state.scrollBy(wheel.deltaY / state.view().zoom))
  }

  private moveTo(clientY: number): void {
    const { height, top } = this.map.getBoundingClientRect()
    const row = this.viewer.overview.rowAt(clientY - top, height)
    this.viewer.update((state) => state.centreOn(row))
  }
}
