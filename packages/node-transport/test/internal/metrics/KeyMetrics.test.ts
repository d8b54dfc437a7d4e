import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { KeyMetrics } from "../../../src/internal/metrics/KeyMetrics.ts"
import type { Key } from "../../../src/internal/secret/ring.ts"
import { ShownMetrics } from "./ShownMetrics.ts"

const key = (id: string): Key => ({ id, psk: Redacted.make(new Uint8Array(32)) })

const make = Effect.gen(function* () {
  const keys = new KeyMetrics()
  const shown = new ShownMetrics()
  keys.ringChanged([key("old")])
  yield* keys.addMetrics(shown.metrics)
  return { keys, shown }
})

describe("the metrics of keys", () => {
  it.effect("show the keys of the ring, and how this node uses them", () =>
    Effect.gen(function* () {
      const { keys, shown } = yield* make
      assert.deepStrictEqual(shown.values, { "coterie_keys old dials": 1, "coterie_sessions old": 0 })
      keys.ringChanged([key("new"), key("old")])
      assert.deepStrictEqual(shown.values, {
        "coterie_keys new dials": 1,
        "coterie_keys old accepted": 1,
        "coterie_sessions new": 0,
        "coterie_sessions old": 0,
      })
      keys.ringChanged([key("new")])
      assert.deepStrictEqual(shown.values, { "coterie_keys new dials": 1, "coterie_sessions new": 0 })
    }),
  )

  it.effect("count the open connections of each key, of a removed key until the last one is closed", () =>
    Effect.gen(function* () {
      const { keys, shown } = yield* make
      for (let i = 0; i < 2; i++) keys.opened("old")
      keys.ringChanged([key("new")])
      keys.opened("new")
      assert.deepStrictEqual(shown.values, {
        "coterie_keys new dials": 1,
        "coterie_sessions old": 2,
        "coterie_sessions new": 1,
      })
      keys.closed("old")
      assert.strictEqual(shown.values["coterie_sessions old"], 1)
      keys.closed("old")
      keys.closed("new")
      assert.deepStrictEqual(shown.values, { "coterie_keys new dials": 1, "coterie_sessions new": 0 })
      // The handshake of this connection began before the key was removed.
      keys.opened("old")
      assert.strictEqual(shown.values["coterie_sessions old"], 1)
      keys.closed("old")
      assert.notProperty(shown.values, "coterie_sessions old")
    }),
  )

  it.effect("have a bounded number of series, however often the ring changes", () =>
    Effect.gen(function* () {
      const { keys, shown } = yield* make
      keys.opened("old")
      for (let i = 0; i < 1_000; i++) {
        keys.ringChanged([key(`${i}`)])
        keys.opened(`${i}`)
        keys.closed(`${i}`)
      }
      assert.deepStrictEqual(shown.values, {
        "coterie_keys 999 dials": 1,
        "coterie_sessions 999": 0,
        "coterie_sessions old": 1,
      })
    }),
  )

  it.effect("are shown to each node, from the state at its start until its scope closes", () =>
    Effect.gen(function* () {
      const { keys, shown } = yield* make
      keys.opened("old")
      const scope = yield* Scope.make()
      const other = new ShownMetrics()
      yield* Scope.provide(keys.addMetrics(other.metrics), scope)
      assert.deepStrictEqual(other.values, shown.values)
      yield* Scope.close(scope, Exit.void)
      keys.ringChanged([key("new")])
      assert.property(shown.values, "coterie_keys new dials")
      assert.notProperty(other.values, "coterie_keys new dials")
    }),
  )
})
