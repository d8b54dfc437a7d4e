/** The end of a server with open responses, over real sockets. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { once } from "node:events"
import * as NodeHttp from "node:http"
import { OpenResponses } from "../src/node/OpenResponses.ts"

/** More than the buffers of a connection take while its client does not read. */
const size = 32 * 1_024 * 1_024

/** Serves a body to a client that keeps its connection. Returns the response to the client, whose body is not read yet. */
const serve = Effect.fnUntraced(function* (body: Buffer) {
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => NodeHttp.createServer((_, response) => response.end(body))),
    (server) => Effect.sync(() => server.close()),
  )
  const responses = new OpenResponses(server)
  yield* Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening"))
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  const agent = new NodeHttp.Agent({ keepAlive: true })
  const response = yield* Effect.callback<NodeHttp.IncomingMessage, Error>((resume) => {
    const sent = NodeHttp.get({ host: "127.0.0.1", port, agent }, (response) => resume(Effect.succeed(response)))
    sent.on("error", (error) => resume(Effect.fail(error)))
  })
  return { server, responses, response }
})

/** Reads the body to its end. Fails if the server cuts it. */
const lengthOf = (response: NodeHttp.IncomingMessage) =>
  Effect.tryPromise(async () => {
    let length = 0
    for await (const chunk of response) length += Buffer.byteLength(chunk)
    return length
  })

describe("a server that closes", () => {
  it.live("sends its responses to their end, and then ends connections that clients would keep", () =>
    Effect.gen(function* () {
      const { response, responses, server } = yield* serve(Buffer.alloc(size))
      const closing = yield* Effect.forkChild(
        Effect.andThen(
          responses.close,
          Effect.sync(() => server.close()),
        ),
        {
          startImmediately: true,
        },
      )
      assert.strictEqual(yield* lengthOf(response), size)
      yield* Fiber.join(closing)
    }).pipe(Effect.scoped),
  )

  it.live("does not wait for connections without an open response", () =>
    Effect.gen(function* () {
      const { response, responses, server } = yield* serve(Buffer.alloc(1))
      const { socket } = response
      const ended = once(socket, "close")
      assert.strictEqual(yield* lengthOf(response), 1)
      yield* responses.close
      assert.isFalse(socket.destroyed)
      server.close()
      yield* Effect.promise(() => ended)
    }).pipe(Effect.scoped),
  )
})
