/**
 * Instances of an `EventLog` server with one storage, in a simulation with all faults. Each writes at random and has clients,
 * which are slow at times and connect again. Each client gets every entry once and in order.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as ClusterTrace from "@coterie/core/ClusterTrace"
import type * as Limits from "@coterie/core/Limits"
import type * as Transport from "@coterie/core/Transport"
import * as PeerEventLogStorage from "@coterie/reactivity/PeerEventLogStorage"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { defaults, FeedParts } from "../src/internal/feedParts.ts"
import { SharedJournal, storeIdOf } from "./SharedJournal.ts"

/** Smallest window that a node accepts (docs/protocol.md, section "Limits"). */
const leastWindow = 1_024

/** A busy store, and one in which a long time passes between two writes. */
const [busy, quiet] = [storeIdOf("busy"), storeIdOf("quiet")]

/** Observations of all clients. */
class Observations {
  /** Description of the first entry that a client got twice, too early or too late. */
  wrong: string | undefined
  private readonly tags = new Set<string>()

  note(tag: string): void {
    this.tags.add(tag)
  }

  has(tag: string): boolean {
    return this.tags.has(tag)
  }
}

/** Client of a store at an instance. */
class Client {
  readonly storeId: typeof busy
  /** `true` if the client does not connect again. */
  readonly isSteady: boolean
  /** Last sequence that the client got. */
  last = 0
  private readonly name: string
  private readonly observations: Observations

  constructor(name: string, storeId: typeof busy, isSteady: boolean, observations: Observations) {
    this.name = name
    this.storeId = storeId
    this.isSteady = isSteady
    this.observations = observations
  }

  got(sequence: number): void {
    if (sequence !== this.last + 1) this.observations.wrong ??= `${this.name} got ${sequence} after ${this.last}`
    this.last = sequence
  }
}

class App extends Context.Service<
  App,
  {
    readonly clients: ReadonlyArray<Client>
    readonly write: (storeId: typeof busy) => Effect.Effect<void>
    /** Stops the writes, and the pauses of the clients. */
    readonly calm: Effect.Effect<void>
  }
>()("test/EventLogApp") {}

const pause = (least: number, most: number) => Effect.flatMap(Random.nextIntBetween(least, most), Effect.sleep)

const chance = (percent: number) => Effect.map(Random.nextIntBetween(0, 100), (n) => n < percent)

const makeApp = Effect.fnUntraced(function* (
  name: string,
  journal: SharedJournal,
  observations: Observations,
  options: PeerEventLogStorage.MakeOptions,
) {
  const storage = yield* PeerEventLogStorage.makeUnencrypted(yield* journal.open(name), options)
  let isCalm = false
  const run = (client: Client) =>
    Effect.gen(function* () {
      const { storeId } = client
      const connection = Stream.suspend(() =>
        storage.changes({ storeId, startSequence: client.last + 1, compactors: new Map() }),
      ).pipe(
        Stream.runForEach(({ remoteSequence }) =>
          Effect.gen(function* () {
            client.got(remoteSequence)
            if (journal.sequences(storeId).length > remoteSequence + 8) observations.note("far behind")
            if (!isCalm && (yield* chance(5))) yield* pause(1, 1_500)
          }),
        ),
      )
      while (!isCalm && !client.isSteady) {
        yield* pause(1, 1_000)
        const seconds = yield* Random.nextIntBetween(1, 10)
        // It connects with the sequence that it wants next, as Effect's client does.
        yield* Effect.timeoutOption(connection, seconds * 1_000)
        if (client.last > 0) observations.note("connected again")
      }
      yield* connection
    })
  // A client that connects reads the store for all clients of its instance, so the quiet store has only one.
  const clients = [
    new Client(`the first client of ${name}`, busy, true, observations),
    new Client(`the fickle client of ${name}`, busy, false, observations),
    new Client(`the quiet client of ${name}`, quiet, true, observations),
  ]
  for (const client of clients) yield* Effect.forkScoped(run(client))
  const write = Effect.fnUntraced(function* (storeId: typeof busy) {
    const count = yield* Random.nextIntBetween(1, 4)
    yield* storage.write(
      storeId,
      Array.from({ length: count }, () => journal.entry()),
    )
  })
  const talk = Effect.gen(function* () {
    while (!isCalm) {
      yield* write((yield* chance(10)) ? quiet : busy)
      yield* pause(1, (yield* chance(10)) ? 4_000 : 600)
    }
  })
  yield* Effect.forkScoped(talk)
  return App.of({
    clients,
    write,
    calm: Effect.sync(() => {
      isCalm = true
    }),
  })
})

