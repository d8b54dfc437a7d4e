import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { FragileTransport } from "./FragileTransport.ts"

const address = Result.getOrThrow(Address.parse("b:1"))

/** A transport whose connections receive nothing and record the bytes that they send. */
const make = () => {
  const sent: Array<number> = []
  const connection: Transport.Connection = {
    remoteHost: "b",
    pull: Effect.never,
    write: (chunks) => Effect.sync(() => void sent.push(...chunks.flatMap((chunk) => [...chunk]))),
    end: Effect.void,
    reset: Effect.void,
  }
  const fragile = new FragileTransport({
    listen: Effect.succeed({
      addresses: [address],
      run: (handler) => Effect.andThen(Effect.scoped(handler(connection)), Effect.never),
    }),
    connect: () => Effect.succeed(connection),
  })
  return { fragile, sent }
}

/** Returns the message of the error with which the effect fails. */
const messageOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) =>
    error instanceof Transport.TransportError ? error.message : String(error),
  )

describe("a fragile transport", () => {
  it.effect("records the dialed addresses, and passes on bytes", () =>
    Effect.gen(function* () {
      const { fragile, sent } = make()
      const connection = yield* fragile.connect(address)
      yield* connection.write([Uint8Array.of(1, 2)])
      assert.deepStrictEqual(fragile.dialed, [address])
      assert.deepStrictEqual(sent, [1, 2])
    }),
  )

  it.effect("severs open connections, which fail and send nothing more, and keeps later connections", () =>
    Effect.gen(function* () {
      const { fragile, sent } = make()
      const before = yield* fragile.connect(address)
      const pulling = yield* Effect.forkChild(messageOf(before.pull))
      yield* fragile.sever
      assert.strictEqual(yield* Fiber.join(pulling), "cut")
      assert.strictEqual(yield* messageOf(before.write([Uint8Array.of(1)])), "cut")
      const after = yield* fragile.connect(address)
      yield* after.write([Uint8Array.of(2)])
      assert.deepStrictEqual(sent, [2])
    }),
  )

  it.effect("does not dial after it was killed, and severs its connections", () =>
    Effect.gen(function* () {
      const { fragile } = make()
      const connection = yield* fragile.connect(address)
      yield* fragile.kill
      assert.strictEqual(yield* messageOf(connection.write([Uint8Array.of(1)])), "cut")
      assert.strictEqual(yield* messageOf(fragile.connect(address)), "killed")
      assert.strictEqual(fragile.dialed.length, 1)
    }).pipe(Effect.scoped),
  )
})
