/** Opens a shared value on a node. */
import { Cluster } from "@coterie/core/Cluster"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import { addComponent } from "../addComponent.ts"
import { jsonOf } from "../contents.ts"
import { checkName } from "../options.ts"
import type { Conflict, Options } from "./Service.ts"
import { TypedValue } from "./TypedValue.ts"
import * as ValueStore from "./ValueStore.ts"

/** Number of conflicts that may wait for a slow subscriber. Each one has two values. */
const maxConflicts = 256

export const open = Effect.fnUntraced(function* <A>(name: string, options: Options<A>) {
  const { serialization } = yield* Cluster
  yield* checkName("value", name)
  const store = yield* ValueStore.open
  const conflicts = yield* Effect.acquireRelease(PubSub.sliding<Conflict<A>>(maxConflicts), PubSub.shutdown)
  const value = new TypedValue({
    name,
    initial: options.initial,
    codec: serialization.codec(options.value),
    store,
    conflicts,
  })
  yield* Effect.acquireRelease(Effect.succeed(value), () => Effect.sync(value.close))
  yield* store.listen(name, value)
  if (options.showContents === true) {
    const json = jsonOf(options.value)
    yield* addComponent({ kind: "value", name, describe: () => ({ facts: value.facts(json) }) })
  }
  return value.service()
})
