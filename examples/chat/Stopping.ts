/** Graceful stop: the instance becomes unready, closes its sockets, closes its HTTP server, and leaves the cluster. */
import { Context, Effect, Latch, Layer } from "effect"
import type { Duration } from "effect"

export class Stopping extends Context.Service<
  Stopping,
  {
    /** Returns `true` once this instance must not get new clients. */
    readonly hasBegun: () => boolean
    /** Waits until the sockets must be closed. */
    readonly closesSockets: Effect.Effect<void>
    /**
     * Stops. `notice` is the time between the end of readiness and the end of the sockets. In that time a load balancer
     * learns to send new clients elsewhere.
     */
    readonly stop: (notice: Duration.Input) => Effect.Effect<void>
  }
>()("examples/chat/Stopping") {}

export const layer = Layer.effect(Stopping)(
  Effect.sync(() => {
    const begun = Latch.makeUnsafe()
    const closing = Latch.makeUnsafe()
    return {
      hasBegun: () => begun.isOpen(),
      closesSockets: closing.await,
      stop: Effect.fnUntraced(function* (notice) {
        yield* begun.open
        yield* Effect.sleep(notice)
        yield* closing.open
      }),
    }
  }),
)

/**
 * Stops when its scope closes. Build it last, so that its scope closes first. The HTTP server then waits for the
 * sockets.
 */
export const layerStop = (notice: Duration.Input) =>
  Layer.effectDiscard(Effect.flatMap(Stopping, ({ stop }) => Effect.addFinalizer(() => stop(notice))))
