/**
 * Messages between the instances of an owned map (docs/state.md, section "Messages"). The name of the lane is the name
 * of the map, and the format of the lane is the version of these messages.
 */
import * as Result from "effect/Result"
import { hashOf } from "./hash.ts"
import { type Packed, unpackInto } from "./packed.ts"

/** Format of the lanes of owned maps. Peers with another format refuse each other. */
export const format = "coterie.state.1"

/** Largest number of a message. */
const maxNumber = Number.MAX_SAFE_INTEGER

/** Asks the receiver for its entries, and for all later changes. */
export interface Want {
  readonly _tag: "Want"
  /** Number that the answers repeat. */
  readonly nonce: number
  /** Epoch of the receiver whose entries the sender has. 0 if it has none. */
  readonly epoch: number
  /** Version of the entries that the sender has. 0 if it has none. */
  readonly version: number
  /** Maximum number of bytes of a message that the sender accepts. Any number if it is absent. */
  readonly messageBytes?: number
}

/** One change of one key. */
export interface Item {
  readonly key: string
  /** Encoded value. `undefined` if the key was removed. */
  readonly value: Packed | undefined
  /** Hash of the key and the value, as a signed integer. 0 if the key was removed. */
  readonly hash: number
  /** Number of bytes of the key and the value. */
  readonly bytes: number
}

/** Number of entries of an owner, and the XOR of their hashes as an unsigned integer. */
export interface Sum {
  readonly count: number
  readonly check: number
}

/** A part of a batch, which takes the receiver from one version of the sender's entries to a later one. */
export interface Part {
  readonly _tag: "Part"
  readonly nonce: number
  /** Epoch of the sender. */
  readonly epoch: number
  /** Version at which the batch begins. `undefined` if the batch has all entries. */
  readonly from: number | undefined
  /** Version at which the batch ends. */
  readonly to: number
  /** Position of this part in the batch, from 0. */
  readonly index: number
  /** Sum of the entries at the version `to`, in the last part of a batch. */
  readonly end: Sum | undefined
  readonly items: ReadonlyArray<Item>
}

/** Asks the receiver to send no more parts. */
export interface Stop {
  readonly _tag: "Stop"
}

export type Message = Want | Part | Stop

const kinds = { Want: 1, Part: 2, Stop: 3 } as const
const flags = { full: 1, last: 2 } as const
const itemKinds = { set: 1, remove: 2 } as const

/** Upper bound of the bytes of an item beside its key and its value. */
export const itemOverhead = 1 + 5 + 5

/** Upper bound of the bytes of a part beside its items: its kind, its flags, six numbers, and a check of 32 bits. */
export const partOverhead = 2 + 6 * 8 + 5

/** Smallest `messageBytes` of a node. It has room for a shared value of two kilobytes. */
export const minMessageBytes = 4_096

/** Returns the maximum number of bytes of the key and the value of an item in a message of this size. */
export const maxItemBytes = (messageBytes: number): number => messageBytes - partOverhead - itemOverhead

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Makes an item that sets a key. */
export const setItem = (key: string, value: Uint8Array): Item => {
  const bytes = utf8.encode(key)
  return { key, value, hash: hashOf(bytes, value), bytes: bytes.length + value.length }
}

/** Makes an item that removes a key. */
export const removeItem = (key: string): Item => ({
  key,
  value: undefined,
  hash: 0,
  bytes: utf8.encode(key).length,
})

/** Buffer that grows while a message is encoded. */
class Writer {
  private bytes: Uint8Array
  private length = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
  }

  private grow(size: number): void {
    if (this.length + size <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.length + size))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  byte(value: number): void {
    this.grow(1)
    this.bytes[this.length++] = value
  }

  /** Writes a number as unsigned LEB128. */
  number(value: number): void {
    this.grow(8)
    let rest = value
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.bytes[this.length++] = rest
  }

  block(value: Packed): void {
    this.number(value.length)
    this.grow(value.length)
    unpackInto(value, this.bytes, this.length)
    this.length += value.length
  }

  end(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }
}

