/**
 * Table of all frames (docs/protocol.md, sections "Kinds", "Fixed bodies" and "Control frames"): the number of each
 * kind, and the reader and writer of the body of each control frame. Add a new control frame here and in
 * `protocol/Frame.ts`. The decoder, the encoder, the traffic counters and the metrics derive from the table. Only Data
 * has a separate layout, which the decoder and the encoder know.
 */
import * as Rec from "effect/Record"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { magic } from "../protocol/constants.ts"
import type * as Frame from "../protocol/Frame.ts"
import { clip, ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import * as Cbor from "./Cbor.ts"
import * as Schemas from "./ControlFrameSchemas.ts"
import { isU16, isU32 } from "./Layout.ts"

/** Control frames with a body of fixed layout. They are so frequent that CBOR would cost too much. */
export type FixedFrame = Frame.Ping | Frame.Pong | Frame.Credit | Frame.Taken

/** Control frames with a CBOR body. */
export type CborFrame = Exclude<Frame.ControlFrame, FixedFrame>

type FrameOf<Tag> = Extract<Frame.ControlFrame, { readonly _tag: Tag }>

/** Body of fixed layout. */
export interface FixedBody<F extends Frame.ControlFrame = Frame.ControlFrame> {
  readonly body: "fixed"
  readonly kind: number
  /** Name of the body in the message of a violation. */
  readonly name: string
  /** Size of the body. */
  readonly bytes: number
  // Methods make the body of one frame assignable to the body of the union. `bodyOf` pairs tag and body.
  read(view: DataView, at: number): F
  /** Writes the body. Throws a `RangeError` if a field is out of bounds. */
  write(frame: F, view: DataView, at: number): void
}

/** Body in CBOR. */
export interface CborBody<F extends Frame.ControlFrame = Frame.ControlFrame> {
  readonly body: "cbor"
  readonly kind: number
  /** Decodes the body. Never throws. The bytes must be a plain `Uint8Array`, and the frame keeps no view of them. */
  read(bytes: Uint8Array): F | ProtocolViolation
  /** Returns the bytes of the body. Throws a `RangeError` if a field is out of bounds. */
  write(frame: F): Uint8Array
}

/** Maximum length of the quote of a peer in a violation. */
const maxQuote = 80

const cannotSend = (tag: string, why: string): never => {
  throw new RangeError(`${tag} cannot be sent: ${why}`)
}

// --- fixed bodies ---

/** `seq u32 | viewHash u64 | lag u16`. */
const heartbeat = <Tag extends "Ping" | "Pong">(kind: number, tag: Tag) => ({
  body: "fixed" as const,
  kind,
  name: "heartbeat",
  bytes: 14,
  read: (view: DataView, at: number) => ({
    _tag: tag,
    seq: view.getUint32(at),
    viewHash: view.getBigUint64(at + 4),
    lag: view.getUint16(at + 12),
  }),
  write: ({ lag, seq, viewHash }: Omit<Frame.Ping, "_tag">, view: DataView, at: number): void => {
    if (!isU32(seq) || !isU16(lag)) cannotSend(tag, "seq is 32 bits and lag 16")
    view.setUint32(at, seq)
    view.setBigUint64(at + 4, viewHash)
    view.setUint16(at + 12, lag)
  },
})

/** `lane u16 | bytes u32`. */
const credit: FixedBody<Frame.Credit> = {
  body: "fixed",
  kind: 33,
  name: "Credit",
  bytes: 6,
  read: (view, at) => ({ _tag: "Credit", lane: view.getUint16(at), bytes: view.getUint32(at + 2) }),
  write: ({ _tag, bytes, lane }, view, at) => {
    if (!isU16(lane) || !isU32(bytes)) cannotSend(_tag, "lane is 16 bits and bytes 32")
    view.setUint16(at, lane)
    view.setUint32(at + 2, bytes)
  },
}

/** `lane u16 | id u32`. */
const taken: FixedBody<Frame.Taken> = {
  body: "fixed",
  kind: 36,
  name: "Taken",
  bytes: 6,
  read: (view, at) => ({ _tag: "Taken", lane: view.getUint16(at), id: view.getUint32(at + 2) }),
  write: ({ _tag, id, lane }, view, at) => {
    if (!isU16(lane) || !isU32(id)) cannotSend(_tag, "lane is 16 bits and id 32")
    view.setUint16(at, lane)
    view.setUint32(at + 2, id)
  },
}

// --- CBOR bodies ---

const malformed = (tag: string, why: string): ProtocolViolation =>
  new ProtocolViolation("malformed", `${tag}: ${clip(why, maxQuote)}`)

/** Returns the body of a frame whose CBOR map the schema describes. */
const cbor = <Tag extends CborFrame["_tag"], S extends Schema.Codec<object, unknown>>(
  kind: number,
  tag: Tag,
  schema: S,
) => {
  const decode = Schema.decodeUnknownResult(schema)
  const encode = Schema.encodeResult(schema)
  return {
    body: "cbor" as const,
    kind,
    read: (bytes: Uint8Array): ({ readonly _tag: Tag } & S["Type"]) | ProtocolViolation => {
      try {
        const fields = decode(Cbor.decode(bytes))
        return Result.isSuccess(fields) ? { _tag: tag, ...fields.success } : malformed(tag, fields.failure.message)
      } catch (error) {
        return malformed(tag, error instanceof Error ? error.message : "not CBOR")
      }
    },
    write: (frame: S["Type"]): Uint8Array => {
      const fields = encode(frame)
      return Result.isSuccess(fields) ? Cbor.encode(fields.success) : cannotSend(tag, fields.failure.message)
    },
  }
}

const hello = cbor(1, "Hello", Schemas.Hello)

/** All control frames. Kind 0 is never used. */
const controlBodies: {
  readonly [Tag in FixedFrame["_tag"]]: FixedBody<FrameOf<Tag>>
} & {
  readonly [Tag in CborFrame["_tag"]]: CborBody<FrameOf<Tag>>
} = {
  Hello: {
    ...hello,
    // The constant `magic` is on the wire, but not in the frame value.
    read: (bytes) => {
      const frame = hello.read(bytes)
      if (frame instanceof ProtocolViolation) return frame
      const { magic: _, ...fields } = frame
      return fields
    },
    write: (frame) => hello.write({ ...frame, magic }),
  },
  HelloAck: cbor(2, "HelloAck", Schemas.HelloAck),
  HelloReject: cbor(3, "HelloReject", Schemas.HelloReject),
  Ready: cbor(4, "Ready", Schemas.Ready),
  Ping: heartbeat(5, "Ping"),
  Pong: heartbeat(6, "Pong"),
  Bye: cbor(7, "Bye", Schemas.Bye),
  Update: cbor(16, "Update", Schemas.Update),
  YouAre: cbor(17, "YouAre", Schemas.YouAre),
  SyncDigest: cbor(18, "SyncDigest", Schemas.SyncDigest),
  SyncDelta: cbor(19, "SyncDelta", Schemas.SyncDelta),
  Leave: cbor(20, "Leave", Schemas.Leave),
  LeaveAck: cbor(21, "LeaveAck", Schemas.LeaveAck),
  ProbeRequest: cbor(22, "ProbeRequest", Schemas.ProbeRequest),
  ProbeResult: cbor(23, "ProbeResult", Schemas.ProbeResult),
  Credit: credit,
  LaneOpen: cbor(34, "LaneOpen", Schemas.LaneOpen),
  LaneClose: cbor(35, "LaneClose", Schemas.LaneClose),
  Taken: taken,
  LaneClosed: cbor(37, "LaneClosed", Schemas.LaneClosed),
}

/** Body of a control frame. */
export type ControlBody = FixedBody | CborBody

/** Kind of Data. */
export const dataKind = 32

/** Number of each kind. */
export const kinds: { readonly [Tag in Frame.Frame["_tag"]]: number } = {
  Data: dataKind,
  ...Rec.map(controlBodies, ({ kind }) => kind),
}

const bodies: { readonly [Tag in Frame.ControlFrame["_tag"]]: ControlBody } = controlBodies

/** Control bodies, at the index of their kind. */
const bodiesByKind: ReadonlyArray<ControlBody | undefined> = Array.from(
  { length: Math.max(...Object.values(kinds)) + 1 },
  (_, kind) => Object.values(bodies).find((body) => body.kind === kind),
)

/** Returns the body of a control frame. */
export const bodyOf = (tag: Frame.ControlFrame["_tag"]): ControlBody => bodies[tag]

/** Returns the body of the control frame of this kind, or `undefined` for an unknown kind. */
export const bodyOfKind = (kind: number): ControlBody | undefined => bodiesByKind[kind]
