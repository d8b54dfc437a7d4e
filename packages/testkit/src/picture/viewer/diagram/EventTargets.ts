import { formatTime } from "../../format.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { headHeight } from "./LaneLayout.ts"
import type { SvgLayer } from "./SvgLayer.ts"
import { px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Buttons around the marks of events, for the pointer, the keyboard and screen readers. */
export class EventTargets {
  private readonly model: TraceModel
  private readonly layer: SvgLayer

  constructor(model: TraceModel, layer: SvgLayer) {
    this.model = model
    this.layer = layer
  }

  /** Draws the button of an event, if it is below the head. */
  put(event: number, x: number, y: number, radius: number, { view }: Viewport): void {
    if (y < headHeight - 2 || y > view.height + 8) return
    const isSelected = view.selected === event
    this.layer.put(`e${event}`, "circle", {
      class: `target${isSelected ? " selected" : ""}`,
      r: radius,
      transform: `translate(${px(x)} ${px(y)})`,
      "data-event": event,
      role: "button",
      "aria-label": `${this.model.describe(event)}, at ${formatTime(this.model.trace.events[event]?.at ?? 0)}`,
      "aria-pressed": isSelected ? "true" : "false",
      tabindex: view.active === event ? 0 : -1,
    })
  }

  /** Returns the button of an event, if it is visible. */
  get(event: number): SVGElement | undefined {
    return this.layer.get(`e${event}`)
  }
}
