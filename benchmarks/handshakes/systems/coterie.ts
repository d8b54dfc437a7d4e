/** A transport of Coterie. The handshake of a link, which follows on each connection of a cluster, is not part of it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Address from "../../../packages/core/src/Address.ts"
import * as Transport from "../../../packages/core/src/Transport.ts"
import type { Driver } from "./Driver.ts"

const oneByte = new Uint8Array(1)

/** Reads until the other end closes the connection. */
const readAll = ({ pull }: Transport.Connection): Effect.Effect<void> => Effect.ignore(Effect.forever(pull))

export const make = <E>(layer: Layer.Layer<Transport.Transport, E>): Driver => {
  const runtime = ManagedRuntime.make(Layer.provideMerge(layer, Layer.succeed(References.MinimumLogLevel, "Error")))
  const run = <A, F>(effect: Effect.Effect<A, F, Transport.Transport | Scope.Scope>): Promise<A> =>
    runtime.runPromise(Effect.scoped(effect))

  /** Opens a connection for the scope. */
  const dial = (address: Address.Address) =>
    Effect.gen(function* () {
      const transport = yield* Transport.Transport
      const connection = yield* transport.connect(address)
      yield* connection.pull
      return connection
    })

  const addressOf = (text: string): Effect.Effect<Address.Address> =>
    Effect.orDie(Effect.fromResult(Address.parse(text)))

  const accept = (connection: Transport.Connection): Effect.Effect<void> =>
    Effect.andThen(Effect.ignore(connection.write([oneByte])), readAll(connection))

  return {
    listen: () =>
      new Promise((resolve, reject) => {
        const serve = Effect.gen(function* () {
          const transport = yield* Transport.Transport
          const listener = yield* transport.listen
          resolve(listener.addresses[0])
          return yield* listener.run(accept)
        })
        run(serve).catch(reject)
      }),
    cycle: (text, dials, more) =>
      run(
        Effect.gen(function* () {
          const address = yield* addressOf(text)
          let complete = 0
          const once = Effect.scoped(dial(address))
          const dialer = Effect.gen(function* () {
            while (more()) {
              yield* once
              complete++
            }
          })
          yield* Effect.all(
            Array.from({ length: dials }, () => dialer),
            { concurrency: "unbounded", discard: true },
          )
          return complete
        }),
      ),
    hold: (text, count) =>
      new Promise((resolve, reject) => {
        const keep = Effect.gen(function* () {
          const address = yield* addressOf(text)
          for (let i = 0; i < count; i++) yield* Effect.forkScoped(readAll(yield* dial(address)))
          resolve()
          return yield* Effect.never
        })
        run(keep).catch(reject)
      }),
  }
}
