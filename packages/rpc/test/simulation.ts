/**
 * Peers that send requests to each other, and to any of them, in a simulation with all faults. Each request is carried
 * out at most once, its caller gets one outcome, and that outcome is true.
 */
import * as Cluster from "@coterie/core/Cluster"
import type * as Limits from "@coterie/core/Limits"
import type * as Transport from "@coterie/core/Transport"
import * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import * as PeerRpcServer from "@coterie/rpc/PeerRpcServer"
import * as RequestLost from "@coterie/rpc/RequestLost"
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Rpc from "effect/rpc/Rpc"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** Target of a request that is made to any node. */
const anyNode = "any"

/** Smallest window that a node accepts (docs/protocol.md, section "Limits"). */
const leastWindow = 1_024

const Jobs = RpcGroup.make(
  Rpc.make("Do", { payload: { job: Schema.String, millis: Schema.Number }, success: Schema.String }),
  Rpc.make("List", { payload: { job: Schema.String, length: Schema.Number }, success: Schema.Number, stream: true }),
)

/** Observed actions of all nodes. */
interface Observations {
  /** Number of times that each job was begun. */
  readonly begun: Map<string, number>
  /** Number of times that the caller of each job got its outcome. */
  readonly heard: Map<string, number>
  /** Broken promises of the requests. */
  readonly wrong: Array<string>
  /** Number of jobs with each outcome. */
  readonly counts: Map<string, number>
}

const add = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1)

class App extends Context.Service<
  App,
  {
    /** Requested jobs without an outcome. */
    readonly open: Set<string>
    /** Requests a job and checks its outcome. */
    readonly request: (peer: string) => Effect.Effect<string>
    /** Stops making requests. */
    readonly stopRequests: Effect.Effect<void>
    /** Returns the sum of the series of this life of the node that have this id. */
    readonly sumOf: (id: string) => number
  }
>()("test/App") {}

/** Returns the sum of all series of a node with this id. */
const sumOf = (context: Context.Context<never>, node: string, id: string): number => {
  let sum = 0
  for (const metric of Metric.snapshotUnsafe(context)) {
    if (metric.id !== id || metric.attributes?.["node"] !== node) continue
    if (metric.type === "Counter") sum += Number(metric.state.count)
    if (metric.type === "Gauge") sum += Number(metric.state.value)
  }
  return sum
}

const handlers = ({ begun, wrong }: Observations) => {
  const begin = (job: string): void => {
    add(begun, job)
    if (begun.get(job) !== 1) wrong.push(`${job} was begun ${begun.get(job)} times`)
  }
  return Jobs.toLayer({
    Do: ({ job, millis }) =>
      Effect.suspend(() => {
        begin(job)
        return Effect.as(Effect.sleep(millis), `${job} done`)
      }),
    List: ({ job, length }) =>
      Stream.suspend(() => {
        begin(job)
        return Stream.range(1, length, 1)
      }),
  })
}

