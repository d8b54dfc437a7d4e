/**
 * The frames whose body is a CBOR map: everything but heartbeats, data and credit. One schema per frame says
 * what its map may hold, in both directions, so that nothing out of bounds comes in and nothing goes out that
 * another peer would refuse (docs/protocol.md, section "Control frames").
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Address from "../Address.ts"
import * as Frame from "../protocol/Frame.ts"
import { maxHostLength } from "../internal/hosts.ts"
import { minWindow } from "../Limits.ts"
import * as PeerName from "../protocol/PeerName.ts"
import * as PeerRecord from "../protocol/PeerRecord.ts"
import * as Cbor from "./Cbor.ts"
import * as Layout from "./Layout.ts"
import * as ProtocolViolation from "../protocol/ProtocolViolation.ts"

/** In every Hello: a stranger that speaks some other CBOR protocol is told apart from a broken peer. */
export const magic = "COTERIE"

/** The longest cluster label, in bytes: it is a name, and as long as one. */
export const maxLabelBytes = PeerName.maxNameBytes

/** The longest name of a feature, in bytes: enough for a reversed domain name and a version. */
export const maxFeatureBytes = 64

/**
 * The most pairs of metadata. The limit in bytes does not count the heads of keys and values, and thousands of
 * tiny pairs would make a record that its owner's Hello, limited to 16 KiB, cannot carry.
 */
export const maxMetadataPairs = 256

/** The longest explanation in a HelloReject or Bye, in bytes: a line of a log, not a document. */
export const maxMessageBytes = 512

/** The longest observed host: the longest DNS name. */
export const maxObservedHostBytes = maxHostLength

/** The most records in one frame. It bounds the work of one frame; the length of the frame mostly ends it earlier. */
export const maxRecords = 1024

/** The most entries of one chunk of a digest: what fits the largest frame with names of usual length. */
export const maxDigestEntries = 4096

/** The most names that one frame may ask for: as many as one frame may answer. */
export const maxWant = maxRecords

/** The most lanes that one frame may open; more go in several. */
export const maxOpenedLanes = 1024

/** The greatest version number: a version is 16 bits. */
export const maxVersion = 0xffff

const maxU32 = 0xffff_ffff
const maxU64 = 0xffff_ffff_ffff_ffffn

// --- fields ---

const utf8 = new TextEncoder()

// A string is never shorter in bytes than in units, so a long one is refused before it is copied.
const longerThan = (text: string, maxBytes: number): boolean =>
  text.length > maxBytes || utf8.encode(text).length > maxBytes

const uint = (minimum: number, maximum: number) =>
  Schema.Number.check(
    Schema.makeFilter(
      (n: number) =>
        (Number.isInteger(n) && n >= minimum && n <= maximum) || `expected an integer from ${minimum} to ${maximum}`,
    ),
  )

const text = (minBytes: number, maxBytes: number) =>
  Schema.String.check(
    Schema.makeFilter((s: string) => {
      if (s.length < minBytes) return "must not be empty"
      if (longerThan(s, maxBytes)) return `at most ${maxBytes} bytes of UTF-8`
      return s.isWellFormed() || "must be well-formed Unicode"
    }),
  )

const atMost = (count: number) =>
  Schema.makeFilter((items: ReadonlyArray<unknown>) => items.length <= count || `at most ${count} entries`, {}, true)

/** An array whose length is checked before its items are looked at. */
const list = <S extends Schema.Constraint>(item: S, count: number) =>
  Schema.Array(Schema.Unknown)
    .check(atMost(count))
    .pipe(Schema.decodeTo(Schema.Array(item).check(atMost(count))))

const Name = Schema.String.check(Schema.makeFilter(PeerName.nameProblem))

const CanonicalAddress = Schema.String.pipe(
  Schema.refine(Address.isAddress, { message: "not an address in canonical form" }),
)

const Generation = uint(0, PeerName.maxGeneration)

const Incarnation = uint(0, PeerRecord.maxIncarnation)

const Version = uint(1, maxVersion)

const U32 = uint(0, maxU32)

const hashBytes = 8

/** A 64-bit hash: eight bytes on the wire, because not every CBOR library has integers beyond 2^53. */
const Hash = Schema.Uint8Array.check(
  Schema.makeFilter((bytes: Uint8Array) => bytes.length === hashBytes || `expected ${hashBytes} bytes`),
).pipe(
  Schema.decodeTo(
    Schema.BigInt.check(Schema.makeFilter((n: bigint) => (n >= 0n && n <= maxU64) || "expected 64 bits")),
    {
      decode: SchemaGetter.transform((bytes) =>
        new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0),
      ),
      encode: SchemaGetter.transform((n) => {
        const bytes = new Uint8Array(hashBytes)
        new DataView(bytes.buffer).setBigUint64(0, n)
        return bytes
      }),
    },
  ),
)

