/** Presence of @coterie/state over TCP, with the defaults. */
import * as Cluster from "@coterie/core/Cluster"
import * as Presence from "@coterie/state/Presence"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as FrameCount from "../../../packages/core/test/simulation/frameCount.ts"
import * as Transports from "../../harness/transports.ts"
import type { Seen, User } from "../Seen.ts"
import type { Node, Setup } from "./Driver.ts"

const Value: Schema.Codec<User> = Schema.Struct({
  user: Schema.String,
  since: Schema.Number,
  status: Schema.Literals(["online", "last"]),
  device: Schema.String,
})

type Users = Presence.Presence<User>
type Item = Stream.Success<Users["changes"]>

export const start = async ({ name, seeds }: Setup, seen: Seen): Promise<Node> => {
  const counts: FrameCount.Counts = new Map()
  const runtime = ManagedRuntime.make(
    Cluster.layer({ cluster: "bench", name, seeds }).pipe(
      Layer.provide([
        Layer.provide(FrameCount.layer(counts), Transports.tcp()),
        Layer.succeed(References.MinimumLogLevel, "Error"),
      ]),
    ),
  )
  // It is not closed before the node ends, so no user leaves by itself.
  const scope = Scope.makeUnsafe()
  const { addresses } = await runtime.runPromise(Effect.flatMap(Cluster.Cluster, ({ self }) => self))
  const users = await runtime.runPromise(Scope.provide(Presence.make("users", { value: Value }), scope))
  const follow = Stream.runForEachArray(users.changes, (items) =>
    Effect.sync(() => {
      for (const item of items) apply(item, name, seen)
    }),
  )
  runtime.runFork(follow)
  const tracked = new Map<string, Scope.Closeable>()
  return {
    address: addresses[0] ?? "",
    join: (user) => {
      const scope = Scope.makeUnsafe()
      tracked.set(user.user, scope)
      return runtime.runPromise(Effect.asVoid(Scope.provide(users.track(user.user, user), scope)))
    },
    leave: async ({ user }) => {
      const scope = tracked.get(user)
      if (scope === undefined) throw new Error(`${user} has not joined here`)
      tracked.delete(user)
      await runtime.runPromise(Scope.close(scope, Exit.void))
    },
    entriesOf: async (names) => {
      const list = await runtime.runPromise(users.list)
      return [...list.values()].reduce(
        (sum, { metas }) => sum + metas.filter(({ peer }) => names.has(peer.name)).length,
        0,
      )
    },
    end: () => runtime.dispose(),
    bytes: () => FrameCount.sum(counts).bytes,
  }
}

/** Counts a change. A user that joins again may have the meta of the node before as well. */
const apply = (item: Item, name: string, seen: Seen): void => {
  switch (item._tag) {
    case "Snapshot": {
      const all = [...item.state.values()]
      return seen.reset({
        present: all.filter(({ leaving }) => !leaving).length,
        listed: all.length,
        last: all.filter(({ metas }) => metas.some(({ value }) => value.status === "last")).length,
      })
    }
    case "Joined": {
      const [first] = item.present.metas
      if (first !== undefined) seen.joined(first.value, first.peer.name !== name)
      return
    }
    case "Changed":
      if (item.present.leaving) seen.left(1, 0)
      // All metas are new and none has gone: the key was leaving.
      else if (item.joined.length === item.present.metas.length && item.left.length === 0) seen.returned()
      return
    case "Left":
      return seen.left(0, 1)
    case "Lagged":
      return
  }
}
