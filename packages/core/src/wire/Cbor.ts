/**
 * Subset of CBOR that the protocol allows (docs/protocol.md, section "CBOR"): definite lengths and integers in their
 * shortest form, text that is valid UTF-8, and maps with distinct text keys, without tags, floats or undefined. One
 * value therefore has one meaning for every decoder, and a sender cannot hide a second meaning in it.
 */
import * as Cborg from "cborg"

/**
 * Maximum nesting depth. Version 1 needs five levels; the rest is reserved for unknown keys. The tokenizer checks the
 * depth before the decoder descends, so that a deeply nested frame costs no stack.
 */
export const maxDepth = 8

// `ignoreBOM` keeps a leading U+FEFF. Without it the name would lose the mark and hash differently.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Character that a lenient decoder puts in the place of an invalid byte. */
const replacement = "\uFFFD"

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
      case Cborg.Type.string:
        return this.strictText(token, start)
      case Cborg.Type.tag:
        return fail("tags are not allowed")
      case Cborg.Type.float:
        return fail("floats are not allowed")
      default:
        return token
    }
  }

  /** Returns the token of a text that begins at `start`. Throws if the text is not valid UTF-8. */
  private strictText(token: Cborg.Token, start: number): Cborg.Token {
    const from = start + headLength((this.data[start] ?? 0) & 31)
    const text: unknown = token.value
    // cborg decodes each byte of ASCII, and each invalid byte, to one UTF-16 unit, and every other character to fewer
    // units than bytes. So this text is ASCII, and another decoder would return the same.
    if (typeof text === "string" && text.length === this.pos() - from && !text.includes(replacement)) return token
    const strict = utf8.decode(this.data.subarray(from, this.pos()))
    return new Cborg.Token(Cborg.Type.string, strict, token.encodedLength)
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

// Deterministic encoding (RFC 8949, 4.2.1), so that each test vector has exactly one encoding. All keys are text, and for
// text keys the default order of cborg, the shorter key first, is the order of the encoded bytes. Another sorter would
// disable the fast path of cborg for maps. `undefined` means an absent key.
const encodeOptions: Cborg.EncodeOptions = { ignoreUndefinedProperties: true }

/** Encodes a value in the deterministic encoding of RFC 8949. Keys and texts must be well-formed. */
export const encode = (value: unknown): Uint8Array => Cborg.encode(value, encodeOptions)
