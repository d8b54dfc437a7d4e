/** Values that clients and instances exchange. */
import { Schema } from "effect"

export const User = Schema.String.check(Schema.isNonEmpty(), Schema.isMaxLength(64))

export const Message = Schema.Struct({
  /**
   * Id that the sender chooses. A message that is sent again has the same id, so that the receiver can drop the copy.
   */
  id: Schema.String,
  from: User,
  to: User,
  text: Schema.String,
})
export type Message = typeof Message.Type

/** Message in transit to a client, with the display name of its sender. */
export const Parcel = Schema.Struct({ ...Message.fields, fromName: Schema.String })
export type Parcel = typeof Parcel.Type

/** Error of a message that was not acknowledged. Its sender may send it again. */
export class NotDelivered extends Schema.TaggedError<NotDelivered>()(
  "NotDelivered",
  {
    /**
     * - `notOnline`: no instance has a socket of the user.
     * - `notConfirmed`: a client did not answer in time, or an instance was lost.
     * - `busy`: too many messages wait for the client.
     */
    reason: Schema.Literals(["notOnline", "notConfirmed", "busy"]),
    /** `true` if the receiver may have the message. */
    maybeDelivered: Schema.Boolean,
  },
  { httpApiStatus: 409 },
) {}

/** Statistics of one instance. */
export const Stats = Schema.Struct({ instance: Schema.String, users: Schema.Number, delivered: Schema.Number })

/** Report that the job shares with all instances. */
export const Report = Schema.Struct({
  /** Instance that ran the job. */
  by: Schema.String,
  instances: Schema.Number,
  users: Schema.Number,
})
