import type { OverviewMap } from "../diagram/OverviewMap.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import type { Tooltip } from "../panels/Tooltip.ts"
import type { ViewState } from "../ViewState.ts"

/**
 * Interface of the viewer for its controls. Each control picks the members that it needs, and reads them at each event,
 * because the viewer replaces them when it folds background traffic.
 */
export interface ControlledViewer {
  readonly model: TraceModel
  readonly state: ViewState
  readonly overview: OverviewMap
  readonly tooltip: Tooltip
  /** Changes the state, hides the tooltip, and draws the new state in the next frame. */
  update(change: (state: ViewState) => void): void
  /** Draws in the next frame. Several calls in one frame draw once. */
  redraw(): void
  /** Selects an event, or clears the selection. */
  select(event: number | undefined): void
  /** Selects an event, or clears the selection if the event is selected. */
  toggleSelection(event: number): void
  /** Moves the focus to an event and shows its tooltip. */
  focus(event: number): void
}
