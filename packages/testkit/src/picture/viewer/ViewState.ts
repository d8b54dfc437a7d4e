import { headHeight, type LaneLayout } from "./diagram/LaneLayout.ts"
import type { TraceModel } from "./model/TraceModel.ts"
import type { View } from "./View.ts"

/** Height of a row in pixels when the page opens, and its maximum. */
const defaultZoom = 18
const maximumZoom = 80

/** Empty rows below the last event. */
const footRows = 2

/** Rows that stay free above and below an event that is revealed. */
const revealRows = 3

/** Pixels that stay free on the left and on the right of an event that is revealed. */
const revealLeft = 150
const revealRight = 60

export interface Size {
  readonly width: number
  readonly height: number
}

export interface ViewStateOptions {
  readonly model: TraceModel
  readonly layout: LaneLayout
  /** Returns the current size of the diagram. */
  readonly size: () => Size
}

const clamp = (value: number, minimum: number, maximum: number): number => Math.max(minimum, Math.min(maximum, value))

/** State of the view: position, zoom, filters, and the selected and the active event. */
export class ViewState {
  private readonly model: TraceModel
  private readonly layout: LaneLayout
  private readonly size: () => Size
  private readonly hidden = new Set<string>()
  private top = 0
  private zoom = defaultZoom
  private left = 0
  private selected: number | undefined = undefined
  private past: ReadonlyArray<boolean> | undefined = undefined
  private active: number | undefined

  constructor({ layout, model, size }: ViewStateOptions) {
    const last = model.trace.events.length - 1
    this.model = model
    this.layout = layout
    this.size = size
    this.active = model.failure ?? (last < 0 ? undefined : last)
  }

  /** Returns a snapshot of the state. */
  view(): View {
    const { active, hidden, left, past, selected, top, zoom } = this
    return { active, hidden, left, past, selected, top, zoom, ...this.size() }
  }

  /** Number of visible rows. */
  rows(): number {
    return (this.size().height - headHeight) / this.zoom
  }

  /** Moves the view back inside the trace, and the active event into the view. Must be called before each drawing. */
  settle(): void {
    const { width } = this.size()
    this.zoom = this.clampZoom(this.zoom)
    this.top = clamp(this.top, 0, Math.max(0, this.model.timeline.height + footRows - this.rows()))
    this.left = clamp(this.left, 0, Math.max(0, this.layout.totalWidth(width) - width))
    this.keepActive()
  }

  /** Scrolls by rows and by pixels to the right. */
  scrollBy(rows: number, pixels = 0): void {
    this.top += rows
    this.left += pixels
  }

  /** Scrolls to a position. */
  scrollTo(top: number, left: number): void {
    this.top = top
    this.left = left
  }

  /** Scrolls so that a row is in the middle. */
  centreOn(row: number): void {
    this.top = row - this.rows() / 2
  }

  /** Scrolls to the end of the trace. */
  scrollToEnd(): void {
    this.top = this.model.timeline.height
  }

  /** Changes the zoom by a factor. The row at `offset` pixels below the head keeps its position. */
  zoomBy(factor: number, offset = this.focalOffset()): void {
    const row = this.top + offset / this.zoom
    this.zoom = this.clampZoom(this.zoom * factor)
    this.top = row - offset / this.zoom
  }

  /** Restores the default zoom. */
  resetZoom(): void {
    this.zoomBy(defaultZoom / this.zoom)
  }

  /** Zooms so that the whole trace is visible. */
  zoomToFit(): void {
    this.zoomBy(this.fittingZoom() / this.zoom)
  }

  /** Scrolls as little as possible to make an event visible. */
  reveal(event: number): void {
    const row = this.model.timeline.rowOf[event] ?? 0
    const rows = this.rows()
    const margin = Math.min(revealRows, rows / 4)
    if (row < this.top + margin) this.top = row - margin
    else if (row > this.top + rows - margin) this.top = row - rows + margin
    const lane = this.model.causality.laneOf[event] ?? -1
    if (lane < 0) return
    const view = this.view()
    const x = this.layout.x(lane, view)
    if (x < revealLeft) this.left += x - revealLeft
    else if (x > view.width - revealRight) this.left += x - view.width + revealRight
  }

  /** Makes an event the active event, which the Tab key reaches. */
  activate(event: number): void {
    this.active = event
  }

  /** Selects an event, or clears the selection. */
  select(event: number | undefined): void {
    this.selected = event
    this.past = event === undefined ? undefined : this.model.causalPastOf(event)
    if (event !== undefined) this.active = event
  }

  /** Switches a filter. Returns `true` if its events are visible now. */
  toggle(filter: string): boolean {
    if (this.hidden.delete(filter)) return true
    this.hidden.add(filter)
    return false
  }

  /** Returns `true` if no filter hides an event. */
  isVisible(event: number): boolean {
    return this.model.isVisible(event, this.hidden)
  }

  private fittingZoom(): number {
    return (this.size().height - headHeight) / (this.model.timeline.height + footRows)
  }

  private clampZoom(zoom: number): number {
    return clamp(zoom, Math.min(defaultZoom, this.fittingZoom()), maximumZoom)
  }

  /** Returns the position to zoom around: the position of the active event if it is visible, otherwise the middle. */
  private focalOffset(): number {
    const height = this.size().height - headHeight
    const row = this.active === undefined ? -Infinity : (this.model.timeline.rowOf[this.active] ?? 0)
    const offset = (row - this.top) * this.zoom
    return offset >= 0 && offset <= height ? offset : height / 2
  }

  /** Keeps the active event, or replaces it by the last visible one in the view. */
  private keepActive(): void {
    const { instants, rowOf } = this.model.timeline
    const bottom = this.top + this.rows()
    const isInView = (event: number): boolean => {
      const row = rowOf[event] ?? 0
      return row >= this.top && row <= bottom && this.isVisible(event)
    }
    if (this.active !== undefined && isInView(this.active)) return
    let event = (instants.findLast((instant) => instant.top <= bottom)?.end ?? 0) - 1
    while (event > 0 && !isInView(event) && (rowOf[event] ?? 0) >= this.top) event--
    if (event >= 0) this.active = event
  }
}
