/** Fields that order the records of a name. A status is its number. */
export interface Key {
  readonly generation: number
  readonly incarnation: number
  readonly status: number
}
export interface Body {
  readonly addresses: ReadonlyArray<string>
  readonly metadata: Readonly<Record<string, string>>
  readonly versionMin: number
  readonly versionMax: number
  readonly features: ReadonlyArray<string>
}
export interface Member extends Key {
  readonly name: string
}
export interface PeerRecord extends Member {
  readonly body: Body
  readonly by?: string
}
/** Frame with the fields of the vectors and `magic`. Hashes are BigInts, statuses are numbers, payloads are bytes. */
export interface Frame {
  readonly _tag: string
  readonly [field: string]: unknown
}
export interface Reader {
  budget: number
  readonly push: (chunk: Uint8Array) => Generator<Frame, void>
}

export declare class ProtocolViolation extends Error {
  readonly code: string
  constructor(code: string, message?: string)
}
export declare const ALIVE: number
export declare const SUSPECT: number
export declare const FAILED: number
export declare const LEFT: number
export declare const STATUS: ReadonlyArray<string>
export declare const malformed: (message: string) => never
export declare const isName: (text: string) => boolean
export declare const isAddress: (text: string) => boolean
export declare const keyOf: (key: Key) => Key
export declare const encodeFrame: (frame: Frame) => Uint8Array
export declare const makeReader: (budget?: number) => Reader
export declare const compareNames: (a: string, b: string) => number
export declare const compareKeys: (a: Key, b: Key) => number
export declare const compareRecords: (a: PeerRecord, b: PeerRecord) => number
export declare const memberHash: (member: Omit<Member, "status">) => bigint
export declare const bodyHash: (body: Body) => bigint
export declare const viewHash: (members: ReadonlyArray<Member>) => bigint
