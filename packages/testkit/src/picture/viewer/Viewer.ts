import type { PictureOptions, Trace } from "../../Trace.ts"
import { formatCount, formatTime } from "../format.ts"
import { listenToButtons } from "./controls/buttons.ts"
import type { ControlledViewer } from "./controls/ControlledViewer.ts"
import { listenToKeyboard } from "./controls/keyboard.ts"
import { MapControls } from "./controls/MapControls.ts"
import { PointerControls } from "./controls/PointerControls.ts"
import { Diagram } from "./diagram/Diagram.ts"
import { LaneLayout, lanesLeft } from "./diagram/LaneLayout.ts"
import { OverviewMap } from "./diagram/OverviewMap.ts"
import { elementById } from "./dom.ts"
import { timeAt } from "./model/timeline.ts"
import { TraceModel } from "./model/TraceModel.ts"
import { drawBanner } from "./panels/banner.ts"
import { drawLegend } from "./panels/legend.ts"
import { SelectionPanel } from "./panels/SelectionPanel.ts"
import { Tooltip } from "./panels/Tooltip.ts"
import type { View } from "./View.ts"
import { ViewState } from "./ViewState.ts"

const seconds = (micros: number): number => micros / 1_000_000

/** Page of a trace. It draws the state of the view, and the controls change the state through it. */
export class Viewer implements ControlledViewer {
  readonly model: TraceModel
  readonly state: ViewState
  readonly overview: OverviewMap
  readonly tooltip: Tooltip
  private readonly layout: LaneLayout
  private readonly diagram: Diagram
  private readonly selection: SelectionPanel
  private readonly stage = elementById("stage")
  private readonly map = elementById("map")
  private readonly status = elementById("status")
  private readonly tooManyEvents = elementById("many")
  private readonly leftward = elementById("leftward")
  private readonly rightward = elementById("rightward")
  private isDrawingDue = false

  constructor(trace: Trace) {
    this.model = new TraceModel(trace)
    this.layout = new LaneLayout(this.model.causality.lanes)
    this.state = new ViewState({
      model: this.model,
      layout: this.layout,
      size: () => ({ width: this.stage.clientWidth, height: this.stage.clientHeight }),
    })
    this.diagram = new Diagram(elementById("plot"), this.model, this.layout)
    this.overview = new OverviewMap(elementById("strip"), this.model)
    this.tooltip = new Tooltip(elementById("tip"), this.stage, this.model)
    this.selection = new SelectionPanel(elementById("selection"), this.model, {
      focus: (event) => this.focus(event),
      clear: () => this.select(undefined),
    })
  }

  /** Fills the page, connects the controls, and shows the end of the trace, where a failure is. */
  start(options: PictureOptions): void {
    const { events } = this.model.trace
    drawBanner(elementById("banner"), this.model, options, (failure) => {
      this.state.reveal(failure)
      this.select(failure)
    })
    drawLegend(elementById("legend"), this.model, (filter) => this.toggle(filter))
    this.drawSelection()
    this.map.setAttribute("aria-valuemin", String(seconds(events[0]?.at ?? 0)))
    this.map.setAttribute("aria-valuemax", String(seconds(events.at(-1)?.at ?? 0)))
    new PointerControls(this, this.stage).listen()
    new MapControls(this, this.map).listen()
    listenToKeyboard(this)
    listenToButtons(this)
    new ResizeObserver(() => this.redraw()).observe(this.stage)
    this.state.scrollToEnd()
    this.draw()
  }

  /** Changes the state, hides the tooltip, and draws the new state in the next frame. */
  update(change: (state: ViewState) => void): void {
    change(this.state)
    this.tooltip.hide()
    this.redraw()
  }

  /** Draws in the next frame. Several calls in one frame draw once. */
  redraw(): void {
    if (this.isDrawingDue) return
    this.isDrawingDue = true
    window.requestAnimationFrame(() => {
      this.isDrawingDue = false
      this.draw()
    })
  }

  /** Selects an event, or clears the selection. */
  select(event: number | undefined): void {
    this.state.select(event)
    this.tooltip.hide()
    this.drawSelection()
    this.status.textContent = event === undefined ? "" : `Selected: ${this.model.describe(event)}`
    this.draw()
  }

  /** Selects an event, or clears the selection if the event is selected. */
  toggleSelection(event: number): void {
    this.select(event === this.state.view().selected ? undefined : event)
  }

  /** Moves the focus to an event and shows its tooltip. */
  focus(event: number): void {
    this.state.activate(event)
    this.state.reveal(event)
    this.draw()
    const target = this.diagram.targetOf(event)
    target?.focus({ preventScroll: true })
    if (target !== undefined) this.tooltip.show(event, target.getBoundingClientRect())
  }

  private toggle(filter: string): boolean {
    const isVisible = this.state.toggle(filter)
    this.tooltip.hide()
    this.redraw()
    return isVisible
  }

  private draw(): void {
    this.state.settle()
    const view = this.state.view()
    const rows = this.state.rows()
    this.tooManyEvents.hidden = this.diagram.draw(view)
    this.overview.draw(view, this.map.clientHeight, rows)
    this.describePosition(view.top, rows)
    this.drawScrollButtons(view)
  }

  private drawSelection(): void {
    const { past, selected } = this.state.view()
    this.selection.draw(selected, past)
  }

  /** Tells screen readers which part of the trace is visible. */
  private describePosition(top: number, rows: number): void {
    const at = (row: number) => timeAt(this.model.timeline, row)
    const middle = Math.round(seconds(at(top + rows / 2)) * 1000) / 1000
    this.map.setAttribute("aria-valuenow", String(middle))
    this.map.setAttribute("aria-valuetext", `from ${formatTime(at(top))} to ${formatTime(at(top + rows))}`)
  }

  /** Shows how many lanes are outside of the view on each side. */
  private drawScrollButtons(view: View): void {
    const positions = [...this.model.causality.lanes.keys()].map((lane) => this.layout.x(lane, view))
    const left = positions.filter((x) => x < lanesLeft).length
    const right = positions.filter((x) => x > view.width).length
    this.leftward.hidden = left === 0
    this.rightward.hidden = right === 0
    this.leftward.textContent = `← ${formatCount(left, "more node")}`
    this.rightward.textContent = `${formatCount(right, "more node")} →`
  }
}
