import type { Event } from "../../../Trace.ts"
import { simulationLane, unknownLane } from "../../lanes.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { markStyleOf } from "./eventMark.ts"
import type { EventTargets } from "./EventTargets.ts"
import { highlightClass } from "./highlight.ts"
import { icons } from "./icons.ts"
import { axisWidth } from "./LaneLayout.ts"
import type { DiagramLayers } from "./layers.ts"
import type { OccupancyGrid } from "./OccupancyGrid.ts"
import { px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Renderer of the marks of events other than messages. */
export class MarkRenderer {
  private readonly model: TraceModel
  private readonly layers: DiagramLayers
  private readonly targets: EventTargets

  constructor(model: TraceModel, layers: DiagramLayers, targets: EventTargets) {
    this.model = model
    this.layers = layers
    this.targets = targets
  }

  draw(index: number, event: Event, viewport: Viewport, occupied: OccupancyGrid): void {
    const style = markStyleOf(event)
    const lane = this.model.causality.laneOf[index] ?? unknownLane
    if (style === undefined || lane < simulationLane) return
    const x = viewport.x(lane)
    const y = viewport.yOf(index)
    const className = `${style.className}${highlightClass(viewport.view, index)}`
    const transform = `translate(${px(x)} ${px(y)})`
    const { lines, marks } = this.layers
    if (event._tag === "Failed") {
      lines.put("failed", "path", { class: "failure-line", d: `M${axisWidth} ${px(y)}H${px(viewport.view.width)}` })
    }
    if (style.hasDisc) marks.put(`e${index} disc`, "circle", { class: `badge ${className}`, r: 7.5, transform })
    marks.put(`e${index}`, "path", {
      class: `glyph ${className}`,
      d: icons[style.icon],
      transform: this.pointsLeft(event) ? `${transform} scale(-1 1)` : transform,
    })
    const radius = style.hasDisc ? 8 : 5
    occupied.occupy({ left: x - radius, right: x + radius, top: y - radius, bottom: y + radius })
    this.targets.put(index, x, y, 9, viewport)
  }

  /** Returns `true` if the icon points to the left. The icon of a connection points to the host that was dialed. */
  private pointsLeft(event: Event): boolean {
    const { lanes } = this.model.causality
    return event._tag === "Connection" && lanes.indexOf(event.to) < lanes.indexOf(event.from)
  }
}
