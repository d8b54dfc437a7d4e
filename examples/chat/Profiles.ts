/** Names that users show. They are kept in a store that all instances share, and cached by each instance. */
import { Cache, Context, Effect, Layer } from "effect"
import { KeyValueStore } from "effect/persistence"
import * as Invalidation from "../cache/Invalidation.ts"
import { User } from "./Model.ts"

const Changes = Invalidation.topic("chat.profiles", User)

/** Number of names in the memory of an instance. */
const capacity = 10_000

export class Profiles extends Context.Service<
  Profiles,
  {
    /** Name of a user; the user itself if there is none. */
    readonly name: (user: string) => Effect.Effect<string>
    readonly rename: (user: string, name: string) => Effect.Effect<void>
  }
>()("examples/chat/Profiles") {}

export const layer = Layer.effect(Profiles)(
  Effect.gen(function* () {
    const store = KeyValueStore.prefix(yield* KeyValueStore.KeyValueStore, "name.")
    const cache = yield* Cache.make({
      capacity,
      lookup: (user: string) => Effect.map(store.get(user), (name) => name ?? user),
    })
    const { invalidate } = yield* Invalidation.attach(cache, Changes)
    return {
      name: (user) => Effect.orDie(Cache.get(cache, user)),
      rename: (user, name) => Effect.orDie(Effect.andThen(store.set(user, name), invalidate(user))),
    }
  }),
)
