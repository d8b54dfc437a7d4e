/**
 * Worker: `node worker.ts NAME SECONDS [ADDRESS...]`. It does the jobs of the bosses in the cluster. Each job takes the
 * given number of seconds.
 */
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { PeerRpcServer } from "@coterie/rpc"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Duration, Effect, Layer } from "effect"
import { role, Work } from "./Work.ts"

const [name = "ben", seconds = "1", ...seeds] = process.argv.slice(2)

const countPrimes = (below: number): number => {
  let count = 0
  for (let n = 2; n < below; n++) {
    let divisor = 2
    while (divisor * divisor <= n && n % divisor !== 0) divisor++
    if (divisor * divisor > n) count++
  }
  return count
}

// #region worker
const WorkHandlers = Work.toLayer({
  CountPrimes: ({ below, job }) =>
    Effect.log(`${name} works on job ${job}`).pipe(
      Effect.andThen(Effect.sleep(Duration.seconds(Number(seconds)))),
      Effect.andThen(Effect.sync(() => countPrimes(below))),
      Effect.onInterrupt(() => Effect.log(`${name} drops job ${job}`)),
    ),
})

/** Starts the node once it serves the group, so that a boss that lists this worker can make requests to it. */
const WorkerLive = Cluster.layerStart.pipe(
  Layer.provideMerge(PeerRpcServer.layer(Work)),
  Layer.provide(WorkHandlers),
  Layer.provideMerge(Cluster.layer({ cluster: "work", name, seeds, metadata: { role }, start: "manual" })),
  Layer.provide(NodeTransport.layerTcp({ host: "127.0.0.1", port: 0 })),
)
// #endregion

const program = Effect.gen(function* () {
  const cluster = yield* Cluster.Cluster
  const { addresses } = yield* cluster.self
  yield* Effect.log(`${name} waits for jobs at ${addresses[0]}`)
  return yield* Effect.never
})

program.pipe(Effect.provide(WorkerLive), NodeRuntime.runMain)
