/**
 * Services of three instances in a simulation. Each user has a client, which connects to one instance after the other
 * and sends each message through any instance until it is acknowledged.
 */
import { Cluster, ClusterTrace } from "@coterie/core"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import { Context, Effect, Layer, Queue, Random, Schedule, Stream } from "effect"
import { KeyValueStore } from "effect/persistence"
import { Profiles } from "../recipes/cacheInvalidation.ts"
import { Users, where } from "../recipes/presence.ts"
import * as Chat from "./Chat.ts"
import { Connections } from "./Connections.ts"
import { Delivery } from "./Delivery.ts"
import { Reports } from "./Reports.ts"

const names = ["a", "b", "c"] as const
const users = ["ann", "bob", "cat", "dan"] as const

/** Makes a store that outlives every instance. */
const memoryStore = () => {
  const entries = new Map<string, string>()
  return KeyValueStore.makeStringOnly({
    get: (key) => Effect.sync(() => entries.get(key)),
    set: (key, value) => Effect.sync(() => void entries.set(key, value)),
    remove: (key) => Effect.sync(() => void entries.delete(key)),
    clear: Effect.sync(() => entries.clear()),
    size: Effect.sync(() => entries.size),
    keys: Effect.sync(() => [...entries.keys()]),
  })
}

/** Tells whether this instance runs the job. */
export class RunsJob extends Context.Service<RunsJob, () => boolean>()("test/RunsJob") {}

/** Adds the name of the instance to `ran` when it runs the job. */
const layerRunsJob = (name: string, ran: Set<string>) =>
  Layer.effect(RunsJob)(
    Effect.gen(function* () {
      const { placement } = yield* Reports
      let isOwner = false
      const follow = Stream.runForEach(placement.watch("singleton/job"), (ownership) =>
        Effect.sync(() => {
          isOwner = ownership === "mine"
          if (isOwner) ran.add(name)
        }),
      )
      yield* Effect.forkScoped(follow)
      return () => isOwner
    }),
  )

const layer = (name: string, store: KeyValueStore.KeyValueStore, ran: Set<string>) =>
  layerRunsJob(name, ran).pipe(
    Layer.provideMerge(Chat.layer({ reportEvery: "5 seconds" })),
    Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store)),
    Layer.provideMerge(Cluster.layer({ cluster: "chat", name, seeds: names, start: "manual" })),
  )

/** Starts three instances with one store. */
export const start = Effect.fnUntraced(function* (sim: Simulation.Sim) {
  const store = memoryStore()
  /** Instances that have run the job. */
  const ran = new Set<string>()
  const nodes = yield* sim.nodes(names, (name) => layer(name, store, ran), {
    start: () => Effect.flatMap(Cluster.Cluster, ({ start }) => start),
  })
  return { nodes, ran, store }
})

/** Returns the names of the instances that run the job. */
export const ownersOf = (instances: ReadonlyArray<Instance>): ReadonlyArray<string> =>
  instances.filter((instance) => instance.service(RunsJob)?.() === true).map(({ name }) => name)

type Instance = Simulation.Node<Layer.Success<ReturnType<typeof layer>>>

/** Record of what a user's client has seen. */
class Client {
  readonly user: string
  readonly received = new Set<string>()
  /** Number of messages that were acknowledged to this user. */
  acknowledged = 0
  /** Instance of the client's connection. */
  at: string | undefined

  constructor(user: string) {
    this.user = user
  }

  /** Keeps a connection for some time, or until the instance ends. */
  connect(instance: Instance, millis: number) {
    const { received, user } = this
    return Effect.gen({ self: this }, function* () {
      const { add } = yield* Connections
      const numbers = yield* Queue.unbounded<number>()
      const confirm = yield* add(user, (number, { id }) => {
        received.add(id)
        return Queue.offer(numbers, number)
      })
      this.at = instance.name
      const confirming = Effect.forever(Effect.map(Queue.take(numbers), confirm))
      yield* Effect.timeoutOption(confirming, millis)
    }).pipe(instance.run, Effect.ignore, Effect.ensuring(Effect.sync(() => (this.at = undefined))))
  }
}

