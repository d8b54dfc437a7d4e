/** Registered runners of the storage, for the judgement. */
import * as Effect from "effect/Effect"
import type { RunnerAddress } from "effect/cluster/RunnerAddress"
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import type { RunnerPeers } from "../RunnerPeers.ts"
import type { JudgedRunner } from "./judge.ts"
import { textOf } from "./runnerAddresses.ts"

/** A registered runner with its address as the storage takes it. */
export interface RegisteredRunner extends JudgedRunner {
  readonly runnerAddress: RunnerAddress
}

/**
 * Time after which an operation of the storage counts as failed. The engine gives the storage the same time for its own
 * operations on runners.
 */
export const storageTimeout = "5 seconds"

/** Reads the registered runners from the storage, and adds what this node knows of each. */
export const readRunners = (peers: RunnerPeers["Service"], storage: RunnerStorage["Service"]) =>
  storage.getRunners.pipe(
    Effect.timeout(storageTimeout),
    Effect.map((runners) =>
      runners.map(([{ address }, healthy]): RegisteredRunner => ({
        address: textOf(address),
        healthy,
        verdict: peers.verdict(address),
        isSelf: textOf(address) === textOf(peers.self),
        runnerAddress: address,
      })),
    ),
  )
