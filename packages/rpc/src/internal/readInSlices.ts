/** Reads a lane in slices, so that the peer works on the first responses of a batch while this node reads the rest. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/**
 * Number of items after which the reader yields. The link writes the messages that the items have caused while the
 * reader has yielded. Without that, two busy nodes take turns: all requests travel in one write, all responses in
 * another, and each node waits while the other one works. Slices of 16 and 32 cost a fifth more of the processor with
 * 64 requests in flight, because each slice is a write, and wakes the peer.
 */
export const sliceSize = 64

/** Handles the items of a stream one after the other. Yields after every {@link sliceSize} of them. */
export const readInSlices = <A, E, R, E2, R2>(
  items: Stream.Stream<A, E, R>,
  read: (item: A) => Effect.Effect<void, E2, R2>,
): Effect.Effect<void, E | E2, R | R2> => {
  const readAt = (item: A, index: number) =>
    index > 0 && index % sliceSize === 0 ? Effect.andThen(Effect.yieldNow, () => read(item)) : read(item)
  return Stream.runForEachArray(items, (batch) => Effect.forEach(batch, readAt, { discard: true }))
}
