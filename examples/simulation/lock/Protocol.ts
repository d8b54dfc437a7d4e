/**
 * Requests to the lock server and to the store.
 */
import { Duration, Schema } from "effect"
import * as Wire from "../Wire.ts"

/** Duration of a lease, unless it is renewed. */
export const term = Duration.seconds(5)

/** Each lease has a greater one than the lease before it, so that whoever sees two knows which is over. */
const token = Schema.Int

/** Somebody has the lease, or it is somebody else's by now. */
const Refused = Schema.TaggedStruct("Refused", {})

export const lock = Wire.make({
  question: Schema.TaggedUnion({ Acquire: {}, Renew: { token }, Release: { token } }),
  answer: Schema.Union([Schema.TaggedStruct("Leased", { token }), Refused]),
})

export const store = Wire.make({
  question: Schema.TaggedUnion({ Read: { token }, Write: { token, value: Schema.Int } }),
  answer: Schema.Union([Schema.TaggedStruct("Value", { value: Schema.Int }), Refused]),
})

/** Mistake of this lock service, to see how the simulation finds it. Each is one line of the code. */
export type Mistake =
  /** The server forgets what it granted when it is restarted. */
  | "forgetful server"
  /** The server asks the wall clock whether a lease is over, and somebody sets that. */
  | "wall clock"
  /** The client thinks that it holds its lease until somebody tells it otherwise. */
  | "trusting client"
  /** The store checks the token of a write, and not that of the read before it. */
  | "unguarded reads"
