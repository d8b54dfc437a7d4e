/**
 * The subscriptions of one node: passes each item of a topic to all of them, in order, with its place. A subscription
 * finds the items that it has lost by a place that does not follow the last one.
 */
import type { Gap, Published } from "@coterie/core/Topic"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface Options {
  readonly strategy: "suspend" | "dropping" | "sliding"
  readonly capacity: number
}

/** Number of the items, and of the values among them, up to an item. */
interface Place {
  readonly items: number
  readonly values: number
}

interface Placed<A> {
  readonly _tag: "Placed"
  readonly item: Published<A> | Gap
  readonly place: Place
}

interface End {
  readonly _tag: "End"
}

const end: End = { _tag: "End" }

const makePubSub = <A>({ capacity, strategy }: Options): Effect.Effect<PubSub.PubSub<A>> => {
  if (strategy === "dropping") return PubSub.dropping(capacity)
  return strategy === "sliding" ? PubSub.sliding(capacity) : PubSub.bounded(capacity)
}

export class LocalFanOut<A> {
  /** Subscription to the values, in the shape of Effect's own. */
  readonly subscribe: Effect.Effect<PubSub.Subscription<A>, never, Scope.Scope>
  /** Items from the moment the stream runs, with a gap where this subscription has lost some. */
  readonly stream: Stream.Stream<Published<A> | Gap>
  /** Ends the streams after the items that wait, and interrupts those who take from a subscription. */
  readonly end: Effect.Effect<void>
  private readonly values: PubSub.PubSub<A>
  private readonly placed: PubSub.PubSub<Placed<A> | End>
  private place: Place = { items: 0, values: 0 }

  constructor(values: PubSub.PubSub<A>, placed: PubSub.PubSub<Placed<A> | End>) {
    this.values = values
    this.placed = placed
    this.subscribe = PubSub.subscribe(values)
    this.end = Effect.andThen(PubSub.end(placed, end), PubSub.shutdown(values))
    this.stream = Stream.unwrap(
      Effect.map(PubSub.subscribe(placed), (subscription) => this.withLosses(Stream.fromSubscription(subscription))),
    )
  }

  /** Passes on items. With `suspend`, waits until each subscription has room for all of them. */
  publish(items: NonEmptyReadonlyArray<Published<A> | Gap>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const values = items.flatMap((item) => (item._tag === "Published" ? [item.value] : []))
      const placed = items.map((item): Placed<A> => ({ _tag: "Placed", item, place: this.next(item) }))
      return Effect.andThen(PubSub.publishAll(this.placed, placed), PubSub.publishAll(this.values, values))
    })
  }

  private next({ _tag }: Published<A> | Gap): Place {
    const { items, values } = this.place
    this.place = { items: items + 1, values: _tag === "Published" ? values + 1 : values }
    return this.place
  }

  private withLosses(stream: Stream.Stream<Placed<A> | End>): Stream.Stream<Published<A> | Gap> {
    return stream.pipe(
      Stream.takeWhile((each): each is Placed<A> => each._tag === "Placed"),
      Stream.mapAccum(
        () => this.place,
        (last, { item, place }) => {
          // An item may come between the subscription and the first place, so the first one may be earlier.
          if (place.items <= last.items + 1) return [place, [item]]
          const lost = place.values - last.values - (item._tag === "Published" ? 1 : 0)
          const gap: Gap = { _tag: "Gap", from: undefined, session: undefined, lost }
          return [place, [gap, item]]
        },
      ),
    )
  }
}

/** Makes the subscriptions of a node. */
export const make = <A>(options: Options): Effect.Effect<LocalFanOut<A>> =>
  Effect.zipWith(
    makePubSub<A>(options),
    makePubSub<Placed<A> | End>(options),
    (values, placed) => new LocalFanOut(values, placed),
  )
