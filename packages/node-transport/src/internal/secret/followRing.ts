/** Keeps the ring of a transport up to date with its keyring. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Keyring } from "../../Keyring.ts"
import type { NodeLogs } from "../NodeLogs.ts"
import type { KeyObserver } from "../metrics/KeyMetrics.ts"
import type { SessionTimes } from "../sessions/Sessions.ts"
import { KeySessions } from "./KeySessions.ts"
import { describeRing, type Ring } from "./ring.ts"

export interface FollowedRing {
  readonly sessions: KeySessions
  /** Takes the ring that the keyring has now. */
  readonly refresh: Effect.Effect<void>
}

/** Makes the sessions of a transport, which have the ring of the keyring until the scope closes. */
export const followRing = (
  keyring: Keyring["Service"],
  times: SessionTimes,
  observer: KeyObserver,
  logs: NodeLogs,
): Effect.Effect<FollowedRing, never, Scope.Scope> =>
  Effect.gen(function* () {
    const ring = yield* keyring.ring
    const clock = yield* Clock.Clock
    const sessions = yield* Effect.acquireRelease(
      Effect.sync(() => new KeySessions(ring, times, () => clock.currentTimeMillisUnsafe(), observer)),
      (sessions) => Effect.sync(() => sessions.close()),
    )
    const refresh = Effect.flatMap(keyring.ring, (ring) =>
      sessions.use(ring) ? logs.write(logRing(ring)) : Effect.void,
    )
    // An element says only that there is a change: a dial may have taken a later ring meanwhile.
    yield* Effect.forkScoped(Stream.runForEach(keyring.changes, () => refresh))
    return { sessions, refresh }
  })

/** Logs the ids of a ring, by which an operator compares the rings of nodes. */
export const logRing = (ring: Ring, prefix = ""): Effect.Effect<void> =>
  Effect.logInfo(`${prefix}keyring: this node accepts ${describeRing(ring)}`)
