/** Line charts as SVG, readable on light and dark backgrounds. */

export interface Line {
  readonly name: string
  /** Values for the places on the axis. `upTo` is drawn as a thin line above the value. */
  readonly values: ReadonlyArray<{ readonly value: number; readonly upTo?: number | undefined }>
}

export interface Chart {
  readonly title: string
  readonly x: { readonly name: string; readonly places: ReadonlyArray<string> }
  readonly y: { readonly ticks: ReadonlyArray<number>; readonly scale: "linear" | "log1p" }
  readonly lines: ReadonlyArray<Line>
}

const width = 370
const height = 330
const left = 38
const right = 12
const top = 34
const plotHeight = 190

/** Colors and dash patterns of the lines. */
const colours = ["#0969da", "#cf222e", "#8250df", "#bf8700", "#1a7f37"]
const dashes = ["", "6 3", "2 3", "8 3 2 3", "4 4"]

const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;")

const n = (value: number): string => String(Math.round(value * 10) / 10)

const draw = ({ lines, title, x, y }: Chart, offset: number): string => {
  const scaled = (value: number): number => (y.scale === "linear" ? value : Math.log10(1 + value))
  const most = Math.max(...y.ticks.map(scaled))
  const yOf = (value: number): number => top + plotHeight * (1 - scaled(value) / most)
  const step = (width - left - right) / x.places.length
  const xOf = (place: number): number => left + step * (place + 0.5)
  const parts: Array<string> = [`<text class="title" x="${left}" y="16">${escape(title)}</text>`]
  for (const tick of y.ticks) {
    const at = n(yOf(tick))
    parts.push(`<line class="grid" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/>`)
    parts.push(`<text x="${left - 6}" y="${n(yOf(tick) + 4)}" text-anchor="end">${tick}</text>`)
  }
  for (const [i, place] of x.places.entries()) {
    parts.push(`<text x="${n(xOf(i))}" y="${top + plotHeight + 16}" text-anchor="middle">${escape(place)}</text>`)
  }
  parts.push(
    `<text x="${n((left + width - right) / 2)}" y="${top + plotHeight + 32}" text-anchor="middle">${escape(x.name)}</text>`,
  )
  for (const [i, line] of lines.entries()) {
    const colour = colours[i % colours.length] ?? ""
    const dash = dashes[i % dashes.length] ?? ""
    // Shifts the lines, so that lines with equal values do not cover each other.
    const aside = (i - (lines.length - 1) / 2) * 5
    const points = line.values.map(({ value }, place) => `${n(xOf(place) + aside)},${n(yOf(value))}`)
    parts.push(
      `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-dasharray="${dash}"/>`,
    )
    for (const [place, { upTo, value }] of line.values.entries()) {
      const at = n(xOf(place) + aside)
      parts.push(`<circle cx="${at}" cy="${n(yOf(value))}" r="2.5" fill="${colour}"/>`)
      if (upTo === undefined) continue
      parts.push(`<line x1="${at}" x2="${at}" y1="${n(yOf(value))}" y2="${n(yOf(upTo))}" stroke="${colour}"/>`)
      parts.push(
        `<line x1="${n(xOf(place) + aside - 3)}" x2="${n(xOf(place) + aside + 3)}" y1="${n(yOf(upTo))}" y2="${n(yOf(upTo))}" stroke="${colour}"/>`,
      )
    }
    const row = top + plotHeight + 50 + Math.floor(i / 2) * 16
    const column = left + (i % 2) * 165
    parts.push(
      `<line x1="${column}" x2="${column + 20}" y1="${row - 4}" y2="${row - 4}" stroke="${colour}" stroke-width="1.5" stroke-dasharray="${dash}"/>`,
    )
    parts.push(`<text x="${column + 25}" y="${row}">${escape(line.name)}</text>`)
  }
  return `<g transform="translate(${offset} 0)">\n${parts.join("\n")}\n</g>`
}

/** Returns an SVG with the charts side by side. */
export const svg = (label: string, charts: ReadonlyArray<Chart>): string => {
  const all = charts.length * width
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${all} ${height}" width="${all}" height="${height}" role="img" aria-label="${escape(label)}">`,
    "<style>",
    "text { font: 11px sans-serif; fill: #57606a } .title { font-weight: bold; font-size: 12px } .grid { stroke: #8c959f; stroke-opacity: 0.35 }",
    "@media (prefers-color-scheme: dark) { text { fill: #9198a1 } }",
    "</style>",
    ...charts.map((chart, i) => draw(chart, i * width)),
    "</svg>",
    "",
  ].join("\n")
}
