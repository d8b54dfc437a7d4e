/**
 * Codec of the Coterie protocol in plain JavaScript: CBOR, frames, orders and hashes. It was written from
 * docs/protocol.md alone, whose chapters are named below. A hash is a BigInt, and a status is its number.
 */
import { isIPv4, isIPv6 } from "node:net"

/** Violation of the protocol that ends a connection, with the code of the Bye. */
export class ProtocolViolation extends Error {
  constructor(code, message = code) {
    super(message)
    this.code = code
  }
}
export const malformed = (message) => {
  throw new ProtocolViolation("malformed", message)
}

// Chapter 4, CBOR. Only hashes are sent as byte strings.

const u16 = (n) => Buffer.of(n >>> 8, n)
const u32 = (n) => Buffer.of(n >>> 24, n >>> 16, n >>> 8, n)
const u64 = (n) => Buffer.from(BigInt(n).toString(16).padStart(16, "0"), "hex")

const head = (major, n) => {
  const [info, bytes] =
    n < 24 ? [n, []] : n < 256 ? [24, [n]] : n < 2 ** 16 ? [25, u16(n)] : n < 2 ** 32 ? [26, u32(n)] : [27, u64(n)]
  return Buffer.of((major << 5) | info, ...bytes)
}
const encodeCbor = (value) => {
  if (typeof value === "number") return head(0, value)
  if (typeof value === "boolean") return Buffer.of(value ? 0xf5 : 0xf4)
  if (typeof value === "bigint") return Buffer.concat([head(2, 8), u64(value)])
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encodeCbor)])
  const pairs = Object.entries(value).filter(([, item]) => item !== undefined)
  const sorted = pairs.map((pair) => pair.map(encodeCbor)).sort(([a], [b]) => Buffer.compare(a, b))
  return Buffer.concat([head(5, pairs.length), ...sorted.flat()])
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const decodeText = (bytes) => {
  try {
    return utf8.decode(bytes)
  } catch {
    return malformed("text that is not UTF-8")
  }
}
const decodeCbor = (bytes) => {
  let at = 0
  const take = (n) => (n > bytes.length - at ? malformed("cut short") : bytes.subarray(at, (at += n)))
  const count = (info) => {
    if (info < 24) return info
    if (info > 27) malformed("an indefinite length")
    const n = Number(`0x${take(1 << (info - 24)).toString("hex")}`)
    const least = [24, 2 ** 8, 2 ** 16, 2 ** 32][info - 24]
    return n < least || n > Number.MAX_SAFE_INTEGER ? malformed("a number too large or not in its shortest form") : n
  }
  const item = (depth) => {
    const [first] = take(1)
    const major = first >> 5
    if (first >= 0xf4 && first <= 0xf6) return [false, true, null][first - 0xf4]
    if (major > 5) malformed("a tag, a float or another simple value")
    const n = count(first & 31)
    if (major === 0) return n
    if (major === 1) return n === Number.MAX_SAFE_INTEGER ? malformed("a number too low") : -1 - n
    if (major < 4) return major === 2 ? take(n) : decodeText(take(n))
    if (depth > 8) malformed("more than eight levels")
    const array = []
    const map = Object.create(null) // in it `__proto__` is an ordinary key
    for (let i = 0; i < n; i++) {
      const value = item(depth + 1)
      if (major === 4) array.push(value)
      else if (typeof value !== "string" || value in map) malformed("a key that is not text, or twice")
      else map[value] = item(depth + 1)
    }
    return major === 4 ? array : map
  }
  const value = item(1)
  return at < bytes.length ? malformed("bytes after the value") : value
}

// Chapter 4, bodies. A rule checks a decoded value and returns its meaning.

