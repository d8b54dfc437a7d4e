/**
 * Width of the prose of a Markdown page. Only paragraphs are prose, also those of lists and quotes. Tables, headings,
 * code and HTML keep their lines.
 */
import { type Paragraph, readPage } from "./markdown.ts"

/** Maximum number of characters of a line of prose. */
export const maxWidth = 120

/** Line of prose that is too long and can be broken, with its number. */
export interface LongLine {
  readonly line: number
  readonly width: number
}

/** Parts of a paragraph between which a line can be broken. A code span is one part. */
const word = /(?:(`+)(?!`)[^]*?[^`]\1(?!`)|\S)+/g

/** Word that would begin a list, a heading, a quote, a table, HTML or code if it were the first of a line. */
const beginsBlock = /^(?:[-+*>]$|[-=]+$|#{1,6}$|\d+[.)]$|[|<>]|`{3}|~{3})/

/** Number, which stays on the line of its unit. */
const number = /^[(*_[]*[\d.,]*\d$/

const wordsOf = (text: string): ReadonlyArray<string> => {
  const words: Array<string> = []
  for (const [found] of text.replaceAll(/\s+/g, " ").matchAll(word)) {
    const before = words.at(-1)
    const staysWith = before !== undefined && (beginsBlock.test(found) || number.test(before.split(" ").at(-1) ?? ""))
    if (staysWith) words.splice(-1, 1, `${before} ${found}`)
    else words.push(found)
  }
  return words
}

/** Returns the lines of a text. The first begins with the marker of a list or quote, and the others are indented by it. */
const wrap = (text: string, marker: string): ReadonlyArray<string> => {
  const indent = marker.replaceAll(/[^\s>]/g, " ")
  const lines: Array<string> = []
  let line = ""
  for (const each of wordsOf(text)) {
    if (line === "") line = (lines.length === 0 ? marker : indent) + each
    else if (line.length + 1 + each.length <= maxWidth) line += ` ${each}`
    else {
      lines.push(line)
      line = indent + each
    }
  }
  return [...lines, line]
}

/** Returns what precedes the text of a paragraph on its first line, such as `- `. */
const markerOf = (line: string, { text }: Paragraph): string =>
  line.slice(0, Math.max(0, line.trimEnd().length - (text.split("\n")[0] ?? "").trimEnd().length))

const longLinesOf = (lines: ReadonlyArray<string>, paragraph: Paragraph): ReadonlyArray<LongLine> =>
  lines.slice(paragraph.start, paragraph.end).flatMap((line, index) => {
    const marker = index === 0 ? markerOf(line, paragraph) : (/^[\s>]*/.exec(line)?.[0] ?? "")
    const isLong = line.length > maxWidth && wrap(line.slice(marker.length), marker).length > 1
    return isLong ? [{ line: paragraph.start + index + 1, width: line.length }] : []
  })

/** Returns the lines of prose that are too long. A line that cannot be broken, such as one link, is none of them. */
export const longLines = (text: string): ReadonlyArray<LongLine> => {
  const lines = text.split("\n")
  return readPage(text).paragraphs.flatMap((paragraph) => longLinesOf(lines, paragraph))
}

/** Wraps the paragraphs that have a line that is too long. A paragraph with a line break of its own stays as it is. */
export const wrapProse = (text: string): string => {
  const lines = text.split("\n")
  for (const paragraph of readPage(text).paragraphs.toReversed()) {
    const { end, start, text: prose } = paragraph
    if (longLinesOf(lines, paragraph).length === 0 || /(?: {2}|\\)\n/.test(prose)) continue
    lines.splice(start, end - start, ...wrap(prose, markerOf(lines[start] ?? "", paragraph)))
  }
  return lines.join("\n")
}
