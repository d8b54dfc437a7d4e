import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { PeerReactivity } from "@coterie/reactivity"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Context, Effect, Layer, Stream } from "effect"
import { KeyValueStore } from "effect/persistence"
import { Reactivity } from "effect/reactivity"

/** Tasks in a store that all instances share. */
export class Tasks extends Context.Service<Tasks>()("app/Tasks", {
  make: Effect.gen(function* () {
    const store = yield* KeyValueStore.KeyValueStore
    const reactivity = yield* Reactivity.Reactivity
    const add = Effect.fnUntraced(function* (task: string) {
      const tasks = (yield* store.get("tasks")) ?? ""
      yield* store.set("tasks", `${tasks}${task}\n`)
    })
    return {
      /** Adds a task. Then the lists of all instances run again. */
      add: (task: string) => reactivity.mutation(["tasks"], add(task)),
      /** The tasks now, and after each change by any instance. */
      list: reactivity.stream(["tasks"], store.get("tasks")),
    }
  }),
}) {
  /** With `Reactivity.layer` in the place of `PeerReactivity.layer`, an instance sees its own changes only. */
  static readonly layer = Layer.effect(Tasks, Tasks.make).pipe(Layer.provideMerge(PeerReactivity.layer))
}

/** Adds the task of the command line, and logs the list whenever it changes. */
const main = Effect.gen(function* () {
  const tasks = yield* Tasks
  for (const task of process.argv.slice(2)) yield* tasks.add(task)
  yield* Effect.forkScoped(Stream.runForEach(tasks.list, (list) => Effect.log(list)))
  yield* (yield* Cluster.Cluster).stopped
})

const Live = Cluster.layerStart.pipe(
  Layer.provideMerge(Tasks.layer), // All layers that read are built before `layerStart`.
  Layer.provideMerge(Cluster.layerFromEnv({ cluster: "tasks", start: "manual" })),
  Layer.provide([NodeTransport.layerFromEnv(), KeyValueStore.layerFileSystem("tasks-store")]),
  Layer.provide(NodeServices.layer),
)

if (import.meta.main) NodeRuntime.runMain(main.pipe(Effect.scoped, Effect.provide(Live)))
