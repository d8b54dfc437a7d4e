/**
 * Requests to the lock server and to the store.
 */
import { Duration, Schema } from "effect"
import * as Wire from "../Wire.ts"

/** Duration of a lease that is not renewed. */
export const term = Duration.seconds(5)

/** Token of a lease. Each lease has a greater token than the previous one, so the greater of two tokens is newer. */
const token = Schema.Int

/** Refusal, because another client holds the lease or has held a newer one. */
const Refused = Schema.TaggedStruct("Refused", {})

export const lock = Wire.make({
  question: Schema.TaggedUnion({ Acquire: {}, Renew: { token }, Release: { token } }),
  answer: Schema.Union([Schema.TaggedStruct("Leased", { token }), Refused]),
})

export const store = Wire.make({
  question: Schema.TaggedUnion({ Read: { token }, Write: { token, value: Schema.Int } }),
  answer: Schema.Union([Schema.TaggedStruct("Value", { value: Schema.Int }), Refused]),
})

/** Deliberate mistake in this lock service, which the simulation finds. Each mistake is one line of code. */
export type Mistake =
  /** The server forgets the granted leases when it restarts. */
  | "forgetful server"
  /** The server measures leases with the wall clock, which can be set. */
  | "wall clock"
  /** The client believes that it holds its lease until a request is refused. */
  | "trusting client"
  /** The store checks the token of a write, and not the token of the read before it. */
  | "unguarded reads"
