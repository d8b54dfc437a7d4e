/** A stop in good order: first readiness goes, then the sockets, then the HTTP server, and last this instance leaves the cluster. */
import { Context, Effect, Latch, Layer } from "effect"
import type { Duration } from "effect"

export class Stopping extends Context.Service<
  Stopping,
  {
    /** `true` once this instance is to get no new clients. */
    readonly hasBegun: () => boolean
    /** Waits until the sockets are to be closed. */
    readonly closesSockets: Effect.Effect<void>
    /**
     * Stops. `notice` is the time between the end of readiness and the end of the sockets, in which a load balancer learns to send
     * new clients elsewhere.
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

/** Stops when its scope closes, which is before everything else if it is built last. The HTTP server then waits for the sockets. */
export const layerStop = (notice: Duration.Input) =>
  Layer.effectDiscard(Effect.flatMap(Stopping, ({ stop }) => Effect.addFinalizer(() => stop(notice))))
