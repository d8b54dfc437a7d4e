/** Users that are online, by instance. Each instance sends its users to the others, which forget them when its link is lost. */
import { Topic } from "@coterie/core"
import type { Peer } from "@coterie/core"
import { Context, Effect, FiberMap, Layer, Schema, Stream } from "effect"
import { Connections } from "./Connections.ts"
import { User } from "./Model.ts"

/** All users of one instance. The newest list counts. */
const Users = Topic.make("chat.users", Schema.Array(User))

interface Instance {
  readonly peer: Peer.PeerId
  readonly users: ReadonlySet<string>
}

export class Presence extends Context.Service<
  Presence,
  {
    /** Instances on which a user is online, as far as this one knows. */
    readonly where: (user: string) => ReadonlyArray<Peer.PeerId>
    /** Names of the instances by user. */
    readonly online: () => Readonly<Record<string, ReadonlyArray<string>>>
  }
>()("examples/chat/Presence") {}

export const layer = Layer.effect(Presence)(
  Effect.gen(function* () {
    const connections = yield* Connections
    const instances = new Map<string, Instance>()
    const where = (user: string) =>
      [...instances.values()].filter(({ users }) => users.has(user)).map(({ peer }) => peer)

    const topic = yield* Topic.open(Users, { gaps: true })
    yield* topic.messages.pipe(
      Stream.runForEach((item) =>
        Effect.sync(() => {
          if (item._tag === "Published") {
            instances.set(item.from.name, { peer: item.from, users: new Set(item.value) })
          } else if (item.from !== undefined) instances.delete(item.from.name)
        }),
      ),
      Effect.forkScoped,
    )

    // Every reader, this instance among them, is told the newest list. A newer one replaces a list that still waits for its reader.
    const sends = yield* FiberMap.make<string>()
    const tell = (peer: Peer.PeerId) =>
      FiberMap.run(sends, peer.name, Effect.ignore(Effect.suspend(() => topic.send(peer, connections.users()))))
    yield* Stream.merge(connections.changes, topic.readerChanges).pipe(
      Stream.runForEach(() => Effect.flatMap(topic.readers, Effect.forEach(tell, { discard: true }))),
      Effect.forkScoped,
    )

    return {
      where,
      online: () => {
        const users = new Set([...instances.values()].flatMap(({ users }) => [...users]))
        return Object.fromEntries(
          [...users].sort().map((user) => [
            user,
            where(user)
              .map(({ name }) => name)
              .sort(),
          ]),
        )
      },
    }
  }),
)
