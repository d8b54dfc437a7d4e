/** Group of requests and handlers of the systems with Effect's RPC. */
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import { text } from "./Driver.ts"

export const Echo = RpcGroup.make(Rpc.make("Echo", { payload: { text: Schema.String }, success: Schema.String }))

export const EchoHandlers = Echo.toLayer({ Echo: ({ text }) => Effect.succeed(text) })

/** Keeps a number of calls in flight, as `Client.run` does. */
export const run = <E>(
  call: (request: { readonly text: string }) => Effect.Effect<string, E>,
  atOnce: number,
  again: (response: string) => boolean,
): Effect.Effect<void, E> => {
  const caller = Effect.gen(function* () {
    while (again(yield* call({ text }))) continue
  })
  return Effect.all(
    Array.from({ length: atOnce }, () => caller),
    { concurrency: "unbounded", discard: true },
  )
}
