/**
 * Maximum length of a text of a peer in the log. It has room for the path to a field, and prevents a value of a peer from
 * filling the log.
 */
const maxLength = 512

/** Shortens a text from outside to one line of the log without control characters. */
export const oneLine = (text: string): string => {
  const line = text.slice(0, 2 * maxLength).replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ")
  return line.length <= maxLength ? line : `${line.slice(0, maxLength - 3).toWellFormed()}...`
}
