/**
 * Node with an owned map, a presence, a placement and a shared value. Tests kill it, stop it and cut it off:
 *
 *     node node.ts NAME HOST [SEED]...
 *
 * It writes reports to its standard output and reads commands from its standard input (Protocol.ts). It leaves at the end
 * of the input.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as FailureDetector from "@coterie/core/FailureDetector"
import * as Reconnect from "@coterie/core/Reconnect"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as Group from "@coterie/state/Group"
import * as OwnedMap from "@coterie/state/OwnedMap"
import * as Placement from "@coterie/state/Placement"
import * as Presence from "@coterie/state/Presence"
import * as SharedValue from "@coterie/state/SharedValue"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Protocol from "./Protocol.ts"
import { runReporter } from "../../../node-transport/test/real/runReporter.ts"

const [name = "", host = "", ...seeds] = process.argv.slice(2)

/** The parts of the state that the node shares with others, and the reports about them. */
const makeState = Effect.gen(function* () {
  const changes = yield* Queue.sliding<void>(1)
  let state: Protocol.State = {
    _tag: "State",
    links: [],
    entries: {},
    owners: {},
    users: {},
    left: [],
    members: [],
    mine: [],
    value: 0,
    lost: [],
  }
  let reported = ""
  const report = Effect.suspend(() => {
    const text = Protocol.encodeReport(state)
    if (text === reported) return Effect.void
    reported = text
    return Console.log(text)
  })
  yield* Effect.forkScoped(Stream.runForEach(Stream.fromQueue(changes), () => report))
  const change = (change: (state: Protocol.State) => Partial<Protocol.State>) =>
    Effect.suspend(() => {
      state = { ...state, ...change(state) }
      return Queue.offer(changes, undefined)
    })
  /** Changes the state with each item of a stream, until the scope closes. */
  const follow = <A, E, R>(
    stream: Stream.Stream<A, E, R>,
    apply: (item: A, state: Protocol.State) => Partial<Protocol.State>,
  ) => Effect.forkScoped(Stream.runForEach(stream, (item) => change((state) => apply(item, state))))
  return { follow }
})

type Follow = Effect.Success<typeof makeState>["follow"]

const shareMap = Effect.fnUntraced(function* (follow: Follow) {
  const map = yield* OwnedMap.make("jobs", { key: Schema.String, value: Schema.String })
  const entries = new Map<string, OwnedMap.Entry<string, string>>()
  const owners = new Map<string, OwnedMap.Owner>()
  yield* follow(map.changes, (item) => {
    OwnedMap.apply(entries, item)
    if (item._tag === "Snapshot") {
      owners.clear()
      for (const [name, owner] of item.state.owners) owners.set(name, owner)
    }
    if (item._tag === "OwnerChanged") {
      if (item.owner === undefined) owners.delete(item.name)
      else owners.set(item.name, item.owner)
    }
    return {
      entries: Object.fromEntries(
        [...entries.values()].map(({ key, owner, value }) => [`${owner.name}/${key}`, value]),
      ),
      owners: Object.fromEntries([...owners].map(([name, { state }]) => [name, state])),
    }
  })
  return map
})

const sharePresence = Effect.fnUntraced(function* (follow: Follow) {
  const users = yield* Presence.make("users", { value: Schema.Null, grace: "4 seconds" })
  const present = new Map<string, Presence.Present<null>>()
  yield* follow(users.changes, (item, { left }) => {
    Presence.apply(present, item)
    return {
      users: Object.fromEntries(
        [...present].map(([user, { leaving, metas }]) => [user, leaving ? [] : metas.map(({ peer }) => peer.name)]),
      ),
      left: item._tag === "Left" ? [...left, item.present.key] : left,
    }
  })
  const scope = yield* Effect.scope
  const tracks = new Map<string, Scope.Closeable>()
  return {
    track: Effect.fnUntraced(function* (user: string) {
      const own = yield* Scope.fork(scope)
      tracks.set(user, own)
      yield* Scope.provide(users.track(user, null), own)
    }),
    untrack: (user: string) =>
      Effect.suspend(() => {
        const own = tracks.get(user)
        return own === undefined ? Effect.void : Scope.close(own, Exit.void)
      }),
  }
})

const sharePlacement = Effect.fnUntraced(function* (follow: Follow) {
  const group = yield* Group.make("workers", { value: Schema.Null })
  const placement = yield* Placement.make(group, { settle: "500 millis", minimumMembers: Protocol.minimumMembers })
  yield* group.join(null)
  yield* follow(group.views, ({ members }) => ({ members: members.map(({ peer }) => peer.name) }))
  const mine = new Set<string>()
  for (const key of Protocol.keys) {
    yield* follow(placement.watch(key), (ownership) => {
      if (ownership === "mine") mine.add(key)
      else mine.delete(key)
      return { mine: Protocol.keys.filter((each) => mine.has(each)) }
    })
  }
})

const shareValue = Effect.fnUntraced(function* (follow: Follow) {
  const level = yield* SharedValue.make("level", { value: Schema.Finite, initial: 0 })
  yield* follow(level.values, (value) => ({ value }))
  yield* follow(level.conflicts, (conflict, { lost }) => ({ lost: [...lost, conflict.lost.value] }))
  return level
})

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const { addresses } = yield* cluster.self
  yield* Console.log(Protocol.encodeReport({ _tag: "Listening", address: addresses[0] ?? "" }))
  const { follow } = yield* makeState
  yield* follow(cluster.views, ({ peers }) => ({
    links: [...peers.values()].flatMap(({ link, name }) => (link === "up" ? [name] : [])).sort(),
  }))
  const map = yield* shareMap(follow)
  const users = yield* sharePresence(follow)
  yield* sharePlacement(follow)
  const level = yield* shareValue(follow)
  const obey = (command: Protocol.Command) => {
    switch (command._tag) {
      case "Set":
        return map.set(command.key, command.value)
      case "Track":
        return users.track(command.user)
      case "Untrack":
        return users.untrack(command.user)
      case "Write":
        return level.set(command.value)
    }
  }
  const { stdin } = yield* Stdio.Stdio
  yield* stdin.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect((line) => Protocol.decodeCommand(line)),
    Stream.runForEach(obey),
  )
})

/** A partition is noticed sooner than with the defaults. All other times are the defaults, which tolerate a busy machine. */
const policies = [FailureDetector.layer({ suspicionMax: "8 seconds" }), Reconnect.layer(Schedule.spaced("200 millis"))]

const NodeLive = Cluster.layer({ cluster: "real", name, seeds, policies }).pipe(
  Layer.provide(NodeTransport.layerTcp({ host, port: 0, insecure: true })),
)

runReporter(program, NodeLive)
