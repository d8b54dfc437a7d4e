import type { Trace } from "../../Trace.ts"
import { Diagram } from "./diagram/Diagram.ts"
import { LaneLayout } from "./diagram/LaneLayout.ts"
import { OverviewMap } from "./diagram/OverviewMap.ts"
import { elementById } from "./dom.ts"
import { timeAt } from "./model/timeline.ts"
import { TraceModel } from "./model/TraceModel.ts"
import { SelectionPanel, type SelectionActions } from "./panels/SelectionPanel.ts"
import { Tooltip } from "./panels/Tooltip.ts"
import { ViewState } from "./ViewState.ts"

/** Model, view and drawings of one trace. The viewer replaces the scene when it folds background traffic. */
export class Scene {
  readonly model: TraceModel
  readonly layout: LaneLayout
  readonly state: ViewState
  readonly diagram: Diagram
  readonly overview: OverviewMap
  readonly tooltip: Tooltip
  readonly selection: SelectionPanel

  constructor(trace: Trace, stage: HTMLElement, actions: SelectionActions) {
    this.model = new TraceModel(trace)
    this.layout = new LaneLayout(this.model.causality.lanes)
    this.state = new ViewState({
      model: this.model,
      layout: this.layout,
      size: () => ({ width: stage.clientWidth, height: stage.clientHeight }),
    })
    this.diagram = new Diagram(elementById("plot"), this.model, this.layout)
    this.overview = new OverviewMap(elementById("strip"), this.model)
    this.tooltip = new Tooltip(elementById("tip"), stage, this.model)
    this.selection = new SelectionPanel(elementById("selection"), this.model, actions)
  }

  /** Copies the filters, the zoom and the middle of another scene of the same run. */
  follow(other: Scene): void {
    const { hidden, left, top, zoom } = other.state.view()
    const { model, state } = this
    const middle = timeAt(other.model.timeline, top + other.state.rows() / 2)
    for (const filter of hidden) state.toggle(filter)
    state.zoomBy(zoom / state.view().zoom)
    const { events } = model.trace
    const next = events.findIndex(({ at }) => at >= middle)
    state.scrollTo(0, left)
    state.centreOn(model.timeline.rowOf[next < 0 ? events.length - 1 : next] ?? 0)
  }

  /** Removes the drawings. */
  remove(): void {
    this.tooltip.hide()
    this.diagram.remove()
    this.overview.remove()
  }
}
