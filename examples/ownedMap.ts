/** Code blocks of docs/state.md. examples/test/ownedMap.test.ts runs them. */
import { Cluster } from "@coterie/core"
import { OwnedMap } from "@coterie/state"
import { Context, Effect, Layer, Schema, Stream } from "effect"

// #region define
/** Progress of the imports of all nodes, by the name of the import. */
export class Imports extends Context.Service<Imports, OwnedMap.OwnedMap<string, Progress>>()("example/Imports") {}

const Progress = Schema.Struct({ done: Schema.Finite, of: Schema.Finite })
type Progress = typeof Progress.Type

export const layer = OwnedMap.layer(Imports, "imports", { key: Schema.String, value: Progress })
// #endregion

// #region write
/** Runs an import, and shows its progress to all nodes until it ends. */
export const importFile = Effect.fnUntraced(function* (file: string, rows: number) {
  const imports = yield* Imports
  const entry = yield* imports.entry(file, { done: 0, of: rows })
  for (let done = 1; done <= rows; done++) {
    yield* Effect.sleep("100 millis")
    yield* entry.set({ done, of: rows })
  }
}, Effect.scoped)
// #endregion

// #region read
/** Returns the imports of all nodes. */
export const list = Effect.gen(function* () {
  const imports = yield* Imports
  yield* imports.synced
  const { entries } = yield* imports.view
  return entries.map(({ key, owner, value }) => `${owner.name}: ${key} ${value.done} of ${value.of}`)
})
// #endregion

// #region follow
/** Logs which imports begin and end on any node. */
export const follow = Effect.gen(function* () {
  const imports = yield* Imports
  const current = new Map<string, OwnedMap.Entry<string, Progress>>()
  yield* Stream.runForEach(imports.changes, (item) => {
    const before = current.size
    OwnedMap.apply(current, item)
    return current.size === before ? Effect.void : Effect.log(`${current.size} imports run`)
  })
})
// #endregion

// #region node
/** A node that shares the map. It needs a transport. */
export const node = (name: string, seeds: ReadonlyArray<string>) =>
  layer.pipe(Layer.provideMerge(Cluster.layer({ cluster: "imports", name, seeds })))
// #endregion
