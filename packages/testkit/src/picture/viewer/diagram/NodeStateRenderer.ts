import type { NodeState, StateSpan } from "../model/nodeStates.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { headHeight } from "./LaneLayout.ts"
import type { DiagramLayers } from "./layers.ts"
import { px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** States in which a node runs nothing. They are drawn as bars. */
const idleStates = new Set<NodeState>(["crashed", "stopped", "died", "paused"])

/** Pixels by which a lane may be outside the view and still be drawn. */
const laneReach = 20

/** Renderer of the lanes: the state of each node over time, and the past of the selected event. */
export class NodeStateRenderer {
  private readonly model: TraceModel
  private readonly layers: DiagramLayers

  constructor(model: TraceModel, layers: DiagramLayers) {
    this.model = model
    this.layers = layers
  }

  draw(viewport: Viewport): void {
    for (const [index, span] of this.model.nodeStates.entries()) {
      if (viewport.overlaps(span.top, span.bottom)) this.drawSpan(index, span, viewport)
    }
    const { past } = viewport.view
    if (past !== undefined) this.drawPast(past, viewport)
  }

  private drawSpan(index: number, { bottom, lane, state, top }: StateSpan, viewport: Viewport): void {
    const x = viewport.x(lane)
    if (x < -laneReach || x > viewport.view.width + laneReach) return
    const y0 = viewport.clampedY(top)
    const y1 = viewport.clampedY(bottom)
    if (y1 <= y0) return
    if (idleStates.has(state)) {
      const box = { x: px(x - 6.5), y: px(y0), width: 13, height: px(y1 - y0) }
      this.layers.nodeStates.put(`span ${index}`, "rect", { class: `state ${state}`, ...box })
    } else {
      const d = `M${px(x)} ${px(y0)}V${px(y1)}`
      this.layers.nodeStates.put(`span ${index}`, "path", { class: `state ${state}`, d })
    }
  }

  /** Draws a line down each lane to the last event that could have influenced the selected event. */
  private drawPast(past: ReadonlyArray<boolean>, viewport: Viewport): void {
    const { causality, columns, nodeStates, timeline } = this.model
    for (const lane of causality.lanes.keys()) {
      const last = columns[lane + 1]?.findLast((event) => past[event] === true && causality.laneOf[event] === lane)
      if (last === undefined) continue
      const first = nodeStates.find((span) => span.lane === lane)
      const y0 = Math.max(headHeight, viewport.y(first?.top ?? 0))
      const y1 = Math.min(viewport.view.height, viewport.y(timeline.rowOf[last] ?? 0))
      if (y1 <= y0) continue
      const x = px(viewport.x(lane))
      this.layers.past.put(`reach ${lane}`, "path", { class: "reach", d: `M${x} ${px(y0)}V${px(y1)}` })
    }
  }
}
