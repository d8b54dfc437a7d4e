/** A stop in good order: first readiness goes, then the sockets, then the HTTP server, and last this instance leaves the cluster. */
import { Context, Effect, Latch, Layer, Stream } from "effect"
import type { Duration } from "effect"
import { Connections } from "./Connections.ts"

/** Time for clients to answer the end of their sockets. */
const closeTimeout = "5 seconds"

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
  Effect.gen(function* () {
    const connections = yield* Connections
    const begun = Latch.makeUnsafe()
    const closing = Latch.makeUnsafe()
    const isEmpty = Stream.merge(Stream.succeed(undefined), connections.changes).pipe(
      Stream.filter(() => connections.users().length === 0),
      Stream.runHead,
    )
    return {
      hasBegun: () => begun.isOpen(),
      closesSockets: closing.await,
      stop: Effect.fnUntraced(function* (notice) {
        yield* begun.open
        yield* Effect.sleep(notice)
        yield* closing.open
        yield* Effect.timeoutOption(isEmpty, closeTimeout)
      }),
    }
  }),
)

/** Stops when its scope closes, which is before everything else if it is built last. */
export const layerStop = (notice: Duration.Input) =>
  Layer.effectDiscard(Effect.flatMap(Stopping, ({ stop }) => Effect.addFinalizer(() => stop(notice))))
