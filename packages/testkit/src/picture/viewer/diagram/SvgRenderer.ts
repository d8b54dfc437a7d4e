import { SvgLayer } from "./SvgLayer.ts"

/** Layers of one SVG element, which are drawn frame by frame. */
export class SvgRenderer {
  private readonly svg: Element
  private readonly layers: Array<SvgLayer> = []

  constructor(svg: Element) {
    this.svg = svg
  }

  /** Adds a layer above all others. */
  addLayer(className: string): SvgLayer {
    const layer = new SvgLayer(this.svg, className)
    this.layers.push(layer)
    return layer
  }

  /** Removes all layers. */
  remove(): void {
    for (const layer of this.layers.splice(0)) layer.remove()
  }

  /** Sets or removes a class of the SVG element. */
  toggleClass(className: string, isSet: boolean): void {
    this.svg.classList.toggle(className, isSet)
  }

  /** Ends the frame of all layers. */
  endFrame(): void {
    for (const layer of this.layers) layer.endFrame()
  }
}
