/**
 * Error of a change of an own entry that was rejected.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Reason of a {@link StateError}: this node would own more than `limits.ownerEntries` or `limits.ownerBytes`, keep more
 * shared values than `limits.values`, or have more joins of groups than a node may have.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Full extends Schema.TaggedError<Full>()("Full", {
  /** Option that bounds the entries, or the number or the bytes of the joins of this node, which no option bounds. */
  bound: Schema.Literals(["limits.ownerEntries", "limits.ownerBytes", "limits.values", "joins", "joinBytes"]),
  limit: Schema.Number,
}) {
  override get message(): string {
    const { bound, limit } = this
    switch (bound) {
      case "joins":
        return `this node may have ${limit} joins, in all groups. End another join first`
      case "joinBytes":
        return `the joins of this node may have ${limit} bytes, in all groups. Use smaller values, or end another join first`
      default:
        return `the change exceeds the option "${bound}" (${limit})`
    }
  }
}

/**
 * Reason of a {@link StateError}: the key and the value have more bytes than `limits.entryBytes`, or than a message of this
 * node can have (`limits.messageBytes` of the cluster), or a join has more bytes than a join may have.
 *
 * @category reasons
 * @since 0.1.0
 */
export class EntryTooLarge extends Schema.TaggedError<EntryTooLarge>()("EntryTooLarge", {
  /** Key of the entry, or name of the group. */
  key: Schema.String,
  bytes: Schema.Number,
  /**
   * Option that bounds the bytes, or `joinBytes`, which no option bounds. `limits.messageBytes` is an option of the cluster,
   * and the others are options of this package.
   */
  bound: Schema.Literals(["limits.entryBytes", "limits.messageBytes", "joinBytes"]),
  /** Maximum number of bytes. With `limits.messageBytes`, it is what remains of a message for an entry. */
  limit: Schema.Number,
}) {
  override get message(): string {
    const { bound, bytes, key, limit } = this
    switch (bound) {
      case "joinBytes":
        return `the join has ${bytes} bytes, and a join may have ${limit}. Use a smaller value`
      case "limits.messageBytes":
        return `the entry "${key}" has ${bytes} bytes, and the option "${bound}" of the cluster allows ${limit}`
      default:
        return `the entry "${key}" has ${bytes} bytes, and the option "${bound}" allows ${limit}`
    }
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
 * Subject of an error: a map, presence, group or shared value by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type Subject = typeof Subject.Type

/**
 * Error of a change of own entries, of which nothing was stored or sent, or of a read with a key that does not match its
 * schema.
 *
 * @category errors
 * @since 0.1.0
 */
export class StateError extends Schema.TaggedError<StateError>()("StateError", {
  /** Map, presence, group or value that rejected the operation. */
  subject: Subject,
  reason: StateErrorReason,
}) {
  override get message(): string {
    const { kind, name } = this.subject
    return `${kind} "${name}": ${this.reason.message}`
  }
}
