/** Rule of the names of maps, groups and values, and of the names of peers: that of the names of lanes. */

/** Maximum number of bytes of the name of a map, a group or a value, so that the names of lanes are valid. */
export const maxNameBytes = 100

/** Prefix of the names of the maps that this package opens for all groups and for all shared values of a node. */
export const reservedPrefix = "coterie."

/** Maximum number of bytes of the name of a peer (docs/protocol.md, section "Identity"). */
export const maxPeerNameBytes = 128

const utf8 = new TextEncoder()

// Names appear in logs, where a line break would forge a line.
const control = /\p{Cc}/u

/** Returns the reason for which a text is no name, or `undefined`. `of` is the kind of the name, such as `map`. */
export const nameProblem = (of: string, name: string, maxBytes = maxNameBytes): string | undefined => {
  const bytes = utf8.encode(name).length
  if (bytes < 1 || bytes > maxBytes) return `the name of a ${of} has 1 to ${maxBytes} bytes, and this one has ${bytes}`
  // Two texts with lone surrogates may have the same bytes.
  if (!name.isWellFormed()) return `the name of a ${of} must be well-formed Unicode`
  return control.test(name) ? `the name of a ${of} must not contain control characters` : undefined
}
