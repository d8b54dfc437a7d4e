/** Opens groups on a node. */
import { Cluster } from "@coterie/core/Cluster"
import * as Effect from "effect/Effect"
import { addComponent } from "../addComponent.ts"
import { openAs } from "../openMap.ts"
import { checkName } from "../options.ts"
import { sharedByNode } from "../sharedByNode.ts"
import { mapName, options as mapOptions, role } from "./entries.ts"
import { GroupIndex } from "./GroupIndex.ts"
import { OpenGroup } from "./OpenGroup.ts"
import type { Group, Options } from "./Service.ts"

/** The map of all groups of a node, and its index. */
const shared = sharedByNode(
  Effect.gen(function* () {
    const index = new GroupIndex()
    const { claim, service } = yield* openAs(role, mapName, mapOptions, index)
    const { synced } = service()
    yield* Effect.forkScoped(Effect.andThen(synced, Effect.sync(index.settled)))
    return { claim, index, synced }
  }),
)

export const make = Effect.fnUntraced(function* <A>(name: string, { showContents = false, value: schema }: Options<A>) {
  yield* checkName("group", name)
  const cluster = yield* Cluster
  const { claim, index, synced } = yield* shared
  const group = new OpenGroup({ name, schema, showContents, cluster, claim, synced, index })
  yield* Effect.acquireRelease(
    Effect.sync(() => index.subscribe(name, group)),
    (unsubscribe) =>
      Effect.sync(() => {
        unsubscribe()
        group.closed()
      }),
  )
  yield* addComponent({ kind: "group", name, describe: group.describe })
  yield* Effect.forkScoped(group.logUndecodable)
  const service: Group<A> = group.service()
  return service
})
