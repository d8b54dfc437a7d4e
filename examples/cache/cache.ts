/**
 * Every process caches what it reads from a store that all share, here a folder. Whoever writes tells the others what to forget.
 *
 *     npx -y pnpm@12 exec node examples/cache/cache.ts ann 24868 /tmp/store
 *     npx -y pnpm@12 exec node examples/cache/cache.ts bob 0 /tmp/store 127.0.0.1:24868
 *
 * Then type `get KEY` and `put KEY VALUE` in either.
 */
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { NodeFileSystem, NodeRuntime } from "@effect/platform-node"
import { Cache, Effect, FileSystem, Layer, References, Schema, Stream } from "effect"
import * as Screens from "../support/Screen.ts"
import * as Invalidation from "./Invalidation.ts"

const [name = "ann", port = "0", folder = "store", ...addresses] = process.argv.slice(2)

const Invalidations = Invalidation.topic("invalidations", Schema.String)

/** Says in words what was invalidated, and why. */
const textOf = (event: Invalidation.Event<string>): string => {
  switch (event._tag) {
    case "Key":
      return `* forgot ${event.key}: ${event.from.name} wrote it`
    case "Unheard":
      return `* forgot everything: ${event.from.name} may have written unheard`
    case "Gap":
      return `* forgot everything: the session with ${event.from?.name} is over`
  }
}

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
  // Attached before this node joins others, so that whoever is met learns at once what is read here.
  const { ended, invalidate } = yield* Invalidation.attach(cache, Invalidations, {
    onInvalidated: (event) => screen.print(textOf(event)),
  })

  const put = Effect.fnUntraced(function* (key: string, value: string) {
    yield* store.writeFileString(fileOf(key), value)
    yield* invalidate(key)
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
  const joining = addresses.length === 0 ? Effect.void : cluster.join(addresses)
  // The first to end ends all: a process that hears nothing any more must not go on with what it cached.
  yield* Effect.raceAllFirst([typing, ended, Effect.andThen(joining, Effect.never)])
})

const ClusterLive = Cluster.layer({ cluster: "cache", name }).pipe(
  Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: Number(port) })),
  Layer.provide(Layer.succeed(References.MinimumLogLevel, "Error")),
)

program.pipe(Effect.scoped, Effect.provide([ClusterLive, NodeFileSystem.layer]), NodeRuntime.runMain)
