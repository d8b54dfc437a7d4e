/**
 * Bytes that are kept for as long as an entry. A `Uint8Array` takes about 200 bytes of memory beside its content, which is
 * more than most values have. So few bytes are kept as a text with one character, U+0000 to U+00FF, for each byte.
 */

/** Bytes, as an array or as a text. */
export type Packed = Uint8Array | string

/** Greatest number of bytes that are kept as a text. The array of more bytes takes at most a fifth more than they do. */
export const maxTextBytes = 1_024

/** Packs bytes. The result keeps no memory beyond them. */
export const pack = (bytes: Uint8Array): Packed => {
  if (bytes.length <= maxTextBytes) return Reflect.apply(String.fromCharCode, undefined, bytes)
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice()
}

/** Returns the bytes. */
export const unpack = (packed: Packed): Uint8Array =>
  typeof packed === "string" ? Uint8Array.from(packed, (character) => character.charCodeAt(0)) : packed

/** Writes the bytes at a position of a buffer that has room for them. */
export const unpackInto = (packed: Packed, buffer: Uint8Array, at: number): void => {
  if (typeof packed === "string") for (let i = 0; i < packed.length; i++) buffer[at + i] = packed.charCodeAt(i)
  else buffer.set(packed, at)
}

/** Tests whether packed bytes are the same as others. */
export const isSame = (packed: Packed, bytes: Uint8Array): boolean => {
  if (packed.length !== bytes.length) return false
  const isText = typeof packed === "string"
  for (let i = 0; i < bytes.length; i++) if ((isText ? packed.charCodeAt(i) : packed[i]) !== bytes[i]) return false
  return true
}
