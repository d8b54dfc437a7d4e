import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Components } from "../../src/cluster/Components.ts"

it.effect("components of a node are described by kind and name when somebody asks, until they are removed", () =>
  Effect.gen(function* () {
    const components = new Components()
    let entries = 1
    let described = 0
    const component = (kind: string, name: string) => ({
      kind,
      name,
      describe: () => {
        described++
        return { facts: { entries } }
      },
    })
    const jobs = component("map", "jobs")
    const removals = [component("map", "users"), jobs, jobs, component("cache", "z")].map(components.add)
    assert.strictEqual(described, 0)
    entries = 2
    const names = Effect.map(components.describe, (all) =>
      all.map(({ facts, kind, name }) => `${kind} ${name} ${facts["entries"]}`),
    )
    assert.deepStrictEqual(yield* names, ["cache z 2", "map jobs 2", "map jobs 2", "map users 2"])
    removals[1]?.()
    removals[1]?.()
    assert.deepStrictEqual(yield* names, ["cache z 2", "map jobs 2", "map users 2"])
    for (const remove of removals) remove()
    assert.deepStrictEqual(yield* names, [])
  }),
)