/** A status by its rank. */
const Status = uint(0, PeerRecord.statusOfRank.length - 1).pipe(
  Schema.decodeTo(Schema.Literals(["alive", "suspect", "failed", "left"]), {
    decode: SchemaGetter.transform((rank) => PeerRecord.statusOfRank[rank] ?? "alive"),
    encode: SchemaGetter.transform((status) => PeerRecord.rank[status]),
  }),
)

const metadataProblem = (metadata: Readonly<Record<string, string>>): string | undefined => {
  const pairs = Object.entries(metadata)
  if (pairs.length > maxMetadataPairs) return `at most ${maxMetadataPairs} pairs of metadata`
  let bytes = 0
  for (const [key, value] of pairs) {
    if (!key.isWellFormed() || !value.isWellFormed()) return "metadata must be well-formed Unicode"
    bytes += key.length + value.length
  }
  return bytes > PeerRecord.maxMetadataBytes || PeerRecord.metadataBytes(metadata) > PeerRecord.maxMetadataBytes
    ? `at most ${PeerRecord.maxMetadataBytes} bytes of metadata`
    : undefined
}

const Body = Schema.Struct({
  addresses: list(CanonicalAddress, PeerRecord.maxAddresses),
  metadata: Schema.Record(Schema.String, Schema.String).check(Schema.makeFilter(metadataProblem)),
  versionMin: Version,
  versionMax: Version,
  features: list(text(1, maxFeatureBytes), PeerRecord.maxFeatures),
})

const Record = Schema.Struct({
  name: Name,
  generation: Generation,
  incarnation: Incarnation,
  status: Status,
  body: Body,
  by: Schema.optional(Name),
  refused: Schema.optional(Schema.Boolean),
})

const beliefFields = { generation: Generation, incarnation: Incarnation, status: Status }

const Belief = Schema.Struct(beliefFields)

/** A line of a digest, without keys because there are many of them. */
const DigestEntry = Schema.Tuple([Name, Generation, Incarnation, Status]).pipe(
  Schema.decodeTo(
    Schema.Struct({
      name: Schema.String,
      generation: Schema.Number,
      incarnation: Schema.Number,
      status: Schema.Literals(["alive", "suspect", "failed", "left"]),
    }),
    {
      decode: SchemaGetter.transform(([name, generation, incarnation, status]) => ({
        name,
        generation,
        incarnation,
        status,
      })),
      encode: SchemaGetter.transform(
        ({ name, generation, incarnation, status }) => [name, generation, incarnation, status] as const,
      ),
    },
  ),
)

// --- frames ---

const Hello = Schema.Struct({
  magic: Schema.Literal(magic),
  versionMin: Version,
  versionMax: Version,
  label: Name,
  record: Record,
  linkEpoch: U32,
  dialedAddress: CanonicalAddress,
  join: Schema.optional(Schema.Boolean),
  viewHash: Hash,
  window: U32,
})

const HelloAck = Schema.Struct({
  version: Version,
  record: Record,
  viewHash: Hash,
  window: U32,
  observedHost: text(0, maxObservedHostBytes),
  youAre: Schema.optional(Belief),
})

const HelloReject = Schema.Struct({
  code: Schema.Literals(Frame.rejectCodes),
  message: text(0, maxMessageBytes),
  atLeastGeneration: Schema.optional(Generation),
  retryAfter: Schema.optional(U32),
})

const Ready = Schema.Struct({ incarnation: Incarnation, viewHash: Hash, youAre: Schema.optional(Belief) })

const Bye = Schema.Struct({ code: Schema.Literals(Frame.byeCodes), message: text(0, maxMessageBytes) })

const Update = Schema.Struct({ records: list(Record, maxRecords) })

const YouAre = Schema.Struct(beliefFields)

const ProbeRequest = Schema.Struct({ id: U32, target: Name, generation: Generation, deadline: U32 })

const ProbeResult = Schema.Struct({ id: U32, verdict: Schema.Literals(Frame.verdicts) })

const SyncDigest = Schema.Struct({ entries: list(DigestEntry, maxDigestEntries), last: Schema.Boolean })

const SyncDelta = Schema.Struct({ records: list(Record, maxRecords), want: list(Name, maxWant) })

const Leave = Schema.Struct({ generation: Generation })

const LeaveAck = Schema.Struct({ generation: Generation })

const LaneNumber = uint(1, 0xffff)

const LaneOpen = Schema.Struct({
  lanes: list(Schema.Struct({ lane: LaneNumber, name: Name, window: uint(minWindow, maxU32) }), maxOpenedLanes),
  last: Schema.Boolean,
})

const LaneClose = Schema.Struct({ lane: LaneNumber })

