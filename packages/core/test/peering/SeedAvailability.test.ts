import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { HandshakeFailed } from "../../src/link/Handshake.ts"
import { maxRemembered, SeedAvailability } from "../../src/peering/SeedAvailability.ts"
import { addressOf } from "../membership/support.ts"

const seed = addressOf("seed")

const failure = (message: string) => new HandshakeFailed({ reason: "lost", message })

const make = () => {
  const lines: Array<string> = []
  const events: Array<string> = []
  const seeds = new SeedAvailability({
    log: { write: ({ level, text }) => Effect.sync(() => void lines.push(`${level} ${text}`)) },
    onUnavailable: (address, { message }) => void events.push(`${address} ${message}`),
  })
  return { seeds, lines, events }
}

describe("a seed or discovered address", () => {
  it.effect("has a log line when a problem begins, changes and ends, and an event for each attempt", () =>
    Effect.gen(function* () {
      const { events, lines, seeds } = make()
      for (const reason of ["gone", "gone", "busy", "busy"]) yield* seeds.failed(seed, failure(reason))
      yield* seeds.answered(seed)
      yield* seeds.answered(seed)
      assert.deepStrictEqual(lines, [
        `Warn no peer to join: ${seed}: gone; trying again`,
        `Warn no peer to join: ${seed}: busy; trying again`,
        `Info a peer answers at ${seed} now, after 4 failed attempts`,
      ])
      assert.strictEqual(events.length, 4)
    }),
  )

  it.effect("has a log line again when a new problem begins after the end, or after it was dropped", () =>
    Effect.gen(function* () {
      const { lines, seeds } = make()
      yield* seeds.failed(seed, failure("gone"))
      yield* seeds.answered(seed)
      yield* seeds.failed(seed, failure("gone"))
      seeds.forget(seed)
      yield* seeds.answered(seed)
      yield* seeds.failed(seed, failure("gone"))
      assert.deepStrictEqual(
        lines.map((line) => line.slice(0, 4)),
        ["Warn", "Info", "Warn", "Warn"],
      )
      assert.include(lines[1], "after 1 failed attempt")
    }),
  )

  it.effect("appears once in a log line whose reason contains it", () =>
    Effect.gen(function* () {
      const { lines, seeds } = make()
      yield* seeds.failed(seed, failure(`${seed} refused the connection: nobody listens there`))
      assert.deepStrictEqual(lines, [
        `Warn no peer to join: ${seed} refused the connection: nobody listens there; trying again`,
      ])
    }),
  )

  it.effect("is remembered up to a maximum number of addresses", () =>
    Effect.gen(function* () {
      const { lines, seeds } = make()
      for (let i = 0; i <= maxRemembered; i++) yield* seeds.failed(addressOf(`s${i}`), failure("gone"))
      const before = lines.length
      yield* seeds.failed(addressOf(`s${maxRemembered}`), failure("gone"))
      assert.strictEqual(lines.length, before)
      yield* seeds.failed(addressOf("s0"), failure("gone"))
      assert.strictEqual(lines.length, before + 1)
    }),
  )
})
