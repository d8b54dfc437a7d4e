/** The typed side of a shared value: its present value, and the streams of its users. */
import * as ChangeFeed from "@coterie/core/ChangeFeed"
import type { Facts } from "@coterie/core/NodeComponents"
import type { TopicCodec } from "@coterie/core/TopicSerialization"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { Closed, NotEncodable, type StateErrorReason } from "../../StateError.ts"
import { oneLine } from "../oneLine.ts"
import type { Conflict, SharedValue, Written } from "./Service.ts"
import type { Listener, ValueStore } from "./ValueStore.ts"
import type { Write } from "./Write.ts"

/** The value that the users see. */
interface Present<A> {
  readonly value: A
  /** `undefined` for the initial value. */
  readonly written: Written<A> | undefined
}

export interface Options<A> {
  readonly name: string
  readonly initial: A
  readonly codec: TopicCodec<A>
  readonly store: ValueStore
  readonly conflicts: PubSub.PubSub<Conflict<A>>
}

export class TypedValue<A> implements Listener {
  private readonly options: Options<A>
  private readonly feed: ChangeFeed.ChangeFeed<Present<A>, undefined>
  private present: Present<A>
  private isClosed = false

  constructor(options: Options<A>) {
    this.options = options
    this.present = { value: options.initial, written: undefined }
    this.feed = ChangeFeed.makeUnsafe({ state: () => this.present, capacity: 1 })
  }

  readonly service = (): SharedValue<A> => ({
    name: this.options.name,
    get: Effect.sync(() => this.present.value),
    set: (value) => this.write(() => value),
    update: (change) => this.write(change),
    values: Stream.map(this.feed.states, ({ value }) => value),
    writes: Stream.filterMap(this.feed.states, ({ written }) =>
      written === undefined ? Result.failVoid : Result.succeed(written),
    ),
    conflicts: Stream.fromPubSub(this.options.conflicts),
    synced: this.options.store.synced,
  })

  readonly close = (): void => {
    this.isClosed = true
    this.feed.endUnsafe()
  }

  /** Describes the present value and its write, with a function that shows a value. */
  facts(show: (value: A) => string): Facts {
    const { value, written } = this.present
    return { value: show(value), ...(written === undefined ? {} : { by: written.by.name, at: written.at }) }
  }

  readonly onWrite = (write: Write): Effect.Effect<void> => {
    const { name, store } = this.options
    const written = this.decode(write)
    if (Result.isSuccess(written)) {
      this.present = { value: written.success.value, written: written.success }
      this.feed.publishUnsafe(undefined)
      return Effect.void
    }
    store.metrics.undecodable.increment()
    const text =
      `state: the newest write of the value "${name}" by "${write.stamp.by.name}" does not match the schema of this node, ` +
      `which continues with the value before: ${oneLine(written.failure)}`
    return store.log.write({ level: "Warn", kind: "undecodable values", subject: write.stamp.by.name, text })
  }

  readonly onConflict = (won: Write, lost: Write): Effect.Effect<void> => {
    const both = Result.all([this.decode(won), this.decode(lost)])
    return Result.isFailure(both)
      ? Effect.void
      : Effect.asVoid(PubSub.publish(this.options.conflicts, { won: both.success[0], lost: both.success[1] }))
  }

  private write(change: (value: A) => A) {
    const { name, store } = this.options
    return Effect.andThen(
      store.ready,
      store.write(name, () => (this.isClosed ? Result.fail(new Closed()) : this.encode(change(this.present.value)))),
    )
  }

  private encode(value: A): Result.Result<Uint8Array, StateErrorReason> {
    const { codec, name } = this.options
    return Result.mapError(
      codec.encode(value),
      (error) => new NotEncodable({ message: `the value "${name}" does not match its schema: ${error.message}` }),
    )
  }

  private decode({ stamp, value }: Write): Result.Result<Written<A>, string> {
    // A decoded value may share the memory of the bytes, and this node publishes the bytes.
    const decoded = this.options.codec.decode(value.slice())
    return Result.mapBoth(decoded, {
      onFailure: (error) => error.message,
      onSuccess: (value) => ({ value, by: stamp.by, at: stamp.wall }),
    })
  }
}
