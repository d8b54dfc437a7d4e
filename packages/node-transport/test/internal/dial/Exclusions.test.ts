import { Exclusions, maxLogged } from "../../../src/internal/dial/Exclusions.ts"
import * as Networks from "../../../src/internal/networks/Networks.ts"
import * as Address from "@coterie/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"

describe("excluded addresses", () => {
  it.effect("are logged once each, up to a number, of which the last line says so", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const exclusions = new Exclusions(Networks.make({ deny: ["10.0.0.0/8"] }))
      const dial = (i: number) =>
        Effect.gen(function* () {
          const host = `10.0.${i >> 8}.${i & 255}`
          const address = yield* Effect.fromResult(Address.make(host, 7_000))
          return yield* Effect.flip(exclusions.permitted(address, [host]))
        }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])))
      for (let i = 0; i < 2 * maxLogged; i++) {
        assert.strictEqual((yield* dial(i)).reason, "forbidden")
        yield* dial(i)
      }
      assert.strictEqual(lines.length, maxLogged)
      assert.strictEqual(lines[0], `10.0.0.0:7000 is not dialed: the option "networks.deny" excludes 10.0.0.0`)
      assert.isTrue(lines.at(-1)?.endsWith("; further addresses are not logged"))
    }),
  )
})
