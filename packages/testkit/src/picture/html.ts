/** Page of a trace as a single file: document, style, program and data. */
import type { Trace } from "../internal/traceEvents.ts"
import { style } from "./style.ts"
import { viewerScript } from "./viewerScript.ts"

/**
 * Texts of a picture in addition to the trace.
 *
 * @category options
 * @since 0.1.0
 */
export interface PictureOptions {
  /** Title of the page. Defaults to the name of the scenario. */
  readonly title?: string | undefined
  /** Description of the failure. Defaults to the text of the last failure in the trace, if there is one. */
  readonly failure?: string | undefined
  /** Command that runs the scenario again. */
  readonly replay?: string | undefined
  /** Faults and draws that remain after shrinking, as sentences. */
  readonly sentences?: ReadonlyArray<string> | undefined
}

/**
 * Encodes a value as JSON that cannot end the surrounding element. U+2028 and U+2029 are escaped, too, because they end
 * a line in older scripts.
 */
const embed = (value: unknown): string =>
  JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029")

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

/** Content Security Policy of the page: whatever the trace contains, the page uses only the content of the file. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

/** Returns the page of a trace. The program in `viewer/` fills its elements with an `id`. */
export const html = (trace: Trace, options: PictureOptions): string => {
  const title = escape(options.title ?? trace.scenario)
  const failure = options.failure === undefined ? "" : `<pre>${escape(options.failure)}</pre>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>
${style}
</style>
</head>
<body>
<header id="banner"><h1>${title}</h1><noscript>${failure}<p>The picture is drawn by a script in this file.</p></noscript></header>
<main>
<section id="stage" aria-label="Events by time, a lane for each node">
<svg id="plot" role="group" aria-label="Lanes of the nodes, time downwards">
<defs>
<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V6" class="hatch-line"/></pattern>
<pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse"><circle cx="1.5" cy="1.5" r="1" class="dot"/></pattern>
</defs>
</svg>
<div id="sides"><button type="button" id="leftward" hidden></button><button type="button" id="rightward" hidden></button></div>
<p id="many" hidden>Too many events to draw one by one: zoom in.</p>
<div id="zoom" role="group" aria-label="Zoom">
<button type="button" id="nearer" aria-label="Zoom in">+</button>
<button type="button" id="farther" aria-label="Zoom out">−</button>
<button type="button" id="whole" aria-label="Show the whole trace">all</button>
</div>
</section>
<div id="map" role="slider" tabindex="0" aria-label="Part of the trace that is shown" aria-orientation="vertical"><svg id="strip" aria-hidden="true"></svg></div>
<aside aria-label="Legend and selected event">
<p id="status" role="status"></p>
<div id="selection"></div>
<div id="landmarks"></div>
<div id="legend"></div>
</aside>
</main>
<div id="tip" role="tooltip" hidden></div>
<script type="application/json" id="data">${embed({ trace, options })}</script>
<script>
${viewerScript}
</script>
</body>
</html>
`
}
