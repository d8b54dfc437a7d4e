/** A value that changes, and the stream of its changes. A slow reader of the stream gets the newest value. */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

export class Newest<A> {
  private value: A
  /** Holds the newest value alone. */
  private readonly values: PubSub.PubSub<A>

  constructor(value: A, values: PubSub.PubSub<A>) {
    this.value = value
    this.values = values
  }

  get current(): A {
    return this.value
  }

  get changes(): Stream.Stream<A> {
    return Stream.fromPubSub(this.values)
  }

  set(value: A): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.value = value
      return Effect.asVoid(PubSub.publish(this.values, value))
    })
  }
}

export const make = <A>(value: A): Effect.Effect<Newest<A>> =>
  Effect.gen(function* () {
    const values = yield* PubSub.sliding<A>({ capacity: 1, replay: 1 })
    yield* PubSub.publish(values, value)
    return new Newest(value, values)
  })
