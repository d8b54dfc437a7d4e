/**
 * Program of the page. It reads the trace from the element `#data` of the document that `html.ts` writes.
 */
import type { PictureOptions, Trace } from "../../Trace.ts"
import { elementById } from "./dom.ts"
import { Viewer } from "./Viewer.ts"

const data: { readonly trace: Trace; readonly options: PictureOptions } = JSON.parse(
  elementById("data").textContent ?? "",
)
new Viewer(data.trace, data.options).start()
