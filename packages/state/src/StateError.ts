/**
 * Error of a change of an own entry that was rejected.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Reason of a {@link StateError}: this node would own more than `limits.ownerEntries` or `limits.ownerBytes`, or keep more
 * shared values than `limits.values`.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Full extends Schema.TaggedError<Full>()("Full", {
  /** Option that bounds the entries. */
  option: Schema.Literals(["limits.ownerEntries", "limits.ownerBytes", "limits.values"]),
  limit: Schema.Number,
}) {
  override get message(): string {
    return `the change exceeds the option "${this.option}" (${this.limit})`
  }
}

/**
 * Reason of a {@link StateError}: the key and the value have more bytes than `limits.entryBytes`.
 *
 * @category reasons
 * @since 0.1.0
 */
export class EntryTooLarge extends Schema.TaggedError<EntryTooLarge>()("EntryTooLarge", {
  key: Schema.String,
  bytes: Schema.Number,
  limit: Schema.Number,
}) {
  override get message(): string {
    return `the entry "${this.key}" has ${this.bytes} bytes, and the option "limits.entryBytes" allows ${this.limit}`
  }
}

/**
 * Reason of a {@link StateError}: a key or a value does not match its schema.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotEncodable extends Schema.TaggedError<NotEncodable>()("NotEncodable", {
  message: Schema.String,
}) {}

/**
 * Reason of a {@link StateError}: the scope of the map, presence, group or value is closed, or its node has left or
 * stopped.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Closed extends Schema.TaggedError<Closed>()("Closed", {}) {
  override get message(): string {
    return "it is closed, because its scope has ended or this node has left"
  }
}

/**
 * Reason of a {@link StateError}: a shared value has the greatest timestamp that there is, so no write can follow. Only a
 * broken peer makes such a write.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Exhausted extends Schema.TaggedError<Exhausted>()("Exhausted", {
  key: Schema.String,
}) {
  override get message(): string {
    return `the value "${this.key}" has the greatest timestamp that there is. Restart all nodes at the same time`
  }
}

/**
 * Schema of the reasons of a {@link StateError}.
 *
 * @category reasons
 * @since 0.1.0
 */
export const StateErrorReason = Schema.Union([Full, EntryTooLarge, NotEncodable, Closed, Exhausted])

/**
 * Reason of a {@link StateError}.
 *
 * @category reasons
 * @since 0.1.0
 */
export type StateErrorReason = Full | EntryTooLarge | NotEncodable | Closed | Exhausted

/**
 * Schema of a {@link Subject}.
 *
 * @category models
 * @since 0.1.0
 */
export const Subject = Schema.Struct({
  kind: Schema.Literals(["map", "presence", "group", "value"]),
  /** Name that the application gave. */
  name: Schema.String,
})

/**
 * Subject of a rejected change: a map, presence, group or shared value by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type Subject = typeof Subject.Type

/**
 * Error of a change of own entries. Nothing of the change was stored or sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class StateError extends Schema.TaggedError<StateError>()("StateError", {
  /** Map, presence, group or value that did not change. */
  subject: Subject,
  reason: StateErrorReason,
}) {
  override get message(): string {
    const { kind, name } = this.subject
    return `cannot change the ${kind} "${name}": ${this.reason.message}`
  }
}
