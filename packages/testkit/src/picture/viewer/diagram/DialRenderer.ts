import type { Event } from "../../../Trace.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { highlightClass } from "./highlight.ts"
import type { DiagramLayers } from "./layers.ts"
import { px } from "./text.ts"
import type { Viewport } from "./Viewport.ts"

/** Event of a dial and event of its acceptance. */
interface Dial {
  readonly dialed: number
  readonly accepted: number
}

const isDialOf = (event: Event | undefined, connection: number): boolean =>
  event?._tag === "Connection" && event.state === "dialed" && event.connection === connection

/** Renderer of lines from a dial to its acceptance. */
export class DialRenderer {
  private readonly model: TraceModel
  private readonly layers: DiagramLayers
  private readonly dials: ReadonlyArray<Dial>

  constructor(model: TraceModel, layers: DiagramLayers) {
    const { causality, trace } = model
    this.model = model
    this.layers = layers
    this.dials = trace.events.flatMap((event, accepted) => {
      if (event._tag !== "Connection" || event.state !== "accepted") return []
      const causes = causality.causes[accepted] ?? []
      return causes.flatMap((dialed) =>
        isDialOf(trace.events[dialed], event.connection) ? [{ dialed, accepted }] : [],
      )
    })
  }

  draw(viewport: Viewport): void {
    if (viewport.view.hidden.has("connections")) return
    const { laneOf } = this.model.causality
    for (const { accepted, dialed } of this.dials) {
      if (!viewport.overlaps(viewport.rowOf(dialed), viewport.rowOf(accepted))) continue
      const from = `${px(viewport.x(laneOf[dialed] ?? 0))} ${px(viewport.yOf(dialed))}`
      const to = `${px(viewport.x(laneOf[accepted] ?? 0))} ${px(viewport.yOf(accepted))}`
      const style = `dial${highlightClass(viewport.view, accepted)}`
      this.layers.lines.put(`dial ${accepted}`, "path", { class: style, d: `M${from}L${to}` })
    }
  }
}
