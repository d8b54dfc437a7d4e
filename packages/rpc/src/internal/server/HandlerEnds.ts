/**
 * Middleware that reports the start and the end of each handler. Effect's server reports only responses, and a `discard` request has
 * its response when its handler starts.
 */
import * as Effect from "effect/Effect"
import * as RpcMiddleware from "effect/rpc/RpcMiddleware"
import type { ClientSessions } from "./ClientSessions.ts"

export class HandlerEnds extends RpcMiddleware.Service<HandlerEnds>()("@coterie/rpc/HandlerEnds") {}

/** Makes the middleware of a server with these sessions. */
export const make = (sessions: ClientSessions): HandlerEnds["Service"] =>
  HandlerEnds.of((handler, { client: { id }, requestId }) =>
    // The end is reported even if the fiber is interrupted before the start, which has no effect.
    Effect.onExit(
      Effect.suspend(() => {
        sessions.get(id)?.handlerStarted(requestId)
        return handler
      }),
      () => {
        sessions.get(id)?.handlerEnded(requestId)
        return Effect.void
      },
    ),
  )
