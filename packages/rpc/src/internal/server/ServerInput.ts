/** Input of Effect's server, which takes the messages of clients once it runs. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { FromClientEncoded } from "effect/rpc/RpcMessage"
import type { Protocol } from "effect/rpc/RpcServer"

/** Handler that Effect's server passes to `Protocol.run`. */
export type Handler = Parameters<Protocol["Service"]["run"]>[0]

/**
 * Effect's server did not take a message. It ends the fiber of a message that it cannot use by an interruption, such as
 * a request with the id of a handler that runs, or any message to a server that stops.
 */
export class Refused {
  readonly _tag = "Refused"
}

/** Effect's server failed at a message. */
export class Failed {
  readonly _tag = "Failed"
  readonly defect: unknown

  constructor(defect: unknown) {
    this.defect = defect
  }
}

export class ServerInput {
  private handler: Handler = () => Effect.void

  /** Passes all later messages to the handler. Earlier messages were dropped. */
  open(handler: Handler): void {
    this.handler = handler
  }

  /** Passes a message on. No message of a peer ends the fiber that passes it. */
  write(clientId: number, message: FromClientEncoded): Effect.Effect<void, Refused | Failed> {
    return Effect.catchCause(
      Effect.suspend(() => this.handler(clientId, message)),
      (cause) => Effect.fail(Cause.hasInterruptsOnly(cause) ? new Refused() : new Failed(Cause.squash(cause))),
    )
  }
}