const makeApp = Effect.fnUntraced(function* (name: string, names: ReadonlyArray<string>, observations: Observations) {
  const { begun, counts, heard, wrong } = observations
  const life = yield* Random.nextInt
  const open = new Set<string>()
  let asked = 0
  let isTalking = true

  const clients = new Map<string, Effect.Success<ReturnType<typeof PeerRpcClient.make<RpcGroup.Rpcs<typeof Jobs>>>>>()
  for (const peer of names) clients.set(peer, yield* PeerRpcClient.make(Jobs, peer))
  clients.set(anyNode, yield* PeerRpcClient.any(Jobs))

  const lost = (job: string, error: RpcClientError): string => {
    const cause = RequestLost.causeOf(error)
    if (cause === undefined) {
      wrong.push(`${job}: ${error.message}`)
      return "error"
    }
    if (!cause.maybeDelivered && begun.has(job)) wrong.push(`${job} was not sent (${cause.reason._tag}), and was begun`)
    return `${cause._tag} ${cause.reason._tag}`
  }

  const one = Effect.fnUntraced(function* (peer: string, job: string) {
    const client = clients.get(peer)
    if (client === undefined) return "nobody"
    if (yield* Random.nextBoolean) {
      const millis = yield* Random.nextIntBetween(0, 500)
      const result = client.Do({ job, millis }).pipe(
        Effect.match({
          onFailure: (error) => lost(job, error),
          onSuccess: (answer) => (answer === `${job} done` ? "answered" : `answered with ${answer}`),
        }),
      )
      // Slow jobs time out.
      return yield* Effect.timeoutOrElse(result, { duration: "2 seconds", orElse: () => Effect.succeed("given up") })
    }
    const length = yield* Random.nextIntBetween(1, 50)
    let count = 0
    const reading = Stream.runForEach(client.List({ job, length }), (number) =>
      Effect.sync(() => {
        if (number !== ++count) wrong.push(`${job}: ${number} as the ${count}th value`)
      }),
    )
    return yield* Effect.match(reading, {
      onFailure: (error) => lost(job, error),
      onSuccess: () => (count === length ? "streamed" : `streamed ${count} of ${length}`),
    })
  })

  const request = Effect.fnUntraced(function* (peer: string) {
    const job = `${name}/${life}/${++asked} at ${peer}`
    open.add(job)
    const outcome = yield* one(peer, job)
    open.delete(job)
    add(heard, job)
    add(counts, peer === anyNode ? `${anyNode} ${outcome}` : outcome)
    if (heard.get(job) !== 1) wrong.push(`${job} ended twice`)
    if (/^(answered|streamed) /.test(outcome)) wrong.push(`${job}: ${outcome}`)
    if (/^(answered|streamed)$/.test(outcome) && begun.get(job) !== 1) {
      wrong.push(`${job} was ${outcome}, and begun ${begun.get(job) ?? 0} times`)
    }
    return outcome
  })

  const talk = Effect.gen(function* () {
    while (isTalking) {
      const peer = names[yield* Random.nextIntBetween(0, 2 * names.length)] ?? anyNode
      yield* Effect.forkScoped(request(peer))
      yield* Effect.sleep(yield* Random.nextIntBetween(20, 400))
    }
  })
  yield* Effect.forkScoped(talk)
  const context = yield* Effect.context<never>()
  return App.of({
    sumOf: (id) => sumOf(context, name, id),
    open,
    request,
    stopRequests: Effect.sync(() => {
      isTalking = false
    }),
  })
})

interface Setting {
  /** Limit of the requests of one peer in flight. */
  readonly limit: number
  readonly limits: Partial<Limits.Limits>
  readonly client: Layer.Layer<PeerRpcClient.PeerRpcClient, unknown, Cluster.Cluster>
}

const layer = (
  name: string,
  names: ReadonlyArray<string>,
  observations: Observations,
  { limit, limits, client }: Setting,
): Layer.Layer<App, unknown, Transport.Transport> =>
  Layer.effect(App)(makeApp(name, names, observations)).pipe(
    Layer.provideMerge(PeerRpcServer.layer(Jobs, { limit }).pipe(Layer.provide(handlers(observations)))),
    Layer.provide(client),
    Layer.provideMerge(Cluster.layer({ cluster: "jobs", name, seeds: ["n1", "n2"], limits })),
  )

/** Checks that no node waits for a request, and that its metrics count each request as ended. */
const works = (nodes: Readonly<Record<string, Simulation.Node<App>>>): boolean | string => {
  const apps: Array<readonly [name: string, app: App["Service"]]> = []
  for (const node of Object.values(nodes)) {
    const app = node.service(App)
    if (app === undefined) return `${node.name} is not running`
    const [first] = app.open
    if (first !== undefined) return `${node.name} waits for ${app.open.size} jobs, of which one is ${first}`
    apps.push([node.name, app])
  }
  // The metrics are read last, because a snapshot of them costs as much as a hundred steps.
  for (const [name, app] of apps) {
    const inFlight = app.sumOf("coterie_requests_in_flight")
    if (inFlight !== 0) return `${name} counts ${inFlight} requests in flight`
    const [total, ended] = [app.sumOf("coterie_requests_total"), app.sumOf("coterie_request_outcomes_total")]
    if (total !== ended) return `${name} counts ${total} requests, of which ${ended} ended`
  }
  return true
}

