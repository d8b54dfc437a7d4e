/** The responses of a server that are not at their end, so that the server can close without cutting them. */
import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import type * as Https from "node:https"
import type * as Net from "node:net"

export class OpenResponses {
  /** The last response of each connection. */
  private readonly responses = new Map<Net.Socket, Http.ServerResponse>()
  private isClosing = false

  constructor(server: Http.Server | Https.Server) {
    server.on("request", ({ socket }, response) => {
      if (!this.responses.has(socket)) socket.once("close", () => this.responses.delete(socket))
      this.responses.set(socket, response)
      // The server closes the connections that are idle when it begins to close. It keeps those that become idle later.
      response.once("finish", () => {
        if (this.isClosing) socket.destroySoon()
      })
    })
  }

  /**
   * Ends each connection with its response, and waits until the connections of the responses that are open now have ended.
   * Runs before the server closes: the server cuts a response whose end is written and not yet sent.
   */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.isClosing = true
    const open = [...this.responses].flatMap(([socket, response]) => (response.writableFinished ? [] : [socket]))
    return Effect.forEach(open, untilClosed, { concurrency: "unbounded", discard: true })
  })
}

const untilClosed = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const close = () => resume(Effect.void)
    if (socket.closed) return close()
    socket.once("close", close)
    return Effect.sync(() => socket.off("close", close))
  })
