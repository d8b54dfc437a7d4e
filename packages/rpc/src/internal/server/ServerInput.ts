/** Input of Effect's server, which takes the messages of clients once it runs. */
import * as Effect from "effect/Effect"
import type { FromClientEncoded } from "effect/rpc/RpcMessage"
import type { Protocol } from "effect/rpc/RpcServer"

/** Handler that Effect's server passes to `Protocol.run`. */
export type Handler = Parameters<Protocol["Service"]["run"]>[0]

export class ServerInput {
  private handler: Handler = () => Effect.void

  /** Passes all later messages to the handler. Earlier messages were dropped. */
  open(handler: Handler): void {
    this.handler = handler
  }

  write(clientId: number, message: FromClientEncoded): Effect.Effect<void> {
    return this.handler(clientId, message)
  }
}
