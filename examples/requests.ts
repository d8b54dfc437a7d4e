/** Code blocks of docs/requests.md with requests to several peers. examples/test/requests.test.ts runs them. */
import { PeerRpcClient, RequestLost } from "@coterie/rpc"
import { Effect, Exit, Stream } from "effect"
import { Work } from "./work/Work.ts"

// #region all
/** Makes a request to all peers that serve the group, waits up to 5 seconds, and adds up the answers. */
export const countEverywhere = Effect.gen(function* () {
  const answers = yield* PeerRpcClient.all(Work, (client) => client.CountPrimes({ job: 1, below: 100 }), {
    timeout: "5 seconds",
  })
  let sum = 0
  for (const { exit, peer } of answers) {
    if (Exit.isSuccess(exit)) sum += exit.value
    else yield* Effect.logWarning(`${peer.name} has no answer`, exit.cause)
  }
  return sum
})

/** Returns the first answer. The requests to the other peers are interrupted. */
export const countOnce = PeerRpcClient.streamAll(Work, (client) => client.CountPrimes({ job: 1, below: 100 })).pipe(
  Stream.filter(({ exit }) => Exit.isSuccess(exit)),
  Stream.runHead,
)
// #endregion

// #region any
/** Makes a request to any node that serves the group. */
export const countAnywhere = Effect.gen(function* () {
  const work: PeerRpcClient.FromGroup<typeof Work> = yield* PeerRpcClient.any(Work)
  return yield* work.CountPrimes({ job: 1, below: 100 })
}).pipe(Effect.scoped)

/** Gives the requests of each job to one node, which may keep the results of the job in a cache. */
export const countByJob = Effect.fnUntraced(function* (jobs: ReadonlyArray<number>) {
  const work: PeerRpcClient.FromGroup<typeof Work> = yield* PeerRpcClient.any(Work, {
    pick: { key: ({ payload }) => String(payload.job) },
  })
  return yield* Effect.forEach(jobs, (job) => work.CountPrimes({ job, below: 100 }), { concurrency: 8 })
}, Effect.scoped)
// #endregion

// #region lost
/** Gives a job to one peer, or to another peer if the first has certainly not received it. */
export const countSafely = Effect.fnUntraced(function* (first: string, second: string) {
  const job = { job: 1, below: 100 }
  const other = Effect.flatMap(PeerRpcClient.make(Work, second), (client) => client.CountPrimes(job))
  const client: PeerRpcClient.FromGroup<typeof Work> = yield* PeerRpcClient.make(Work, first)
  return yield* client
    .CountPrimes(job)
    .pipe(RequestLost.catchLost((cause, error) => (cause.maybeDelivered ? Effect.fail(error) : other)))
}, Effect.scoped)
// #endregion
