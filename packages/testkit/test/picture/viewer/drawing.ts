/**
 * Trace and view for the tests of the renderers. The view has 1000 by 634 pixels, of which 600 are below the head.
 */
import type { Event } from "@coterie/testkit/Trace"
import { EventTargets } from "../../../src/picture/viewer/diagram/EventTargets.ts"
import { LaneLayout } from "../../../src/picture/viewer/diagram/LaneLayout.ts"
import { addLayers } from "../../../src/picture/viewer/diagram/layers.ts"
import { OccupancyGrid } from "../../../src/picture/viewer/diagram/OccupancyGrid.ts"
import { SvgRenderer } from "../../../src/picture/viewer/diagram/SvgRenderer.ts"
import { Viewport } from "../../../src/picture/viewer/diagram/Viewport.ts"
import { svgElement } from "../../../src/picture/viewer/dom.ts"
import { TraceModel } from "../../../src/picture/viewer/model/TraceModel.ts"
import type { View } from "../../../src/picture/viewer/View.ts"
import { traceOf } from "../traces.ts"

/** View at the beginning of a trace, with rows of 20 pixels. */
export const view: View = {
  top: 0,
  zoom: 20,
  left: 0,
  width: 1000,
  height: 634,
  hidden: new Set(),
  selected: undefined,
  past: undefined,
  active: undefined,
}

/** Returns the objects that a renderer needs to draw some events. */
export const drawingOf = (events: ReadonlyArray<Event>, nodes?: ReadonlyArray<string>) => {
  const model = new TraceModel(traceOf(events, nodes))
  const svg = svgElement("svg")
  const renderer = new SvgRenderer(svg)
  const layers = addLayers(renderer)
  const layout = new LaneLayout(model.causality.lanes)
  return {
    model,
    svg,
    renderer,
    layers,
    layout,
    targets: new EventTargets(model, layers.targets),
    occupied: new OccupancyGrid(),
    viewport: (changes: Partial<View> = {}) => new Viewport({ ...view, ...changes }, layout, model.timeline),
  }
}
