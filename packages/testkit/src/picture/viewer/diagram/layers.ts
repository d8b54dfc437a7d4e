/**
 * Layers of the diagram.
 */
import type { SvgLayer } from "./SvgLayer.ts"
import type { SvgRenderer } from "./SvgRenderer.ts"

export interface DiagramLayers {
  readonly faults: SvgLayer
  readonly nodeStates: SvgLayer
  readonly folds: SvgLayer
  readonly boundaries: SvgLayer
  readonly past: SvgLayer
  readonly lines: SvgLayer
  /** Invisible wide lines, which are easy to hit with the pointer. */
  readonly hitLines: SvgLayer
  readonly marks: SvgLayer
  readonly labels: SvgLayer
  readonly targets: SvgLayer
  readonly head: SvgLayer
}

/** Adds the layers to the diagram, from the bottom to the top. */
export const addLayers = (renderer: SvgRenderer): DiagramLayers => ({
  faults: renderer.addLayer("shades"),
  nodeStates: renderer.addLayer("lanes"),
  folds: renderer.addLayer("folds"),
  boundaries: renderer.addLayer("walls"),
  past: renderer.addLayer("reaches"),
  lines: renderer.addLayer("lines"),
  hitLines: renderer.addLayer("touch"),
  marks: renderer.addLayer("marks"),
  labels: renderer.addLayer("labels"),
  targets: renderer.addLayer("targets"),
  head: renderer.addLayer("head"),
})
