/** Sizes of texts in UTF-8. */

/** Maximum number of bytes of one UTF-16 unit in UTF-8. A surrogate pair has two units and four bytes. */
const bytesPerUnit = 3

const utf8 = new TextEncoder()

/**
 * Returns `true` if the text has more bytes than `maxBytes` in UTF-8. Encodes the text only if the number of its UTF-16
 * units does not decide.
 */
export const isLonger = (text: string, maxBytes: number): boolean =>
  text.length * bytesPerUnit > maxBytes && (text.length > maxBytes || utf8.encode(text).length > maxBytes)
