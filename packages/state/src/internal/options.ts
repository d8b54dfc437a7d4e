/** Options of a map, with their defaults and their checks. */
import { OptionsError } from "@coterie/core/ClusterError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { EntryTooLarge, Subject } from "../StateError.ts"
import { maxNameBytes, nameProblem, reservedPrefix } from "./names.ts"
import { maxItemBytes, minMessageBytes, partOverhead } from "./replication/messages.ts"
import type { Limits } from "./Service.ts"

/** Prefix of the lanes of owned maps. */
const lanePrefix = "coterie.state/"

export interface Bounds extends Omit<Limits, "delay" | "syncTimeout"> {
  /** Time between two batches, in milliseconds. */
  readonly delay: number
  /** Time for which `synced` waits for one member, in milliseconds. */
  readonly syncTimeout: number
  /** Option that decides `entryBytes`. */
  readonly entryBound: Exclude<EntryTooLarge["bound"], "joinBytes">
  /** Maximum number of bytes of a message of this node, sent or received. */
  readonly messageBytes: number
}

const defaults: Omit<Bounds, "entryBound" | "messageBytes"> = {
  // An owner with 100,000 entries of 100 bytes needs about 40 MB, and each other node 25 MB for the copy.
  ownerEntries: 100_000,
  ownerBytes: 32 * 1024 * 1024,
  // A larger value belongs into a store. Its owner would send it again with every change.
  entryBytes: 64 * 1024,
  // A message of this size is sent in about a millisecond at 100 Mbit/s.
  partBytes: 16 * 1024,
  // Removals of a minute at 17 a second.
  tombstones: 1_024,
  // Less than a person notices. It turns a burst of changes into one message.
  delay: 10,
  // About one full copy of a large owner.
  changeBuffer: 16_384,
  // All entries of the largest owner take half of this time at 10 Mbit/s.
  syncTimeout: 60_000,
}

const fail = (option: string, problem: string) => Effect.fail(new OptionsError({ option, problem }))

/** Fails with `OptionsError` if an option is no integer of at least `min`. */
export const checkCount = (option: string, value: number, min: number) =>
  Number.isSafeInteger(value) && value >= min
    ? Effect.void
    : fail(option, `must be an integer of at least ${min}, and is ${value}`)

/** Returns a duration in milliseconds, or fails with `OptionsError` if it is infinite or negative. */
export const millisOf = (option: string, given: Duration.Input): Effect.Effect<number, OptionsError> => {
  const millis = Option.map(Duration.fromInput(given), Duration.toMillis)
  return Option.isSome(millis) && Number.isFinite(millis.value) && millis.value >= 0
    ? Effect.succeed(millis.value)
    : fail(option, "must be a finite duration that is not negative")
}

/**
 * Returns the bounds of a map, or fails with `OptionsError`. Each entry and each part fits into a message of this node,
 * because a message that cannot be sent would end the replication.
 */
export const boundsOf = Effect.fnUntraced(function* (limits: Partial<Limits> = {}, messageBytes: number) {
  const { delay: givenDelay = defaults.delay, syncTimeout: givenTimeout = defaults.syncTimeout, ...rest } = limits
  const delay = yield* millisOf("limits.delay", givenDelay)
  const syncTimeout = yield* millisOf("limits.syncTimeout", givenTimeout)
  const counts = { ...defaults, ...rest }
  yield* checkCount("limits.ownerEntries", counts.ownerEntries, 1)
  yield* checkCount("limits.ownerBytes", counts.ownerBytes, 1)
  yield* checkCount("limits.entryBytes", counts.entryBytes, 1)
  yield* checkCount("limits.partBytes", counts.partBytes, 1)
  yield* checkCount("limits.tombstones", counts.tombstones, 0)
  yield* checkCount("limits.changeBuffer", counts.changeBuffer, 1)
  if (messageBytes < minMessageBytes)
    return yield* fail("limits.messageBytes", `shared state needs messages of at least ${minMessageBytes} bytes`)
  const maxEntryBytes = maxItemBytes(messageBytes)
  const bounds: Bounds = {
    ...counts,
    delay,
    syncTimeout,
    entryBytes: Math.min(counts.entryBytes, maxEntryBytes),
    partBytes: Math.min(counts.partBytes, messageBytes - partOverhead),
    entryBound: counts.entryBytes <= maxEntryBytes ? "limits.entryBytes" : "limits.messageBytes",
    messageBytes,
  }
  return bounds
})

/** Fails with `OptionsError` if a name cannot be used. */
export const checkName = (
  of: Subject["kind"],
  name: string,
  maxBytes = maxNameBytes,
): Effect.Effect<void, OptionsError> => {
  const problem = nameProblem(of, name, maxBytes)
  return problem === undefined ? Effect.void : fail("name", problem)
}

/** Fails with `OptionsError` if the application cannot use the name of a map. */
export const checkMapName = (name: string): Effect.Effect<void, OptionsError> =>
  name.startsWith(reservedPrefix)
    ? fail("name", `the names of maps that begin with "${reservedPrefix}" are those of groups and shared values`)
    : checkName("map", name)

/** Returns the name of the lane of a map. */
export const laneNameOf = (name: string): string => `${lanePrefix}${name}`
