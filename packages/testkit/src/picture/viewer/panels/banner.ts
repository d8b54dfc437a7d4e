/**
 * Banner of the page: the run, its failure, and the command that runs it again.
 */
import type { PictureOptions } from "../../../Trace.ts"
import { formatCount, formatDuration } from "../../format.ts"
import { button, element } from "../dom.ts"
import type { TraceModel } from "../model/TraceModel.ts"

/** Function that shows the failure and the events that led to it. */
export type ShowFailure = (failure: number) => void

/** Creates the title with the facts of the run. */
const titleOf = ({ causality, trace }: TraceModel, title: string | undefined): HTMLElement => {
  const { events, scenario, seed, skipped } = trace
  const last = events.at(-1)
  const facts = [
    title === undefined || title === scenario ? "" : scenario,
    `seed ${seed}`,
    formatCount(causality.lanes.length, "node"),
    formatCount(events.length, "event"),
    last === undefined ? "" : `${formatDuration(last.at)} of virtual time`,
    skipped > 0 ? `without the first ${formatCount(skipped, "event")}` : "",
  ]
  return element(
    "div",
    "title",
    element("h1", "", title ?? scenario),
    element("p", "meta", facts.filter((fact) => fact !== "").join(" · ")),
  )
}

/** Returns the text of the failure from the options, or else from the last failure in the trace. */
const failureOf = (model: TraceModel, options: PictureOptions): string | undefined => {
  const event = model.trace.events[model.failure ?? -1]
  return options.failure ?? (event?._tag === "Failed" ? event.text : undefined)
}

/** Creates the text of the failure: its first line as a sentence, and the other lines unchanged. */
const failureText = (failure: string): ReadonlyArray<HTMLElement> => {
  const [first = "", ...rest] = failure.split("\n")
  const sentence = element("p", "failure", element("span", "flag", "Failed"), element("span", "", first))
  return rest.length === 0 ? [sentence] : [sentence, element("pre", "more", rest.join("\n"))]
}

/** Copies the text of an element. */
const copyText = (from: HTMLElement, onCopied: () => void): void => {
  window.getSelection()?.selectAllChildren(from)
  // Some browsers do not let a local file write to the clipboard. The text stays selected, so that the user can copy
  // it.
  window.navigator.clipboard?.writeText(from.textContent ?? "").then(onCopied, () => undefined)
}

/** Creates the command that runs the failure again, with a button to copy it. */
const replayCommand = (command: string): HTMLElement => {
  const code = element("code", "", command)
  const copy = button("plain", ["Copy"], () => {
    copyText(code, () => {
      copy.textContent = "Copied"
    })
  })
  copy.setAttribute("aria-label", "Copy the command that runs it again")
  return element("p", "replay", element("span", "quiet", "replay"), code, copy)
}

/** Fills the banner. */
export const drawBanner = (
  root: HTMLElement,
  model: TraceModel,
  options: PictureOptions,
  showFailure: ShowFailure,
): void => {
  root.replaceChildren(titleOf(model, options.title))
  const failure = failureOf(model, options)
  const { replay, sentences = [] } = options
  const actions: Array<HTMLElement> = []
  if (replay !== undefined) actions.push(replayCommand(replay))
  const event = model.failure
  if (event !== undefined) actions.push(button("plain", ["Show causes"], () => showFailure(event)))

  const what = failure === undefined ? [] : [...failureText(failure)]
  if (actions.length > 0) what.push(element("div", "actions", ...actions))
  if (what.length === 0 && sentences.length === 0) return
  const report = element("div", failure === undefined ? "report" : "report bad", element("div", "what", ...what))
  if (sentences.length > 0) {
    const list = element("ol", "", ...sentences.map((sentence) => element("li", "", sentence)))
    report.append(element("div", "story", element("h2", "", "What it takes"), list))
  }
  report.setAttribute("role", "region")
  report.setAttribute("aria-label", "What went wrong")
  root.append(report)
}
