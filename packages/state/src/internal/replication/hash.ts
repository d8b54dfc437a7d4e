/** Hashes of an entry. */

const offset = 0x811c9dc5
const prime = 0x01000193

const add = (hash: number, bytes: Uint8Array): number => {
  let sum = hash
  for (const byte of bytes) sum = Math.imul(sum ^ byte, prime)
  return sum
}

/**
 * Returns the hash of an entry for the check of a batch (docs/state.md, section "Messages"): the 32-bit FNV-1a hash of the key, a zero byte, and the value, as a signed integer. V8 keeps such integers in the
 * fields of an object, and larger numbers in objects of their own.
 */
export const hashOf = (key: Uint8Array, value: Uint8Array): number => add(Math.imul(add(offset, key), prime), value) | 0

/**
 * Returns a hash of a value, as a signed integer. It does not depend on {@link hashOf}: two values with the same hash of
 * each kind and the same length are the same, with a chance of 2^-64 for others.
 */
export const markOf = (value: Uint8Array): number => {
  let sum = value.length
  for (const byte of value) {
    const mixed = Math.imul(sum ^ byte, 0x85ebca6b)
    sum = (mixed << 13) | (mixed >>> 19)
  }
  return sum | 0
}
