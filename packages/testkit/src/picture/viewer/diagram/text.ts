/**
 * Width and shortening of text in the diagram.
 */
import type { Text } from "./SvgLayer.ts"

/** Width of a letter of a label in pixels. Labels are in a monospaced font. */
export const letterWidth = 6.35

const oneLine = (text: string): string => text.replace(/\s+/g, " ")

/** Shortens a text at its end. Returns an empty text if fewer than 3 letters fit. */
export const clip = (text: string, letters: number): string => {
  const line = oneLine(text)
  if (line.length <= letters) return line
  return letters < 3 ? "" : `${line.slice(0, letters - 1).trimEnd()}…`
}

/** Shortens a name in its middle, because names often differ at the end. */
export const clipMiddle = (name: string, letters: number): string => {
  const line = oneLine(name)
  if (line.length <= letters) return line
  const half = Math.max(1, Math.floor((letters - 1) / 2))
  return `${line.slice(0, half)}…${line.slice(-half)}`
}

/** Counts the letters of a text. */
export const lettersOf = (text: Text): number =>
  typeof text === "string" ? text.length : text.reduce((sum, [, part]) => sum + part.length, 0)

/** Formats a coordinate. Tenths of a pixel keep a saved page small and edges sharp. */
export const px = (value: number): string => String(Math.round(value * 10) / 10)
