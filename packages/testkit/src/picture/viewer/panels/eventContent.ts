/**
 * Content of the tooltip and of the panel of the selection.
 */
import { formatCount } from "../../format.ts"
import { arrowhead, colourClassOf, tailOf } from "../diagram/icons.ts"
import { element, svgElement, svgImage } from "../dom.ts"
import type { TraceModel } from "../model/TraceModel.ts"

/** Limits of the content. */
export interface ContentLimits {
  /** Maximum length of a text in letters. */
  readonly letters: number
  /** Maximum number of decoded messages. */
  readonly messages: number
}

/** Cuts a text after a number of letters. */
export const cutText = (text: string, letters: number): string =>
  text.length <= letters ? text : `${text.slice(0, letters)} …`

/** Creates a small arrow in the colour and shape of a kind of messages. */
export const swatchOf = (model: TraceModel, kind: string): HTMLElement => {
  const slot = model.slotOf(kind)
  const image = svgImage(
    "-14 -6 28 12",
    svgElement("path", { class: "swatch-line", d: "M-9 0H6" }),
    svgElement("path", { class: "swatch-tail", d: tailOf(slot), transform: "translate(-9 0)" }),
    svgElement("path", { class: "swatch-head", d: arrowhead, transform: "translate(12 0)" }),
  )
  return element("span", `swatch ${colourClassOf(kind, slot)}`, image)
}

/** Creates the content for an event: its heading, its facts and its decoded messages. */
export const eventContent = (model: TraceModel, event: number, limits: ContentLimits): ReadonlyArray<HTMLElement> => {
  const { facts, heading, messages } = model.details(event)
  const list = element("dl", "facts")
  for (const [name, value] of facts) list.append(element("dt", "", name), element("dd", "", value))
  const decoded = messages
    .slice(0, limits.messages)
    .map(({ kind, text }) =>
      element(
        "div",
        "decoded",
        element("p", "kind", swatchOf(model, kind), kind),
        element("pre", "", cutText(text, limits.letters)),
      ),
    )
  const content = [element("p", "heading", cutText(heading, limits.letters)), list, ...decoded]
  const more = messages.length - limits.messages
  return more > 0 ? [...content, element("p", "quiet", `and ${formatCount(more, "more message")}`)] : content
}
