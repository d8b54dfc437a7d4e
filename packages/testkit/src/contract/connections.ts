/** Building blocks of the tests: nodes, connections, handlers, and streams of bytes that can be verified. */
import * as Transport from "@coterie/core/Transport"
import { assert } from "@effect/vitest"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type { Harness } from "./Harness.ts"

// Nodes

/** Builds the transport of a new node. */
export const nodeOf = (harness: Harness, port = 0): Effect.Effect<Transport.Transport["Service"], never, Scope.Scope> =>
  Effect.map(Layer.build(harness.transport(port)), Context.get(Transport.Transport))

/** Connects two new nodes. The listener closes any further connection at once. */
export const connected = (harness: Harness) =>
  Effect.gen(function* () {
    const server = yield* nodeOf(harness)
    const client = yield* nodeOf(harness)
    const listener = yield* server.listen
    const accepted = yield* Deferred.make<Transport.Connection>()
    const released = yield* Deferred.make<void>()
    yield* Effect.forkScoped(
      listener.run((connection) =>
        Effect.flatMap(Deferred.succeed(accepted, connection), (first) =>
          first ? Deferred.await(released) : Effect.void,
        ),
      ),
    )
    const scope = yield* Scope.fork(yield* Effect.scope)
    const dialer = yield* Scope.provide(client.connect(listener.addresses[0]), scope)
    return {
      client,
      listener,
      dialer,
      acceptor: yield* Deferred.await(accepted),
      /** Closes the dialer's end. */
      close: Scope.close(scope, Exit.void),
      /** Lets the handler of the accepted end finish. */
      release: Effect.asVoid(Deferred.succeed(released, undefined)),
    }
  })

// Handlers

/** Writes back all bytes that the connection delivers. */
export const echo = (connection: Transport.Connection): Effect.Effect<void> =>
  Effect.forever(Effect.flatMap(connection.pull, connection.write)).pipe(Effect.catch(() => Effect.void))

/** Reads until the stream ends or fails. */
export const untilEnd = (connection: Transport.Connection): Effect.Effect<void> =>
  Effect.forever(connection.pull).pipe(Effect.catch(() => Effect.void))

// Bytes: each byte of a stream is a function of its place, so that every stream can be verified.

const byteAt = (i: number): number => (i ^ (i >>> 7) ^ (i >>> 15)) & 0xff

/** Makes the bytes of a stream from the given place on. */
export const pattern = (from: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = byteAt(from + i)
  return bytes
}

/** Checks that the batch has the bytes of the stream from the given place on. Returns the next place. */
export const verify = (at: number, batch: NonEmptyReadonlyArray<Uint8Array>): number => {
  let place = at
  for (const chunk of batch) {
    for (const byte of chunk) {
      if (byte !== byteAt(place)) assert.fail(`byte ${place} is ${byte} and was sent as ${byteAt(place)}`)
      place++
    }
  }
  return place
}

/** Writes `size` bytes in writes of random sizes, then ends the stream. */
export const sendAll = (connection: Transport.Connection, size: number, from = 0) =>
  Effect.gen(function* () {
    let at = from
    const chunk = Effect.map(Random.nextIntBetween(1, 20_000), (length) => {
      const bytes = pattern(at, Math.min(length, from + size - at))
      at += bytes.length
      return bytes
    })
    while (at < from + size) yield* connection.write([yield* chunk, yield* chunk])
    yield* connection.end
  })

/** Pulls until the end of the stream. Returns the place of the end. */
export const receiveAll = (
  connection: Transport.Connection,
  from = 0,
): Effect.Effect<number, Transport.TransportError> =>
  Effect.gen(function* () {
    let at = from
    yield* Effect.forever(
      Effect.map(connection.pull, (batch) => {
        at = verify(at, batch)
      }),
    ).pipe(Effect.catchIf(Cause.isDone, () => Effect.void))
    return at
  })

/** Pulls the next batch. Returns the batch, `"done"` at the end of the stream, or the reason of the error. */
export const next = (connection: Transport.Connection) =>
  Effect.match(connection.pull, {
    onSuccess: (batch) => batch,
    onFailure: (error) => (Cause.isDone(error) ? "done" : error.reason),
  })

/** Returns the reason of the expected failure. */
export const reasonOf = <A, R>(effect: Effect.Effect<A, Transport.TransportError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)