const LaneClosed = Schema.Struct({ lane: LaneNumber })

// --- decoding ---

/** The frames with a CBOR body. */
export type CborFrame = Exclude<Frame.Frame, Frame.Ping | Frame.Pong | Frame.Credit | Frame.Taken | Frame.Data>

type Decoder = (body: unknown) => Result.Result<CborFrame, Schema.SchemaError>

const decodeHello = Schema.decodeUnknownResult(Hello)
const decodeHelloAck = Schema.decodeUnknownResult(HelloAck)
const decodeHelloReject = Schema.decodeUnknownResult(HelloReject)
const decodeReady = Schema.decodeUnknownResult(Ready)
const decodeBye = Schema.decodeUnknownResult(Bye)
const decodeUpdate = Schema.decodeUnknownResult(Update)
const decodeYouAre = Schema.decodeUnknownResult(YouAre)
const decodeProbeRequest = Schema.decodeUnknownResult(ProbeRequest)
const decodeProbeResult = Schema.decodeUnknownResult(ProbeResult)
const decodeSyncDigest = Schema.decodeUnknownResult(SyncDigest)
const decodeSyncDelta = Schema.decodeUnknownResult(SyncDelta)
const decodeLeave = Schema.decodeUnknownResult(Leave)
const decodeLeaveAck = Schema.decodeUnknownResult(LeaveAck)
const decodeLaneOpen = Schema.decodeUnknownResult(LaneOpen)
const decodeLaneClose = Schema.decodeUnknownResult(LaneClose)
const decodeLaneClosed = Schema.decodeUnknownResult(LaneClosed)

const withoutMagic = ({ magic: _, ...fields }: typeof Hello.Type): Frame.Hello => ({ _tag: "Hello", ...fields })

const decoders: { readonly [Tag in CborFrame["_tag"]]: Decoder } = {
  Hello: (body) => Result.map(decodeHello(body), withoutMagic),
  HelloAck: (body) => Result.map(decodeHelloAck(body), (fields): Frame.HelloAck => ({ _tag: "HelloAck", ...fields })),
  HelloReject: (body) =>
    Result.map(decodeHelloReject(body), (fields): Frame.HelloReject => ({ _tag: "HelloReject", ...fields })),
  Ready: (body) => Result.map(decodeReady(body), (fields): Frame.Ready => ({ _tag: "Ready", ...fields })),
  Bye: (body) => Result.map(decodeBye(body), (fields): Frame.Bye => ({ _tag: "Bye", ...fields })),
  Update: (body) => Result.map(decodeUpdate(body), (fields): Frame.Update => ({ _tag: "Update", ...fields })),
  YouAre: (body) => Result.map(decodeYouAre(body), (fields): Frame.YouAre => ({ _tag: "YouAre", ...fields })),
  ProbeRequest: (body) =>
    Result.map(decodeProbeRequest(body), (fields): Frame.ProbeRequest => ({ _tag: "ProbeRequest", ...fields })),
  ProbeResult: (body) =>
    Result.map(decodeProbeResult(body), (fields): Frame.ProbeResult => ({ _tag: "ProbeResult", ...fields })),
  SyncDigest: (body) =>
    Result.map(decodeSyncDigest(body), (fields): Frame.SyncDigest => ({ _tag: "SyncDigest", ...fields })),
  SyncDelta: (body) =>
    Result.map(decodeSyncDelta(body), (fields): Frame.SyncDelta => ({ _tag: "SyncDelta", ...fields })),
  Leave: (body) => Result.map(decodeLeave(body), (fields): Frame.Leave => ({ _tag: "Leave", ...fields })),
  LeaveAck: (body) => Result.map(decodeLeaveAck(body), (fields): Frame.LeaveAck => ({ _tag: "LeaveAck", ...fields })),
  LaneOpen: (body) => Result.map(decodeLaneOpen(body), (fields): Frame.LaneOpen => ({ _tag: "LaneOpen", ...fields })),
  LaneClose: (body) =>
    Result.map(decodeLaneClose(body), (fields): Frame.LaneClose => ({ _tag: "LaneClose", ...fields })),
  LaneClosed: (body) =>
    Result.map(decodeLaneClosed(body), (fields): Frame.LaneClosed => ({ _tag: "LaneClosed", ...fields })),
}

