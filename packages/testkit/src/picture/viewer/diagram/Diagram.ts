import type { TraceModel } from "../model/TraceModel.ts"
import type { View } from "../View.ts"
import { DensityRenderer } from "./DensityRenderer.ts"
import { DetailRenderer } from "./DetailRenderer.ts"
import { EventTargets } from "./EventTargets.ts"
import { FaultRenderer } from "./FaultRenderer.ts"
import { HeadRenderer } from "./HeadRenderer.ts"
import type { LaneLayout } from "./LaneLayout.ts"
import { addLayers } from "./layers.ts"
import { NodeStateRenderer } from "./NodeStateRenderer.ts"
import { OccupancyGrid } from "./OccupancyGrid.ts"
import { SvgRenderer } from "./SvgRenderer.ts"
import { TimeRenderer } from "./TimeRenderer.ts"
import { Viewport } from "./Viewport.ts"

/** Maximum number of events that are drawn as single marks. More marks would cover each other. */
const maximumDetails = 700

/**
 * Space-time diagram of a trace, with a lane for each node, time running downwards, and an arrow for each message. Only
 * events in the view have elements.
 */
export class Diagram {
  private readonly model: TraceModel
  private readonly layout: LaneLayout
  private readonly renderer: SvgRenderer
  private readonly targets: EventTargets
  private readonly faults: FaultRenderer
  private readonly nodeStates: NodeStateRenderer
  private readonly times: TimeRenderer
  private readonly details: DetailRenderer
  private readonly density: DensityRenderer
  private readonly head: HeadRenderer

  constructor(svg: Element, model: TraceModel, layout: LaneLayout) {
    this.model = model
    this.layout = layout
    this.renderer = new SvgRenderer(svg)
    const layers = addLayers(this.renderer)
    this.targets = new EventTargets(model, layers.targets)
    this.faults = new FaultRenderer(model, layers)
    this.nodeStates = new NodeStateRenderer(model, layers)
    this.times = new TimeRenderer(model, layers)
    this.details = new DetailRenderer(model, layers, this.targets)
    this.density = new DensityRenderer(model, layers)
    this.head = new HeadRenderer(model.causality.lanes, layers.head)
  }

  /** Draws a view. Returns `true` if single events are drawn, and `false` if there are too many. */
  draw(view: View): boolean {
    const viewport = new Viewport(view, this.layout, this.model.timeline)
    const occupied = new OccupancyGrid()
    const events = viewport.events()
    const isDetailed = events.length <= maximumDetails
    this.renderer.toggleClass("cone", view.past !== undefined)
    this.renderer.toggleClass("shape", !isDetailed)
    this.faults.draw(viewport, occupied)
    this.nodeStates.draw(viewport)
    this.times.draw(viewport, occupied)
    if (isDetailed) this.details.draw(events, viewport, occupied)
    else this.density.draw(viewport)
    this.head.draw(viewport)
    this.renderer.endFrame()
    return isDetailed
  }

  /** Removes the drawing. */
  remove(): void {
    this.renderer.remove()
  }

  /** Returns the button of an event, if it is in the view. */
  targetOf(event: number): SVGElement | undefined {
    return this.targets.get(event)
  }
}
