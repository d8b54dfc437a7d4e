/** Smallest application over `Transport`: each node sends back every line that it receives. */
// #region echo
import { Address, Transport } from "@coterie/core"
import { Context, Effect, Layer, Stream } from "effect"

export class Echo extends Context.Service<
  Echo,
  { readonly ask: (address: string, text: string) => Effect.Effect<string, unknown> }
>()("examples/Echo") {}

export const layer = Layer.effect(Echo)(
  Effect.gen(function* () {
    const { connect, listen } = yield* Transport.Transport
    const listener = yield* listen
    yield* Effect.forkScoped(
      listener.run((connection) =>
        lines(connection).pipe(
          Stream.runForEach((text) => say(connection, text)),
          Effect.ignore, // The connection is lost.
        ),
      ),
    )
    return {
      ask: (address, text) =>
        Effect.gen(function* () {
          const connection = yield* connect(yield* Effect.fromResult(Address.parse(address)))
          yield* say(connection, text)
          return yield* Effect.fromOption(yield* Stream.runHead(lines(connection)))
        }).pipe(Effect.scoped),
    }
  }),
)

const lines = (connection: Transport.Connection) =>
  Stream.fromPull(Effect.succeed(connection.pull)).pipe(Stream.decodeText(), Stream.splitLines)

const say = (connection: Transport.Connection, text: string) =>
  connection.write([new TextEncoder().encode(`${text}\n`)])
// #endregion
