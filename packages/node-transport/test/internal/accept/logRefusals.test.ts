import { logRefusals } from "../../../src/internal/accept/logRefusals.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"

/** Runs an effect, and returns the lines that it logs, with their annotations. */
const linesOf = <E>(effect: Effect.Effect<void, E>) => {
  const lines: Array<unknown> = []
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    lines.push([logLevel, message, { ...fiber.getRef(References.CurrentLogAnnotations) }])
  })
  return Effect.as(Effect.provide(effect, Logger.layer([logger])), lines)
}

describe("the log of refusals", () => {
  it.effect("has the key and the detail as annotations, beside those of the node", () =>
    Effect.gen(function* () {
      const lines = yield* linesOf(
        Effect.gen(function* () {
          const { refused } = yield* logRefusals(10)
          refused({ address: "203.0.113.9", reason: "secret", key: "abcdefghijkl" })
          refused({ address: "2001:db8::1", reason: "certificate", detail: "expired" })
          refused({ address: "203.0.113.10", reason: "blocked" })
        }).pipe(Effect.scoped, Effect.annotateLogs({ node: "ann" })),
      )
      assert.deepStrictEqual(lines, [
        ["Warn", ["refused a connection from 203.0.113.9: secret"], { node: "ann", key: "abcdefghijkl" }],
        ["Warn", ["refused a connection from 2001:db8::1: certificate"], { node: "ann", detail: "expired" }],
        ["Warn", ["refused a connection from 203.0.113.10: blocked"], { node: "ann" }],
      ])
    }),
  )

  it.effect("counts what it left out when it ends", () =>
    Effect.gen(function* () {
      const lines = yield* linesOf(
        Effect.scoped(
          Effect.map(logRefusals(2), ({ refused }) => {
            for (let i = 0; i < 10; i++) refused({ address: `203.0.113.${i % 5}`, reason: "rate" })
          }),
        ),
      )
      assert.deepStrictEqual(lines, [
        ["Warn", ["refused a connection from 203.0.113.0: rate"], {}],
        ["Warn", ["refused a connection from 203.0.113.1: rate"], {}],
        ["Warn", ["refused 10 connections from 5 hosts"], {}],
      ])
    }),
  )
})