/** The CBOR frames by the number of their kind. */
const tagOfKind: ReadonlyMap<number, CborFrame["_tag"]> = new Map([
  [Layout.kinds.Hello, "Hello"],
  [Layout.kinds.HelloAck, "HelloAck"],
  [Layout.kinds.HelloReject, "HelloReject"],
  [Layout.kinds.Ready, "Ready"],
  [Layout.kinds.Bye, "Bye"],
  [Layout.kinds.Update, "Update"],
  [Layout.kinds.YouAre, "YouAre"],
  [Layout.kinds.SyncDigest, "SyncDigest"],
  [Layout.kinds.SyncDelta, "SyncDelta"],
  [Layout.kinds.Leave, "Leave"],
  [Layout.kinds.LeaveAck, "LeaveAck"],
  [Layout.kinds.ProbeRequest, "ProbeRequest"],
  [Layout.kinds.ProbeResult, "ProbeResult"],
  [Layout.kinds.LaneOpen, "LaneOpen"],
  [Layout.kinds.LaneClose, "LaneClose"],
  [Layout.kinds.LaneClosed, "LaneClosed"],
])

/** How much of what the other side sent an error may quote. */
const maxQuote = 80

/** Whether the kind has a CBOR body. */
export const isCborKind = (kind: number): boolean => tagOfKind.has(kind)

/** The frame in a body. Never throws. The body must be a plain `Uint8Array`, and nothing keeps a view of it. */
export const decode = (kind: number, body: Uint8Array): CborFrame | ProtocolViolation.ProtocolViolation => {
  const tag = tagOfKind.get(kind)
  if (tag === undefined) return ProtocolViolation.make("unexpectedFrame", `kind ${kind} has no CBOR body`)
  try {
    const decoded = decoders[tag](Cbor.decode(body))
    return Result.isSuccess(decoded)
      ? decoded.success
      : ProtocolViolation.make("malformed", `${tag}: ${ProtocolViolation.clip(decoded.failure.message, maxQuote)}`)
  } catch (error) {
    const why = error instanceof Error ? error.message : "not CBOR"
    return ProtocolViolation.make("malformed", `${tag}: ${ProtocolViolation.clip(why, maxQuote)}`)
  }
}

// --- encoding ---

const encodeHello = Schema.encodeResult(Hello)
const encodeHelloAck = Schema.encodeResult(HelloAck)
const encodeHelloReject = Schema.encodeResult(HelloReject)
const encodeReady = Schema.encodeResult(Ready)
const encodeBye = Schema.encodeResult(Bye)
const encodeUpdate = Schema.encodeResult(Update)
const encodeYouAre = Schema.encodeResult(YouAre)
const encodeProbeRequest = Schema.encodeResult(ProbeRequest)
const encodeProbeResult = Schema.encodeResult(ProbeResult)
const encodeSyncDigest = Schema.encodeResult(SyncDigest)
const encodeSyncDelta = Schema.encodeResult(SyncDelta)
const encodeLeave = Schema.encodeResult(Leave)
const encodeLeaveAck = Schema.encodeResult(LeaveAck)
const encodeLaneOpen = Schema.encodeResult(LaneOpen)
const encodeLaneClose = Schema.encodeResult(LaneClose)
const encodeLaneClosed = Schema.encodeResult(LaneClosed)

const toBody = (frame: CborFrame): Result.Result<unknown, Schema.SchemaError> => {
  switch (frame._tag) {
    case "Hello":
      return encodeHello({ ...frame, magic })
    case "HelloAck":
      return encodeHelloAck(frame)
    case "HelloReject":
      return encodeHelloReject(frame)
    case "Ready":
      return encodeReady(frame)
    case "Bye":
      return encodeBye(frame)
    case "Update":
      return encodeUpdate(frame)
    case "YouAre":
      return encodeYouAre(frame)
    case "ProbeRequest":
      return encodeProbeRequest(frame)
    case "ProbeResult":
      return encodeProbeResult(frame)
    case "SyncDigest":
      return encodeSyncDigest(frame)
    case "SyncDelta":
      return encodeSyncDelta(frame)
    case "Leave":
      return encodeLeave(frame)
    case "LeaveAck":
      return encodeLeaveAck(frame)
    case "LaneOpen":
      return encodeLaneOpen(frame)
    case "LaneClose":
      return encodeLaneClose(frame)
    case "LaneClosed":
      return encodeLaneClosed(frame)
  }
}

/**
 * The body of a frame. Throws a `RangeError` if a field is out of bounds: the floors above check what users
 * give them, so that is a defect there, and better found here than by every other peer.
 */
export const encode = (frame: CborFrame): Uint8Array => {
  const body = toBody(frame)
  if (Result.isFailure(body)) throw new RangeError(`${frame._tag} cannot be sent: ${body.failure.message}`)
  return Cbor.encode(body.success)
}

/** Cuts an explanation to what a HelloReject or Bye may carry. */
export const clipMessage = (message: string): string => {
  const wellFormed = message.toWellFormed()
  if (!longerThan(wellFormed, maxMessageBytes)) return wellFormed
  const bytes = new Uint8Array(maxMessageBytes)
  const { read } = utf8.encodeInto(wellFormed, bytes)
  return wellFormed.slice(0, read)
}