const that = (holds, what) => (v) => (holds(v) ? v : malformed(what))
const sized = (v, min, max) => typeof v === "string" && Buffer.byteLength(v) >= min && Buffer.byteLength(v) <= max
const isLine = (v, max) => sized(v, 1, max) && !/\p{Cc}/u.test(v)
export const isName = (v) => isLine(v, 128)
const isIPv6Host = (v) => {
  const [address, zone, ...more] = v.split("%")
  if (!isIPv6(address) || more.length > 0 || (zone !== undefined && !/^[a-z0-9._-]+$/.test(zone))) return false
  const mapped = /^::ffff:(.*\..*)$/.exec(address)
  if (mapped) return isIPv4(mapped[1]) && mapped[1] !== "0.0.0.0"
  const text = new URL(`http://[${address}]`).hostname
  return `[${address}]` === text && address !== "::" && !/^\[::ffff:[^:]+:[^:]+\]$/.test(text)
}
const isDnsHost = (v) =>
  v.replace(/\.$/, "").length <= 253 &&
  v
    .replace(/\.$/, "")
    .split(".")
    .every((label) => /^(?!.{64})[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(label)) &&
  !/(^|\.)(\d+|0x[0-9a-f]*)\.?$/.test(v)
export const isAddress = (v) => {
  const [, host = "", port] = /^(\S{1,254}):([1-9]\d{0,4})$/.exec(v) ?? []
  const [, ipv6] = /^\[(.{1,251})\]$/.exec(host) ?? []
  if (!(port < 65_536)) return false
  return ipv6 ? isIPv6Host(ipv6) : (isIPv4(host) && host !== "0.0.0.0") || isDnsHost(host)
}
const int = (min, max) => that((v) => Number.isInteger(v) && v >= min && v <= max, "a number out of bounds")
const text = (min, max) => that((v) => sized(v, min, max), "a text out of bounds")
const oneOf = (...values) => that((v) => values.includes(v), "none of the values")
const list = (max, each) => (v) =>
  Array.isArray(v) && v.length <= max ? v.map(each) : malformed("no list, or too long")
const distinct = (rule, nameOf) => (v) => {
  const items = rule(v)
  return new Set(items.map(nameOf)).size === items.length ? items : malformed("a name twice")
}
const isMap = (v) => typeof v === "object" && v !== null && Object.getPrototypeOf(v) === null
const map = (shape) => (v) => {
  const out = {}
  for (const [name, rule] of isMap(v) ? Object.entries(shape) : malformed("not a map")) {
    const key = name.replace("?", "")
    if (key in v) out[key] = rule(v[key])
    else if (key === name) malformed(`${key} is missing`)
  }
  return out
}

export const [ALIVE, SUSPECT, FAILED, LEFT] = [0, 1, 2, 3]
export const STATUS = ["alive", "suspect", "failed", "left"]
const [name, address] = [
  that(isName, "a bad name"),
  that((v) => typeof v === "string" && isAddress(v), "a bad address"),
]
const [version, lane, number, message] = [int(1, 65_535), int(1, 65_535), int(0, 2 ** 32 - 1), text(0, 512)]
const hash = (v) => (v instanceof Uint8Array && v.length === 8 ? v.readBigUInt64BE() : malformed("a bad hash"))
const metadata = (v) => {
  const texts = isMap(v) ? Object.entries(v).flat().map(text(0, 8192)) : malformed("metadata that is not a map")
  return texts.length <= 512 && Buffer.byteLength(texts.join("")) <= 8192 ? { ...v } : malformed("too much metadata")
}
const versions = { versionMin: version, versionMax: version }
const body = map({ addresses: list(8, address), metadata, ...versions, features: list(32, text(1, 64)) })
const generation = int(0, Number.MAX_SAFE_INTEGER)
/** Returns the fields of a record that decide which record is the greater. */
export const keyOf = ({ generation, incarnation, status }) => ({ generation, incarnation, status })
const key = { generation, incarnation: number, status: int(0, 3) }
const record = map({ name, ...key, body, "by?": name, "refused?": oneOf(true, false) })
const entry = (v) => {
  const [of, generation, incarnation, status, ...more] = Array.isArray(v) ? v : []
  const value = { __proto__: null, name: of, generation, incarnation, status }
  return more.length === 0 ? map({ name, ...key })(value) : malformed("a bad entry")
}
const format = that((v) => isLine(v, 64), "a bad format")
const opened = map({ lane, name, "format?": format, window: int(1024, 2 ** 32 - 1) })
const greeting = { record, instance: generation, viewHash: hash, window: number, linkTimeout: number }
const belief = { "youAre?": map(key) }
const refusals = oneOf("label", "version", "busy", "self", "denied", "duplicate", "stale")
const faults = ["oversize", "malformed", "creditExceeded", "laneUnknown", "unexpectedFrame", "rate"]
const endings = oneOf("left", "parted", "replaced", "duplicate", "superseded", "silent", "slow", "busy", ...faults)
const hello = {
  magic: oneOf("COTERIE"),
  ...versions,
  label: name,
  ...greeting,
  "join?": oneOf(true, false),
  linkEpoch: number,
  dialedAddress: address,
}
const BODIES = {
  Hello: [1, hello],
  HelloAck: [2, { version, ...greeting, observedHost: text(0, 253), ...belief }],
  HelloReject: [3, { code: refusals, message, "atLeastGeneration?": generation, "retryAfter?": number }],
  Ready: [4, { incarnation: number, viewHash: hash, ...belief }],
  Bye: [7, { code: endings, message }],
  Update: [16, { records: list(1024, record) }],
  YouAre: [17, key],
  SyncDigest: [18, { entries: distinct(list(4096, entry), (each) => each.name), last: oneOf(true, false) }],
  SyncDelta: [19, { records: list(1024, record), want: distinct(list(1024, name), (each) => each) }],
  Leave: [20, { generation }],
  LeaveAck: [21, { generation }],
  ProbeRequest: [22, { id: number, target: name, generation, deadline: number }],
  ProbeResult: [23, { id: number, verdict: oneOf("up", "down", "refused", "unknown") }],
  LaneOpen: [34, { lanes: list(1024, opened), last: oneOf(true, false) }],
  LaneClose: [35, { lane }],
  LaneClosed: [37, { lane }],
}
const KINDS = new Map(Object.entries(BODIES).map(([tag, [kind, shape]]) => [kind, [tag, map(shape)]]))

// Chapter 3, frames.

const [FIRST, LAST, ABORT, CONFIRM, TRACE] = [1, 2, 4, 8, 16]

const encodeBody = ({ _tag: tag, ...frame }) => {
  const { entries, first, last, abort, total, confirm, trace, payload } = frame
  if (tag === "Ping") return [5, u32(frame.seq), u64(frame.viewHash), u16(frame.lag)]
  if (tag === "Pong") return [6, u32(frame.seq), u64(frame.viewHash), u16(frame.lag)]
  if (tag === "Credit") return [33, u16(frame.lane), u32(frame.bytes)]
  if (tag === "Taken") return [36, u16(frame.lane), u32(frame.id)]
  if (tag !== "Data")
    return [BODIES[tag][0], encodeCbor(entries ? { ...frame, entries: entries.map(Object.values) } : frame)]
  const flags = [first, last, abort, confirm !== undefined, trace].reduce(
    (all, is, bit) => all | (is ? 1 << bit : 0),
    0,
  )
  const fields = [first && !last && u32(total), confirm !== undefined && u32(confirm), trace]
  return [32, u16(frame.lane), Buffer.of(flags), ...fields.filter(Boolean), payload]
}
export const encodeFrame = (frame) => {
  const [kind, ...parts] = encodeBody(frame)
  return Buffer.concat([u32(1 + Buffer.concat(parts).length), Buffer.of(kind), ...parts])
}

const decodeData = (bytes) => {
  const flags = bytes[2]
  const has = (flag) => (flags & flag) > 0
  if (!(flags < 32)) malformed("Data without flags, or with reserved ones")
  if (has(ABORT) && (flags !== ABORT || bytes.length > 3)) malformed("an abort with more")
  if (!has(FIRST) && (has(CONFIRM) || has(TRACE))) malformed("a later fragment with confirm or trace")
  const data = { _tag: "Data", lane: bytes.readUInt16BE(), first: has(FIRST), last: has(LAST), abort: has(ABORT) }
  let rest = bytes.subarray(3)
  const take = (n) => {
    if (n > rest.length) malformed("Data that ends before its payload")
    const field = rest.subarray(0, n)
    rest = rest.subarray(n)
    return field
  }
  if (data.first && !data.last) data.total = take(4).readUInt32BE()
  if (has(CONFIRM)) data.confirm = take(4).readUInt32BE()
  if (has(TRACE)) data.trace = take(25)
  if (rest.length > 65_536) throw new ProtocolViolation("oversize")
  if (data.total <= rest.length) malformed("a total that one fragment reaches")
  return { ...data, payload: rest }
}

const decodeFrame = (kind, bytes) => {
  if (kind === 5 || kind === 6) {
    if (bytes.length !== 14) malformed("a heartbeat of another size")
    const [seq, viewHash, lag] = [bytes.readUInt32BE(), bytes.readBigUInt64BE(4), bytes.readUInt16BE(12)]
    return { _tag: kind === 5 ? "Ping" : "Pong", seq, viewHash, lag }
  }
  if (kind === 33 || kind === 36) {
    if (bytes.length !== 6) malformed("Credit or Taken of another size")
    const [lane, n] = [bytes.readUInt16BE(), bytes.readUInt32BE(2)]
    return kind === 33 ? { _tag: "Credit", lane, bytes: n } : { _tag: "Taken", lane, id: n }
  }
  if (kind === 32) return decodeData(bytes)
  if (kind >= 128) return undefined
  if (!KINDS.has(kind)) throw new ProtocolViolation("unexpectedFrame")
  const [_tag, rule] = KINDS.get(kind)
  return { _tag, ...rule(decodeCbor(bytes)) }
}

/**
 * Splits a stream into frames. `budget` is the number of bytes allowed until the handshake is complete, then Infinity.
 */
export const makeReader = (budget = 16_384) => ({
  budget,
  rest: Buffer.alloc(0),
  *push(chunk) {
    this.rest = Buffer.concat([this.rest, chunk])
    while (this.rest.length >= 4) {
      const size = 4 + this.rest.readUInt32BE()
      if (size === 4) malformed("a length of 0")
      if (size > 4 + 262_208 || size > this.budget) throw new ProtocolViolation("oversize")
      if (this.rest.length < size) return
      const frame = decodeFrame(this.rest[4], this.rest.subarray(5, size))
      this.rest = this.rest.subarray(size)
      this.budget -= size
      if (frame !== undefined) yield frame
    }
  },
})

// Chapters 6 and 7, orders and hashes.

export const compareNames = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const rank = (key) => [key.generation, key.incarnation, key.status]
export const compareKeys = (a, b) =>
  rank(a)
    .map((n, i) => n - rank(b)[i])
    .find((n) => n !== 0) ?? 0
export const compareRecords = (a, b) => compareKeys(a, b) || Number(bodyHash(a.body) - bodyHash(b.body))

const mod = (h) => BigInt.asUintN(64, h)
const hashed = (text) => [u32(Buffer.byteLength(text)), Buffer.from(text)]
const hashOf = (...fields) => {
  let h = 0xcbf29ce484222325n
  for (const byte of Buffer.concat(fields.flat(2))) h = mod((h ^ BigInt(byte)) * 0x100000001b3n)
  h = mod((h ^ (h >> 33n)) * 0xff51afd7ed558ccdn)
  h = mod((h ^ (h >> 33n)) * 0xc4ceb9fe1a85ec53n)
  return h ^ (h >> 33n)
}
export const memberHash = (of) => hashOf(hashed(of.name), u64(of.generation), u32(of.incarnation))
export const bodyHash = ({ versionMin, versionMax, addresses, features, metadata }) => {
  const pairs = Object.entries(metadata).sort(([a], [b]) => compareNames(a, b))
  const lists = [addresses, features, pairs].flatMap((each) => [u32(each.length), each.flat().flatMap(hashed)])
  return hashOf(u32(versionMin), u32(versionMax), lists)
}
export const viewHash = (members) => members.reduce((sum, each) => (each.status < 2 ? sum ^ memberHash(each) : sum), 0n)