/** Makes the scenario with this client layer. */
const scenarioWith = (name: string, client: Setting["client"]) =>
  Simulation.scenario(name, { faults: FaultPlan.swarm, timeLimit: "30 minutes", strict: true }, (sim) =>
    Effect.gen(function* () {
      const observations: Observations = { begun: new Map(), heard: new Map(), wrong: [], counts: new Map() }
      const size = yield* Random.nextIntBetween(2, 6)
      const names = Array.from({ length: size }, (_, i) => `n${i + 1}`)
      yield* Invariant.always(
        "no job begins twice, and every outcome that a caller gets is true",
        () => observations.wrong[0] ?? true,
      )
      for (const what of [
        "answered",
        "streamed",
        "RequestLost SessionEnded",
        "RequestLost Busy",
        "SendError NotConnected",
        "any answered",
        "any streamed",
        "any RequestLost SessionEnded",
        "any RequestLost Busy",
      ]) {
        yield* Invariant.sometimes(`a job is ${what}`, () => (observations.counts.get(what) ?? 0) > 0)
      }
      // Low enough that servers refuse requests.
      const limit = yield* Random.nextIntBetween(1, 4)
      // Small windows make senders wait for credit all the time.
      const limits = { laneWindowBytes: yield* Random.nextIntBetween(leastWindow, 4 * leastWindow) }
      const nodes = yield* sim.nodes(names, (name) => layer(name, names, observations, { limit, limits, client }))
      yield* Effect.sleep("20 seconds")
      yield* sim.converges(() => Object.values(nodes).every((node) => node.state === "running"))
      const apps = Object.values(nodes)
      yield* Effect.forEach(apps, (node) => node.run(Effect.flatMap(App, ({ stopRequests }) => stopRequests)))
      yield* sim.converges(() => works(nodes), { within: "2 minutes" })
      const everyPeerAnswers = Effect.gen(function* () {
        for (const node of apps) {
          for (const peer of [...names, anyNode]) {
            if (peer === node.name) continue
            const outcome = yield* node.run(Effect.flatMap(App, ({ request }) => request(peer)))
            if (outcome !== "answered" && outcome !== "streamed") return yield* Effect.fail(outcome)
          }
        }
      })
      yield* Effect.timeout(Effect.retry(everyPeerAnswers, { schedule: Schedule.spaced("1 second") }), "2 minutes")
      yield* sim.converges(() => works(nodes), { within: "2 minutes" })
      const counted = apps.map((node) => node.service(App)?.sumOf("coterie_requests_total") ?? 0)
      // Each node has made a request to every other node, and each of them has answered.
      if (counted.some((count) => count < 2 * (size - 1))) yield* Effect.fail(`requests are not counted: ${counted}`)
    }),
  )

/** Requests under all faults. */
export const requests = scenarioWith(
  "requests are carried out at most once, and what becomes of them is heard once",
  PeerRpcClient.layer(),
)

/** A client of any node that makes a request again although it may have been carried out. */
export const mutant = scenarioWith(
  "mutant: any repeats requests that may have been carried out",
  Layer.effect(PeerRpcClient.PeerRpcClient)(
    Effect.map(PeerRpcClient.PeerRpcClient, (client) => ({
      ...client,
      anyProtocol: (options) =>
        Effect.map(client.anyProtocol(options), (protocol) => ({
          ...protocol,
          send: (clientId, message, transferables) =>
            Effect.retry(protocol.send(clientId, message, transferables), { times: 3 }),
        })),
    })),
  ).pipe(Layer.provide(PeerRpcClient.layer())),
)
