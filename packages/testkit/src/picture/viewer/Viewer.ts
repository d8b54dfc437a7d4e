import type { PictureOptions, Trace } from "../../Trace.ts"
import { formatCount, formatTime } from "../format.ts"
import { listenToButtons } from "./controls/buttons.ts"
import type { ControlledViewer } from "./controls/ControlledViewer.ts"
import { listenToKeyboard } from "./controls/keyboard.ts"
import { MapControls } from "./controls/MapControls.ts"
import { PointerControls } from "./controls/PointerControls.ts"
import { lanesLeft } from "./diagram/LaneLayout.ts"
import type { OverviewMap } from "./diagram/OverviewMap.ts"
import { elementById } from "./dom.ts"
import { foldBackground, type FoldedTrace } from "./model/foldBackground.ts"
import { timeAt } from "./model/timeline.ts"
import type { TraceModel } from "./model/TraceModel.ts"
import { drawBanner } from "./panels/banner.ts"
import { drawLandmarks } from "./panels/LandmarkList.ts"
import { backgroundSwitchId, type BackgroundSwitch, drawLegend } from "./panels/legend.ts"
import type { Tooltip } from "./panels/Tooltip.ts"
import { Scene } from "./Scene.ts"
import type { View } from "./View.ts"
import type { ViewState } from "./ViewState.ts"

const seconds = (micros: number): number => micros / 1_000_000

/** Zoom factor of each step of a jump, which zooms in until single events are drawn, and maximum number of steps. */
const jumpZoom = 1.5
const maximumJumpSteps = 12

/** Page of a trace. It draws the state of the view, and the controls change the state through it. */
export class Viewer implements ControlledViewer {
  private readonly trace: Trace
  private readonly folded: FoldedTrace
  private readonly options: PictureOptions
  private scene: Scene
  /** `true` while background traffic is drawn like all other messages. */
  private showsBackground = false
  private readonly stage = elementById("stage")
  private readonly map = elementById("map")
  private readonly status = elementById("status")
  private readonly tooManyEvents = elementById("many")
  private readonly leftward = elementById("leftward")
  private readonly rightward = elementById("rightward")
  private isDrawingDue = false

  constructor(trace: Trace, options: PictureOptions) {
    this.trace = trace
    this.options = options
    this.folded = foldBackground(trace)
    this.scene = this.makeScene()
  }

  get model(): TraceModel {
    return this.scene.model
  }

  get state(): ViewState {
    return this.scene.state
  }

  get overview(): OverviewMap {
    return this.scene.overview
  }

  get tooltip(): Tooltip {
    return this.scene.tooltip
  }

  /** Fills the page, connects the controls, and shows the end of the trace, where a failure is. */
  start(): void {
    const { events } = this.trace
    this.drawPanels()
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
    const target = this.scene.diagram.targetOf(event)
    target?.focus({ preventScroll: true })
    if (target !== undefined) this.tooltip.show(event, target.getBoundingClientRect())
  }

  /** Moves to a distant event: zooms in until single events are drawn, and moves the focus to the event. */
  private jump(event: number): void {
    this.state.activate(event)
    this.state.reveal(event)
    for (let step = 0; step < maximumJumpSteps && !this.draw(); step++) {
      this.state.zoomBy(jumpZoom)
      this.state.reveal(event)
    }
    this.focus(event)
  }

  private makeScene(): Scene {
    return new Scene(this.showsBackground ? this.trace : this.folded.trace, this.stage, {
      focus: (event) => this.focus(event),
      clear: () => this.select(undefined),
    })
  }

  /** Shows or folds background traffic, and keeps the place and the selection. */
  private toggleBackground(): void {
    const before = this.scene
    const { selected } = before.state.view()
    const { origins } = this.folded
    this.showsBackground = !this.showsBackground
    before.remove()
    this.scene = this.makeScene()
    this.scene.follow(before)
    this.drawPanels()
    const kept =
      selected === undefined ? -1 : this.showsBackground ? (origins[selected] ?? -1) : origins.indexOf(selected)
    this.select(kept < 0 ? undefined : kept)
    elementById(backgroundSwitchId).focus()
  }

  private drawPanels(): void {
    const { model } = this
    drawBanner(elementById("banner"), model, this.options, (failure) => {
      this.state.reveal(failure)
      this.select(failure)
    })
    const filters = {
      toggle: (filter: string) => this.toggle(filter),
      isOn: (filter: string) => !this.state.view().hidden.has(filter),
    }
    drawLegend(elementById("legend"), model, filters, this.backgroundSwitch())
    drawLandmarks(elementById("landmarks"), model, (event) => this.jump(event))
    this.drawSelection()
  }

  private backgroundSwitch(): BackgroundSwitch | undefined {
    const { count, kinds } = this.folded
    if (count === 0) return undefined
    return { count, kinds, isShown: this.showsBackground, toggle: () => this.toggleBackground() }
  }

  private toggle(filter: string): boolean {
    const isVisible = this.state.toggle(filter)
    this.tooltip.hide()
    this.redraw()
    return isVisible
  }

  /** Draws the scene. Returns `true` if single events are drawn. */
  private draw(): boolean {
    this.state.settle()
    const view = this.state.view()
    const rows = this.state.rows()
    const isDetailed = this.scene.diagram.draw(view)
    this.tooManyEvents.hidden = isDetailed
    this.overview.draw(view, this.map.clientHeight, rows)
    this.describePosition(view.top, rows)
    this.drawScrollButtons(view)
    return isDetailed
  }

  private drawSelection(): void {
    const { past, selected } = this.state.view()
    this.scene.selection.draw(selected, past)
  }

  /** Describes the visible part of the trace for screen readers. */
  private describePosition(top: number, rows: number): void {
    const at = (row: number) => timeAt(this.model.timeline, row)
    const middle = Math.round(seconds(at(top + rows / 2)) * 1000) / 1000
    this.map.setAttribute("aria-valuenow", String(middle))
    this.map.setAttribute("aria-valuetext", `from ${formatTime(at(top))} to ${formatTime(at(top + rows))}`)
  }

  /** Shows the number of lanes outside the view on each side. */
  private drawScrollButtons(view: View): void {
    const positions = [...this.model.causality.lanes.keys()].map((lane) => this.scene.layout.x(lane, view))
    const left = positions.filter((x) => x < lanesLeft).length
    const right = positions.filter((x) => x > view.width).length
    this.leftward.hidden = left === 0
    this.rightward.hidden = right === 0
    this.leftward.textContent = `← ${formatCount(left, "more node")}`
    this.rightward.textContent = `${formatCount(right, "more node")} →`
  }
}
