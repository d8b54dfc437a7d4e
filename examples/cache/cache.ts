/**
 * Every process caches what it reads from a store that all share, here a folder. Whoever writes tells the others what to forget.
 *
 *     npx -y pnpm@12 exec node examples/cache/cache.ts ann 24868 /tmp/store
 *     npx -y pnpm@12 exec node examples/cache/cache.ts bob 0 /tmp/store 127.0.0.1:24868
 *
 * Then type `get KEY` and `put KEY VALUE` in either.
 */
import { Cluster, Topic } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { NodeFileSystem, NodeRuntime } from "@effect/platform-node"
import { Cache, Effect, FileSystem, Layer, References, Schema, Stream } from "effect"
import * as Screens from "../support/Screen.ts"

const [name = "ann", port = "0", folder = "store", ...addresses] = process.argv.slice(2)

/** Invalidations of one key or, without a key, of everything. */
const Invalidations = Topic.make("invalidations", Schema.Struct({ key: Schema.optionalKey(Schema.String) }))

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const store = yield* FileSystem.FileSystem
  const screen = yield* Screens.make(`${name}> `)
  const fileOf = (key: string) => `${folder}/${encodeURIComponent(key)}.txt`
  yield* store.makeDirectory(folder, { recursive: true })

  const cache = yield* Cache.make({
    capacity: 1_000,
    lookup: (key: string) => Effect.orElseSucceed(store.readFileString(fileOf(key)), () => "nothing"),
  })
  const forget = (key: string, why: string) =>
    Effect.andThen(Cache.invalidate(cache, key), screen.print(`* forgot ${key}: ${why}`))
  const forgetAll = (why: string) =>
    Effect.andThen(Cache.invalidateAll(cache), screen.print(`* forgot everything: ${why}`))

  const hearing = Stream.runForEach(Invalidations.subscribe(), ({ from, value: { key } }) =>
    key === undefined ? forgetAll(`${from.name} may have written unheard`) : forget(key, `${from.name} wrote it`),
  )

  // Within one session with a peer nothing is missing. When a link is lost, so is the session: the last that the peer
  // published may be lost, and nobody knows which keys it named. So what is cached cannot be trusted any more.
  const lane = yield* cluster.lane(Invalidations.name)
  const parting = Stream.runForEach(lane.read(), (item) =>
    item._tag === "SessionEnded" ? forgetAll(`the session with ${item.from.name} is over`) : Effect.void,
  )

  // And until there is a link again, neither hears what the other writes. So whoever gets a link to somebody tells it to forget
  // everything: all that it had written unheard was written before that, and what it writes later is heard.
  const greeting = Stream.runForEach(cluster.events, (event) =>
    event._tag === "Joined" || event._tag === "Replaced" || event._tag === "Recovered" || event._tag === "Reachable"
      ? Effect.forkScoped(Effect.ignore(Invalidations.send(event.peer, {})))
      : Effect.void,
  )

  const put = Effect.fnUntraced(function* (key: string, value: string) {
    yield* store.writeFileString(fileOf(key), value)
    yield* Cache.invalidate(cache, key)
    const { failed } = yield* Invalidations.publish({ key })
    // Who is only slow stays in its session, so it must hear this: `send` waits as long as it takes. Who has no link is told to
    // forget everything when it has one again.
    yield* Effect.forEach(failed, ({ peer }) => Effect.forkScoped(Effect.ignore(Invalidations.send(peer, { key }))))
    yield* screen.print(`* wrote ${key}`)
  })

  const get = Effect.fnUntraced(function* (key: string) {
    const source = (yield* Cache.has(cache, key)) ? "cache" : "store"
    yield* screen.print(`${key} = ${yield* Cache.get(cache, key)} (${source})`)
  })

  const typing = Stream.runForEach(screen.typed, (line) => {
    const [word, key, ...value] = line.trim().split(/\s+/)
    if (word === "get" && key !== undefined) return get(key)
    if (word === "put" && key !== undefined) return put(key, value.join(" "))
    return screen.print("* it goes like this: get KEY, put KEY VALUE")
  })

  const self = yield* cluster.self
  yield* screen.print(`* ${name} is at ${self.addresses[0]}`)
  const joining = Effect.forEach(addresses, (address) => cluster.join(address), { concurrency: "unbounded" })
  // Reading comes first, so that whoever is met learns at once what is read here. The first to end ends all: a process that
  // hears nothing any more must not go on with what it cached.
  yield* Effect.raceAllFirst([hearing, parting, greeting, typing, Effect.andThen(joining, Effect.never)])
})

const ClusterLive = Cluster.layer({ cluster: "cache", name }).pipe(
  Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: Number(port) })),
  Layer.provide(Layer.succeed(References.MinimumLogLevel, "Error")),
)

program.pipe(Effect.scoped, Effect.provide([ClusterLive, NodeFileSystem.layer]), NodeRuntime.runMain)
