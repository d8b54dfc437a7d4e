import type { Message } from "../model/messages.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { eventContent } from "./eventContent.ts"

const limits = { letters: 600, messages: 6 }

/** Pixels between the tooltip and its event, and between the tooltip and the edges of the window. */
const distance = 12
const margin = 8

/** Tooltip of an event, and highlight of its message. */
export class Tooltip {
  private readonly root: HTMLElement
  private readonly stage: HTMLElement
  private readonly model: TraceModel

  constructor(root: HTMLElement, stage: HTMLElement, model: TraceModel) {
    this.root = root
    this.stage = stage
    this.model = model
  }

  /** Shows the details of an event beside its mark, on the right if there is room. */
  show(event: number, mark: DOMRect): void {
    const { root } = this
    root.replaceChildren(...eventContent(this.model, event, limits))
    root.hidden = false
    const { offsetHeight, offsetWidth } = root
    const right = mark.right + distance
    const fits = right + offsetWidth < this.stage.getBoundingClientRect().right - margin
    const x = fits ? right : mark.left - offsetWidth - distance
    const y = mark.top + mark.height / 2 - 18
    const maximumX = window.innerWidth - offsetWidth - margin
    const maximumY = Math.max(margin, window.innerHeight - offsetHeight - margin)
    root.style.left = `${Math.max(margin, Math.min(maximumX, x))}px`
    root.style.top = `${Math.max(margin, Math.min(maximumY, y))}px`
  }

  /** Highlights the arrow of a message until the tooltip is hidden. */
  highlight({ sent }: Message): void {
    this.stage.querySelector(`[data-sent="${sent}"]`)?.classList.add("hover")
  }

  hide(): void {
    this.root.hidden = true
    for (const node of this.stage.querySelectorAll(".hover")) node.classList.remove("hover")
  }
}
