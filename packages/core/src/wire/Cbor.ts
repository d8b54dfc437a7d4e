/**
 * Subset of CBOR that the protocol allows (docs/protocol.md, section "CBOR"): definite lengths and integers in their
 * shortest form, text that is valid UTF-8, and maps with distinct text keys, without tags, floats or undefined. One
 * value therefore has one meaning for every decoder, and a sender cannot hide a second meaning in it.
 */
import * as Cborg from "cborg"
import { compareNames } from "../protocol/PeerName.ts"

/**
 * Maximum nesting depth. Version 1 needs five levels; the rest is reserved for unknown keys. The tokenizer checks the
 * depth before the decoder descends, so that a deeply nested frame costs no stack.
 */
export const maxDepth = 8

// `ignoreBOM` keeps a leading U+FEFF. Without it the name would lose the mark and hash differently.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Returns the size of the head of an item, from the low five bits of its first byte. */
const headLength = (minor: number): number => (minor < 24 ? 1 : 1 + 2 ** (minor - 24))

const fail = (what: string): never => {
  throw new Error(what)
}

/**
 * Tokenizer of cborg with additional checks: depth, floats and tags, valid UTF-8, and counts that exceed the remaining
 * bytes.
 */
class StrictTokenizer extends Cborg.Tokenizer {
  /** Number of remaining items in each open array or map. */
  private readonly open: Array<number> = []

  override next(): Cborg.Token {
    const start = this.pos()
    const token = super.next()
    this.enter()
    switch (token.type) {
      case Cborg.Type.array:
        this.descend(token.value)
        return token
      case Cborg.Type.map:
        this.descend(token.value * 2)
        return token
      case Cborg.Type.string: {
        const content = this.data.subarray(start + headLength((this.data[start] ?? 0) & 31), this.pos())
        return new Cborg.Token(Cborg.Type.string, utf8.decode(content), token.encodedLength)
      }
      case Cborg.Type.tag:
        return fail("tags are not allowed")
      case Cborg.Type.float:
        return fail("floats are not allowed")
      default:
        return token
    }
  }

  private enter(): void {
    let top = this.open.length - 1
    while (top >= 0 && this.open[top] === 0) {
      this.open.pop()
      top--
    }
    const items = this.open[top]
    if (items !== undefined) this.open[top] = items - 1
  }

  private descend(items: number): void {
    if (this.open.length >= maxDepth) fail(`nested deeper than ${maxDepth}`)
    // Each item takes at least one byte, so a count above the number of remaining bytes is false.
    if (items > this.data.length - this.pos()) fail("more items announced than remaining bytes")
    this.open.push(items)
  }
}

const decodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowBigInt: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
}

/**
 * Decodes the single value in the bytes. Throws an `Error` whose message may quote the input. Maps become objects in
 * which every key is an own property, including `__proto__`. The bytes must be a plain `Uint8Array`.
 */
export const decode = (bytes: Uint8Array): unknown =>
  Cborg.decode(bytes, { ...decodeOptions, tokenizer: new StrictTokenizer(bytes, decodeOptions) })

/** Returns the size of a text in UTF-8, in bytes. */
const utf8Length = (text: string): number => {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // Each half of a surrogate pair stands for two of its four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit & 0xf800) === 0xd800 ? 2 : 3
  }
  return bytes
}

/** Compares text keys by their encoded bytes, which begin with the length: the shorter key is the lesser. */
const compareTextKeys = (a: string, b: string): number => utf8Length(a) - utf8Length(b) || compareNames(a, b)

type MapEntry = ReadonlyArray<Cborg.Token | ReadonlyArray<Cborg.Token>>

const keyOf = (entry: MapEntry): string => {
  const key = entry[0]
  return key instanceof Cborg.Token && typeof key.value === "string" ? key.value : fail("map keys must be text")
}

// Deterministic encoding (RFC 8949, 4.2.1), so that each test vector has exactly one encoding. The sorter of cborg for
// this encoding encodes each key again, which takes most of the time of an Update. `undefined` means an absent key.
const encodeOptions: Cborg.EncodeOptions = {
  mapSorter: (a, b) => compareTextKeys(keyOf(a), keyOf(b)),
  ignoreUndefinedProperties: true,
}

/** Encodes a value in the deterministic encoding of RFC 8949. Keys and texts must be well-formed. */
export const encode = (value: unknown): Uint8Array => Cborg.encode(value, encodeOptions)
