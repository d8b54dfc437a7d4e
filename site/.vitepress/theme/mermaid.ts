/** Mermaid as one file of the site. It is large, so only pages with a diagram load it. */
import scriptUrl from "@mermaid-js/tiny/dist/mermaid.tiny.js?url"

interface Mermaid {
  readonly initialize: (options: { readonly startOnLoad: boolean; readonly theme: string }) => void
  readonly render: (id: string, source: string) => Promise<{ readonly svg: string }>
}

declare global {
  var mermaid: Mermaid | undefined
}

let loading: Promise<void> | undefined

const load = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = scriptUrl
    script.addEventListener("load", () => resolve())
    script.addEventListener("error", () => reject(new Error(`Mermaid was not loaded from ${scriptUrl}`)))
    document.head.append(script)
  })

let rendered = 0

/** Draws a diagram, in the colors of the theme. */
export const render = async (source: string, isDark: boolean): Promise<string> => {
  await (loading ??= load())
  const { mermaid } = globalThis
  if (mermaid === undefined) throw new Error("Mermaid defined nothing")
  mermaid.initialize({ startOnLoad: false, theme: isDark ? "dark" : "default" })
  rendered += 1
  const { svg } = await mermaid.render(`mermaid-${rendered}`, source)
  return svg
}