const writePart = (part: Part): Uint8Array => {
  const writer = new Writer(part.items.reduce((sum, { bytes }) => sum + bytes + itemOverhead, partOverhead))
  writer.byte(kinds.Part)
  writer.number(part.epoch)
  writer.number(part.nonce)
  writer.byte((part.from === undefined ? flags.full : 0) | (part.end === undefined ? 0 : flags.last))
  if (part.from !== undefined) writer.number(part.from)
  writer.number(part.to)
  writer.number(part.index)
  if (part.end !== undefined) {
    writer.number(part.end.count)
    writer.number(part.end.check)
  }
  for (const { key, value } of part.items) {
    writer.byte(value === undefined ? itemKinds.remove : itemKinds.set)
    writer.block(utf8.encode(key))
    if (value !== undefined) writer.block(value)
  }
  return writer.end()
}

/** Encodes a message. */
export const encode = (message: Message): Uint8Array => {
  if (message._tag === "Part") return writePart(message)
  const writer = new Writer(32)
  writer.byte(kinds[message._tag])
  if (message._tag === "Want") {
    for (const number of [message.nonce, message.epoch, message.version]) writer.number(number)
    if (message.messageBytes !== undefined) writer.number(message.messageBytes)
  }
  return writer.end()
}

/** Reports bytes that are no message. */
class Malformed extends Error {}

/** Position in the bytes of a message. */
class Reader {
  private readonly bytes: Uint8Array
  private at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length
  }

  byte(what: string): number {
    const byte = this.bytes[this.at]
    if (byte === undefined) throw new Malformed(`ends before ${what}`)
    this.at++
    return byte
  }

  number(what: string): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.byte(what)
      value += (byte & 0x7f) * scale
      if (value > maxNumber) break
      if (byte < 0x80) return value
      scale *= 0x80
    }
    throw new Malformed(`${what} exceeds 2^53 - 1`)
  }

  block(what: string): Uint8Array {
    const length = this.number(`the length of ${what}`)
    if (length > this.bytes.length - this.at) throw new Malformed(`ends before the end of ${what}`)
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

const readItem = (reader: Reader): Item => {
  const kind = reader.byte("an item")
  if (kind !== itemKinds.set && kind !== itemKinds.remove) throw new Malformed(`item of the unknown kind ${kind}`)
  const key = reader.block("a key")
  let text: string
  try {
    text = strictUtf8.decode(key)
  } catch {
    throw new Malformed("a key is not UTF-8")
  }
  if (kind === itemKinds.remove) return { key: text, value: undefined, hash: 0, bytes: key.length }
  const value = reader.block("a value")
  return { key: text, value, hash: hashOf(key, value), bytes: key.length + value.length }
}

const readPart = (reader: Reader): Part => {
  const epoch = reader.number("epoch")
  const nonce = reader.number("nonce")
  const bits = reader.byte("flags")
  if ((bits & ~(flags.full | flags.last)) !== 0) throw new Malformed(`unknown flags ${bits}`)
  const from = (bits & flags.full) === 0 ? reader.number("from") : undefined
  const to = reader.number("to")
  const index = reader.number("index")
  const end = (bits & flags.last) === 0 ? undefined : { count: reader.number("count"), check: reader.number("check") }
  const items: Array<Item> = []
  while (!reader.isAtEnd) items.push(readItem(reader))
  return { _tag: "Part", nonce, epoch, from, to, index, end, items }
}

const read = (reader: Reader): Message => {
  const kind = reader.byte("the kind")
  if (kind === kinds.Part) return readPart(reader)
  if (kind !== kinds.Want && kind !== kinds.Stop) throw new Malformed(`unknown kind ${kind}`)
  const message: Message =
    kind === kinds.Stop
      ? { _tag: "Stop" }
      : {
          _tag: "Want",
          nonce: reader.number("nonce"),
          epoch: reader.number("epoch"),
          version: reader.number("version"),
          ...(reader.isAtEnd ? {} : { messageBytes: reader.number("messageBytes") }),
        }
  if (!reader.isAtEnd) throw new Malformed("has bytes after its end")
  return message
}

/** Decodes a message, or returns the reason why the bytes are none. Values share the memory of the bytes. */
export const decode = (bytes: Uint8Array): Result.Result<Message, string> => {
  try {
    return Result.succeed(read(new Reader(bytes)))
  } catch (error) {
    if (error instanceof Malformed) return Result.fail(error.message)
    throw error
  }
}
