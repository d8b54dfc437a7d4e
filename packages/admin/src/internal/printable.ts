/** Control characters, format characters such as bidirectional marks, and line separators. */
export const hidden = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

/** Returns the text with every character escaped that could change a line of a terminal or a log, such as `\u{202e}`. */
export const printable = (text: string): string =>
  text.replace(hidden, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
