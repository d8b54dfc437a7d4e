/** Runners that a test declares, and a storage that records what is written. */
import * as ChangeFeed from "@coterie/core/ChangeFeed"
import { PersistenceError } from "effect/cluster/ClusterError"
import * as MachineId from "effect/cluster/MachineId"
import * as Runner from "effect/cluster/Runner"
import type { RunnerAddress } from "effect/cluster/RunnerAddress"
import { RunnerStorage } from "effect/cluster/RunnerStorage"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { textOf } from "../src/internal/runnerAddresses.ts"
import * as RunnerPeers from "../src/RunnerPeers.ts"

/** Knowledge of one node, which the test changes. */
export const makePeers = (self: RunnerAddress) => {
  const verdicts = new Map<string, RunnerPeers.Verdict>()
  const stopped = Deferred.makeUnsafe<void>()
  let count = 0
  const deaths = ChangeFeed.makeUnsafe<number, number>({ state: () => count, capacity: 1 })
  const service = RunnerPeers.RunnerPeers.of({
    self,
    verdict: (address) => (textOf(address) === textOf(self) ? "alive" : (verdicts.get(textOf(address)) ?? "unknown")),
    nameOf: () => undefined,
    deaths: Stream.map(deaths.states, () => undefined),
    isStopped: () => Deferred.isDoneUnsafe(stopped),
    awaitStopped: Deferred.await(stopped),
  })
  const set = (address: RunnerAddress, verdict: RunnerPeers.Verdict): void => {
    verdicts.set(textOf(address), verdict)
    if (verdict === "dead") deaths.publishUnsafe(++count)
  }
  const stop = (): void => {
    Deferred.doneUnsafe(stopped, Effect.void)
    deaths.endUnsafe()
  }
  return { service, set, stop, layer: Layer.succeed(RunnerPeers.RunnerPeers, service) }
}

export type FakePeers = ReturnType<typeof makePeers>

/** A write of a flag. */
export type Write = readonly [by: string, address: string, healthy: boolean]

/** A storage of registrations. Its locks are not used. */
export const makeStorage = (addresses: ReadonlyArray<RunnerAddress>) => {
  const flags = new Map(addresses.map((address) => [textOf(address), true]))
  const writes: Array<Write> = []
  const state = { reads: 0, behaviour: "works" as "works" | "fails" | "hangs" }
  const failure = new PersistenceError({ cause: new Error("the database is down") })
  const run = <A>(use: () => A): Effect.Effect<A, PersistenceError> =>
    Effect.suspend((): Effect.Effect<A, PersistenceError> => {
      if (state.behaviour === "fails") return Effect.fail(failure)
      return state.behaviour === "hangs" ? Effect.never : Effect.sync(use)
    })
  const makeRunner = (address: RunnerAddress) => Runner.make({ address, groups: ["default"], weight: 1 })
  /** Returns the storage as a node with this name uses it. */
  const service = (by: string) =>
    RunnerStorage.of({
      register: () => Effect.succeed(MachineId.make(1)),
      unregister: () => Effect.void,
      getRunners: run(() => {
        state.reads++
        return addresses.flatMap((address) => {
          const healthy = flags.get(textOf(address))
          return healthy === undefined ? [] : [[makeRunner(address), healthy] as const]
        })
      }),
      setRunnerHealth: (address, healthy) =>
        run(() => {
          writes.push([by, address.host, healthy])
          flags.set(textOf(address), healthy)
        }),
      acquire: () => Effect.succeed([]),
      refresh: () => Effect.succeed([]),
      release: () => Effect.void,
      releaseAll: () => Effect.void,
    })
  return { flags, writes, state, service, layer: (by: string) => Layer.succeed(RunnerStorage, service(by)) }
}