/** Observations of a run of the scenario. */
class World {
  readonly instances: ReadonlyArray<Instance>
  readonly clients = users.map((user) => new Client(user))
  /** Description of an acknowledged message that was not received. */
  lost: string | undefined
  /** `true` while clients move from one instance to another. */
  isMoving = true

  constructor(instances: ReadonlyArray<Instance>) {
    this.instances = instances
  }

  /** Returns the reason why the presence of an instance is wrong, or `true`. */
  agree(): string | true {
    for (const instance of this.instances) {
      for (const { at, user } of this.clients) {
        const presence = instance.service(Users)
        const seen = presence && Effect.runSync(where(presence, user)).map(({ name }) => name)
        if (at === undefined || String(seen) !== at) return `${instance.name} has ${user} at ${seen}, not ${at}`
      }
    }
    const owners = ownersOf(this.instances)
    return owners.length === 1 || `the job is run by ${owners.length === 0 ? "no instance" : owners}`
  }
}

/** Connects a client to one instance after the other. */
const living = (world: World, client: Client) =>
  Effect.gen(function* () {
    const instance = yield* Random.choice(world.instances)
    const millis = world.isMoving ? yield* Random.nextIntBetween(1_000, 30_000) : 3_600_000
    yield* client.connect(instance, millis)
    yield* Effect.sleep("200 millis")
  }).pipe(Effect.forever)

/** Sends one message after the other, each through any instance, until it is acknowledged. */
const talking = (world: World, client: Client) =>
  Effect.gen(function* () {
    const to = yield* Random.choice(world.clients)
    const message = { id: `${client.user}-${client.acknowledged}`, from: client.user, to: to.user, text: "hello" }
    yield* Effect.flatMap(Random.choice(world.instances), (instance) =>
      instance.run(Effect.flatMap(Delivery, ({ send }) => send(message))),
    ).pipe(Effect.retry(Schedule.spaced("500 millis")))
    if (!to.received.has(message.id))
      world.lost ??= `${message.id} was acknowledged, and ${to.user} has not received it`
    client.acknowledged++
    yield* Effect.sleep("300 millis")
  }).pipe(Effect.forever)

/** Renames a user again and again, through any instance. */
const renaming = (world: World) =>
  Effect.gen(function* () {
    const instance = yield* Random.choice(world.instances)
    const name = `Ann ${yield* Random.nextIntBetween(0, 1_000_000)}`
    yield* Effect.ignore(instance.run(Effect.flatMap(Profiles, ({ rename }) => rename("ann", name))))
    yield* Effect.sleep("3 seconds")
  }).pipe(Effect.forever)

export const service = Simulation.scenario(
  "a chat service",
  { faults: FaultPlan.swarm, describe: ClusterTrace.describe() },
  (sim) =>
    Effect.gen(function* () {
      const { nodes, ran, store } = yield* start(sim)
      const world = new World(Object.values(nodes))
      yield* Invariant.always("every acknowledged message was received", () => world.lost ?? true)
      yield* Invariant.sometimes("an instance runs the job during the faults", () => world.isMoving && ran.size > 0)

      for (const client of world.clients) {
        yield* Effect.forkScoped(living(world, client))
        yield* Effect.forkScoped(talking(world, client))
      }
      yield* Effect.forkScoped(renaming(world))
      yield* Effect.sleep("30 seconds")

      world.isMoving = false
      yield* sim.converges(() => world.agree())
      const before = world.clients.map(({ acknowledged }) => acknowledged)
      yield* sim.until("each user gets another acknowledgement", () =>
        world.clients.every(({ acknowledged }, index) => acknowledged > (before[index] ?? 0)),
      )
      const stored = yield* store.get("name.ann")
      for (const instance of world.instances) {
        const cached = yield* instance.run(Effect.flatMap(Profiles, ({ name }) => name("ann")))
        if (cached !== stored) return yield* Effect.die(new Error(`${instance.name} shows ${cached}, not ${stored}`))
      }
    }),
)
