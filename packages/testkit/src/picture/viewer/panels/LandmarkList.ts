import { formatCount, formatTime } from "../../format.ts"
import { button, element } from "../dom.ts"
import type { TraceModel } from "../model/TraceModel.ts"
import { cutText } from "./eventContent.ts"

/** Maximum number of landmarks in the list, of which the last are kept, and maximum number of letters of each. */
const maximumLandmarks = 200
const letters = 140

/** Draws the list of the notes and faults of a trace. A click jumps to the event. */
export const drawLandmarks = (root: HTMLElement, model: TraceModel, jump: (event: number) => void): void => {
  root.replaceChildren()
  const { landmarks, trace } = model
  if (landmarks.length === 0) return
  const shown = landmarks.slice(-maximumLandmarks)
  const items = shown.map((event) => {
    const at = formatTime(trace.events[event]?.at ?? 0).replace(" s", "")
    const content = [element("span", "when", at), element("span", "", cutText(model.describe(event), letters))]
    return element(
      "li",
      "",
      button("landmark", content, () => jump(event)),
    )
  })
  root.append(element("h2", "", "Notes and faults"))
  const before = landmarks.length - shown.length
  if (before > 0) root.append(element("p", "quiet", `${formatCount(before, "earlier event")} left out`))
  root.append(element("ol", "landmarks", ...items))
}
