/** The program of docs/recipes/presence.md. The chat service uses its layer. */
// #region program
import { Cluster, type Peer, Topic } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { NodeRuntime } from "@effect/platform-node"
import { Context, Effect, FiberMap, Layer, Schedule, Schema, type Scope, Stream } from "effect"

/** All users of one instance. The newest list counts. */
const Users = Topic.make("presence.users", Schema.Array(Schema.String))

export class Presence extends Context.Service<
  Presence,
  {
    /** Adds a user at this instance until the scope closes. */
    readonly enter: (user: string) => Effect.Effect<void, never, Scope.Scope>
    /** Returns all users that are online, as far as this instance knows. */
    readonly users: () => ReadonlyArray<string>
    /** Returns the instances of a user. */
    readonly where: (user: string) => ReadonlyArray<Peer.PeerId>
  }
>()("examples/recipes/Presence") {}

export const layer = Layer.effect(Presence)(
  Effect.gen(function* () {
    const here: Array<string> = []
    const instances = new Map<string, { readonly at: Peer.PeerId; readonly users: ReadonlyArray<string> }>()
    const topic = yield* Topic.open(Users, { gaps: true })
    const hear = Stream.runForEach(topic.messages, (item) =>
      Effect.sync(() => {
        if (item._tag === "Published") instances.set(item.from.name, { at: item.from, users: item.value })
        else if (item.from !== undefined) instances.delete(item.from.name)
      }),
    )

    // Each reader, this instance among them, gets the newest list. It replaces a list that still waits for its reader.
    const sends = yield* FiberMap.make<string>()
    const send = (peer: Peer.PeerId) => Effect.ignore(Effect.suspend(() => topic.send(peer, [...new Set(here)])))
    const tell = Effect.flatMap(
      topic.readers,
      Effect.forEach((peer) => FiberMap.run(sends, peer.name, send(peer)), { discard: true }),
    )
    yield* Effect.forkScoped(Effect.all([hear, Stream.runForEach(topic.readerChanges, () => tell)], { concurrency: 2 }))

    const change = (edit: () => void) => Effect.andThen(Effect.sync(edit), tell)
    const leave = (user: string) => change(() => here.splice(here.indexOf(user), 1))
    return {
      enter: (user) =>
        Effect.acquireRelease(
          change(() => here.push(user)),
          () => leave(user),
        ),
      users: () => [...new Set([...instances.values()].flatMap(({ users }) => users))].sort(),
      where: (user) => [...instances.values()].filter(({ users }) => users.includes(user)).map(({ at }) => at),
    }
  }),
)
// #endregion

// #region main
/** Enters the users of the command line, and logs every 2 seconds who is online. */
const Demo = Layer.effectDiscard(
  Effect.gen(function* () {
    const { enter, users, where } = yield* Presence
    yield* Effect.forEach(process.argv.slice(2), enter)
    const text = (user: string) => `${user} at ${where(user).map(({ name }) => name)}`
    const show = Effect.suspend(() => Effect.log(`online: ${users().map(text).join(", ")}`))
    yield* Effect.forkScoped(Effect.schedule(show, Schedule.spaced("2 seconds")))
  }),
)

/** Runs until the node has stopped. All readers are built before `layerStart`. */
export const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped).pipe(
  Effect.provide(Layer.mergeAll(Demo, Cluster.layerStart).pipe(Layer.provideMerge(layer))),
  Effect.provide(Cluster.layerFromEnv({ cluster: "presence", start: "manual" })),
  Effect.provide(NodeTransport.layerFromEnv()),
)

if (import.meta.main) NodeRuntime.runMain(main)
// #endregion
