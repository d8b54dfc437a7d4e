import { assert, describe, it } from "@effect/vitest"
import { createRequire } from "node:module"
import * as path from "node:path"
import { check, installed, readLevels } from "../check-stability.ts"

const effect = path.dirname(createRequire(import.meta.url).resolve("effect/package.json"))

const lookup = installed(effect)

const messages = (source: string): ReadonlyArray<string> =>
  check("a.ts", source, lookup)
    .map(({ line, message }) => `${line}: ${message.split(";")[0]}`)
    .toSorted()

describe("reading the levels of a module", () => {
  const levels = readLevels(
    "Module.ts",
    `
    /** @stability stable */
    export const a = 1
    /** @stability unstable */
    export function b(): void
    export function b(): void {}
    const c_ = 1
    export {
      /** @stability experimental */
      c_ as c
    }
    /** @stability stable */
    export interface D {}
    /** @stability unstable */
    export namespace D {}
    /** @stability stable */
    // @ts-expect-error
    export const e = 1

    /** @stability stable */
    const notExported = 1
    export const f = "@stability stable"
    `,
  )

  it("finds the tag of every form of export", () => {
    assert.deepStrictEqual(
      [...levels].filter(([name]) => name !== "D" && name !== "f"),
      [
        ["a", "stable"],
        ["b", "unstable"],
        ["c", "experimental"],
        ["e", "stable"],
      ],
    )
  })

  it("returns the weakest level of several declarations of a name", () => {
    assert.strictEqual(levels.get("D"), "unstable")
  })

  it("treats an export without a tag as untagged", () => {
    assert.strictEqual(levels.get("f"), "untagged")
  })
})

describe("checking a source against the installed Effect", () => {
  it("accepts stable exports, by name and by namespace, as values and as types", () => {
    const source = `
      import type { NonEmptyReadonlyArray } from "effect/Array"
      import * as Effect from "effect/Effect"
      export const run = (x: NonEmptyReadonlyArray<number>): Effect.Effect<void> => Effect.void
      export type Value = import("effect/Option").Option<number>
    `
    assert.deepStrictEqual(messages(source), [])
  })

  it("reports the line and the member of an unstable export", () => {
    const source = `import { remove } from "effect/Metric"
      import * as Metric from "effect/Metric"
      import type { Socket } from "effect/socket/Socket"
      export const x = Metric.counter("a").pipe(Metric.remove)
      export type Y = import("effect/net/Dns").Dns
      export const z = Metric["registerUnsafe"]
      export { remove } from "effect/Metric"`
    assert.deepStrictEqual(messages(source), [
      `1: remove of "effect/Metric" is unstable`,
      `3: Socket of "effect/socket/Socket" is unstable`,
      `4: remove of "effect/Metric" is unstable`,
      `5: Dns of "effect/net/Dns" is experimental`,
      `6: registerUnsafe of "effect/Metric" is unstable`,
      `7: remove of "effect/Metric" is unstable`,
    ])
  })

  it("rejects uses that it cannot follow", () => {
    const whole = [
      `import * as Effect from "effect/Effect"; export const all = Effect`,
      `import * as Effect from "effect/Effect"; export const { succeed } = Effect`,
      `import * as Effect from "effect/Effect"; export const all = { Effect }`,
      `import * as Effect from "effect/Effect"; export const f = (name: "succeed") => Effect[name]`,
      `export * from "effect/Effect"`,
      `export * as Effect from "effect/Effect"`,
      `export const later = import("effect/Effect")`,
    ]
    for (const source of whole)
      assert.deepStrictEqual(messages(source), [`1: "effect/Effect" is used as a whole`], source)
    assert.deepStrictEqual(messages(`import { Effect } from "effect"`), [
      `1: import "effect/Module" instead of the barrel "effect"`,
    ])
    assert.deepStrictEqual(messages(`import * as X from "effect/NoSuchModule"`), [
      `1: the source of "effect/NoSuchModule" does not exist`,
    ])
    assert.deepStrictEqual(messages(`import { noSuchExport } from "effect/Effect"`), [
      `1: noSuchExport of "effect/Effect" is not an export`,
    ])
  })

  it("ignores comments, strings and members of the same name", () => {
    const source = `
      import * as Metric from "effect/Metric"
      // Metric.remove
      export const text = "Metric.remove" + \`Metric.remove\`
      export const other = { Metric: 1, a: { Metric: { remove: 1 } } }.a.Metric.remove
      export const one = Metric.counter("a")
    `
    assert.deepStrictEqual(messages(source), [])
  })
})
