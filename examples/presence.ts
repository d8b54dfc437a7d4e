/** Code blocks of docs/state.md, section "Presence". examples/test/presence.test.ts runs them. */
import { Cluster } from "@coterie/core"
import { Presence } from "@coterie/state"
import { Context, Effect, Layer, Schema, Stream } from "effect"

// #region define
/** Users with a socket at any node, by name. */
export class Users extends Context.Service<Users, Presence.Presence<Device>>()("example/Users") {}

const Device = Schema.Struct({ device: Schema.String })
type Device = typeof Device.Type

export const layer = Presence.layer(Users, "users", { value: Device })
// #endregion

// #region track
/** Serves the socket of a user, who is present until the socket ends. */
export const serve = Effect.fnUntraced(function* (user: string, device: string, socket: Effect.Effect<void>) {
  const users = yield* Users
  yield* users.track(user, { device })
  yield* socket
}, Effect.scoped)
// #endregion

// #region list
/** Returns the users who are online, with their devices. */
export const online = Effect.gen(function* () {
  const users = yield* Users
  yield* users.synced
  const list = yield* users.list
  return [...list.values()].map(({ key, metas }) => `${key}: ${metas.map(({ value }) => value.device).join(", ")}`)
})
// #endregion

// #region follow
/** Logs who comes and goes. */
export const follow = Effect.gen(function* () {
  const users = yield* Users
  yield* Stream.runForEach(users.changes, (item) => {
    switch (item._tag) {
      case "Snapshot":
        return Effect.log(`${item.state.size} users are here`)
      case "Joined":
        return Effect.log(`${item.present.key} is here`)
      case "Left":
        return Effect.log(`${item.present.key} has left`)
      default:
        return Effect.void
    }
  })
})
// #endregion

/** A node that shares the presence. */
export const node = (name: string, seeds: ReadonlyArray<string>) =>
  layer.pipe(Layer.provideMerge(Cluster.layer({ cluster: "users", name, seeds })))
