/**
 * Boss with a number of jobs: `node boss.ts JOBS [ADDRESS...]`. Each worker of the cluster gets one job after the
 * other. When a worker is lost, its job goes to another worker. The boss ends when all jobs are done.
 */
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { PeerRpcClient, RequestLost } from "@coterie/rpc"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, FiberMap, Layer, Queue, Stream } from "effect"
import { role, Work } from "./Work.ts"

const [count = "10", ...seeds] = process.argv.slice(2)

interface Desk {
  readonly jobs: Queue.Queue<number>
  readonly done: Queue.Queue<number>
}

// #region boss
/** Gives one job after the other to a worker until the worker is lost. */
const employ = Effect.fnUntraced(function* (name: string, { done, jobs }: Desk) {
  const worker = yield* PeerRpcClient.make(Work, name)
  while (true) {
    const job = yield* Queue.take(jobs)
    const primes = yield* worker.CountPrimes({ job, below: job * 1_000 }).pipe(
      // This job may run twice. A job that must run at most once is not given away again if `maybeDelivered` is `true`.
      Effect.onError(() => Queue.offer(jobs, job)),
      Effect.tapError((error) =>
        Effect.log(`${name} lost job ${job} (${RequestLost.causeOf(error)?.reason._tag}); another worker gets it`),
      ),
    )
    yield* Effect.log(`job ${job} is done by ${name}: ${primes} primes`)
    yield* Queue.offer(done, job)
  }
}, Effect.scoped)

/** Employs each worker whose link is up, and employs it again when its link is up again. */
const employAll = Effect.fnUntraced(function* (desk: Desk) {
  const cluster = yield* Cluster.Cluster
  const employed = yield* FiberMap.make<string>()
  yield* cluster.views.pipe(
    Stream.flatMap(({ peers }) => Stream.fromIterable(peers.values())),
    Stream.filter(({ link, metadata }) => link === "up" && metadata["role"] === role),
    Stream.runForEach(({ name }) =>
      FiberMap.run(employed, name, Effect.ignore(employ(name, desk)), { onlyIfMissing: true }),
    ),
  )
}, Effect.scoped)
// #endregion

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const { addresses } = yield* cluster.self
  yield* Effect.log(`the boss has ${count} jobs and listens at ${addresses[0]}`)
  const desk: Desk = { jobs: yield* Queue.unbounded<number>(), done: yield* Queue.unbounded<number>() }
  yield* Queue.offerAll(
    desk.jobs,
    Array.from({ length: Number(count) }, (_, i) => i + 1),
  )
  yield* Effect.forkScoped(employAll(desk))
  yield* Queue.takeN(desk.done, Number(count))
  yield* Effect.log("all jobs are done")
})

const BossLive = Cluster.layerStart.pipe(
  Layer.provideMerge(PeerRpcClient.layer()),
  Layer.provideMerge(Cluster.layer({ cluster: "work", name: "boss", seeds, start: "manual" })),
  Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
)

program.pipe(Effect.scoped, Effect.provide(BossLive), NodeRuntime.runMain)
