import { formatCount, formatTime } from "../../format.ts"
import { button, element } from "../dom.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { cutText, eventContent } from "./eventContent.ts"

const limits = { letters: 4000, messages: 50 }

/** Maximum number of causes in the list, and maximum number of letters of each. */
const maximumCauses = 40
const causeLetters = 140

/** Keys and actions that the panel explains while nothing is selected. */
const help = [
  ["click", "show the events that could have influenced an event"],
  ["↑ ↓ ← →", "move"],
  ["+ −", "zoom"],
  ["Esc", "clear the selection"],
] as const

export interface SelectionActions {
  /** Moves the focus to an event. */
  readonly focus: (event: number) => void
  /** Clears the selection. */
  readonly clear: () => void
}

const helpList = (): HTMLElement => {
  const list = element("dl", "keys")
  for (const [key, action] of help) list.append(element("dt", "", element("kbd", "", key)), element("dd", "", action))
  return list
}

/** Panel with the details of the selected event, and the last events that could have influenced it. */
export class SelectionPanel {
  private readonly root: HTMLElement
  private readonly model: TraceModel
  private readonly actions: SelectionActions

  constructor(root: HTMLElement, model: TraceModel, actions: SelectionActions) {
    this.root = root
    this.model = model
    this.actions = actions
  }

  /** Draws the panel for a selected event with its past, or for no selection. */
  draw(selected: number | undefined, past: ReadonlyArray<boolean> | undefined): void {
    if (selected === undefined || past === undefined) {
      this.root.replaceChildren(helpList())
      return
    }
    const inPast = [...this.model.trace.events.keys()].filter((event) => past[event] === true)
    this.root.replaceChildren(
      element("h2", "", "Selected", button("plain", ["Clear"], this.actions.clear)),
      element("div", "about", ...eventContent(this.model, selected, limits)),
      element("p", "quiet", this.summary(inPast)),
      this.causes(inPast.filter((event) => event !== selected)),
    )
  }

  private summary(inPast: ReadonlyArray<number>): string {
    // The selected event is in its own past.
    const causes = inPast.length - 1
    if (causes === 0) return "No event in this trace could have influenced it."
    const { laneOf } = this.model.causality
    const lanes = new Set(inPast.flatMap((event) => ((laneOf[event] ?? -1) >= 0 ? [laneOf[event]] : [])))
    const events = formatCount(causes, "event")
    return `${events} on ${formatCount(lanes.size, "node")} could have influenced it. The last events:`
  }

  /** Lists the last causes, the latest first. */
  private causes(causes: ReadonlyArray<number>): HTMLElement {
    const list = element("ol", "causes")
    for (const event of causes.slice(-maximumCauses).reverse()) {
      const at = formatTime(this.model.trace.events[event]?.at ?? 0).replace(" s", "")
      const text = cutText(this.model.describe(event), causeLetters)
      const content = [element("span", "when", at), element("span", "", text)]
      list.append(
        element(
          "li",
          "",
          button("cause", content, () => this.actions.focus(event)),
        ),
      )
    }
    return list
  }
}
