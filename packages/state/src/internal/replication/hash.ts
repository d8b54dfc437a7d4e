/** Hash of an entry, for the check of a batch (docs/state.md, section "Messages"). */

const offset = 0x811c9dc5
const prime = 0x01000193

const add = (hash: number, bytes: Uint8Array): number => {
  let sum = hash
  for (const byte of bytes) sum = Math.imul(sum ^ byte, prime)
  return sum
}

/**
 * Returns the 32-bit FNV-1a hash of the key, a zero byte, and the value, as a signed integer. V8 keeps such integers in the
 * fields of an object, and larger numbers in objects of their own.
 */
export const hashOf = (key: Uint8Array, value: Uint8Array): number => add(Math.imul(add(offset, key), prime), value) | 0