interface Setup {
  readonly journal: SharedJournal
  readonly observations: Observations
  readonly options: PeerEventLogStorage.MakeOptions
  readonly limits: Partial<Limits.Limits>
  readonly parts: Partial<FeedParts>
}

const layer = (
  name: string,
  seeds: ReadonlyArray<string>,
  { journal, limits, observations, options, parts }: Setup,
): Layer.Layer<App | Cluster.Cluster, unknown, Transport.Transport> =>
  Layer.provideMerge(Cluster.layerStart, Layer.effect(App)(makeApp(name, journal, observations, options))).pipe(
    Layer.provide(Layer.succeed(FeedParts, { ...defaults, ...parts })),
    Layer.provideMerge(Cluster.layer({ cluster: "notes", name, seeds, limits, start: "manual" })),
  )

type Nodes = Readonly<Record<string, Simulation.Node<App | Cluster.Cluster>>>

/** Checks that each client at each node has the last entry of its store. */
const isComplete = (nodes: Nodes, journal: SharedJournal): boolean | string => {
  for (const node of Object.values(nodes)) {
    const app = node.service(App)
    if (app === undefined) return `${node.name} is not running`
    for (const { last, storeId } of app.clients) {
      const head = journal.sequences(storeId).length
      if (last !== head) return `a client at ${node.name} has ${last} of ${storeId}, which has ${head}`
    }
  }
  return true
}

/** Makes a scenario with servers under all faults. Some of many seeds must reach each of the goals. */
export const scenario = (name: string, parts: Partial<FeedParts> = {}, goals: ReadonlyArray<string> = []) =>
  Simulation.scenario(
    name,
    { describe: ClusterTrace.describe(), faults: FaultPlan.swarm, timeLimit: "30 minutes", strict: true },
    (sim) =>
      Effect.gen(function* () {
        const delay = pause(0, yield* Random.nextIntBetween(1, 60))
        const journal = new SharedJournal({ delay })
        const observations = new Observations()
        const size = yield* Random.nextIntBetween(2, 5)
        const names = Array.from({ length: size }, (_, i) => `n${i + 1}`)
        const options = {
          readInterval: yield* Random.nextIntBetween(1, 300),
          capacity: yield* Random.nextIntBetween(1, 8),
          maxKeys: yield* Random.nextIntBetween(1, 3),
          allInterval: yield* Random.nextIntBetween(1, 2_000),
        }
        const limits = { laneWindowBytes: yield* Random.nextIntBetween(leastWindow, 4 * leastWindow) }
        const setup = { journal, observations, options, limits, parts }
        yield* Invariant.always("each client gets every entry once and in order", () => observations.wrong ?? true)
        for (const tag of goals) yield* Invariant.sometimes(tag, () => observations.has(tag))
        const nodes = yield* sim.nodes(names, (name) => layer(name, ["n1", "n2"], setup))
        yield* Effect.sleep("20 seconds")
        yield* sim.converges(() => Object.values(nodes).every((node) => node.state === "running"))
        for (const node of Object.values(nodes)) yield* node.run(Effect.flatMap(App, ({ calm }) => calm))
        yield* sim.converges(() => isComplete(nodes, journal), { within: "1 minute" })
        const allAreListed = () =>
          Object.values(nodes).every((node) => node.service(Cluster.Cluster)?.viewUnsafe().peers.size === size - 1)
        yield* sim.until("all instances list each other", allAreListed, { within: "2 minutes" })
        // The last write of an instance that does not return, at any moment of it.
        const { [names.at(-1) ?? ""]: last, ...others } = nodes
        if (last === undefined) return
        const write = last.run(Effect.flatMap(App, (app) => app.write(quiet)))
        yield* Effect.forkScoped(Effect.ignore(write))
        yield* pause(1, 150)
        yield* (yield* Random.nextBoolean) ? last.crash : last.powerOff
        const othersAreComplete = () => isComplete(others, journal)
        yield* sim.until("the clients of the others have its write", othersAreComplete, { within: "1 minute" })
      }),
  )

/** The scenario without a defect. */
export const eventLogs = scenario(
  "clients of event log servers get every entry once and in order, after any faults",
  {},
  ["far behind", "connected again"],
)
