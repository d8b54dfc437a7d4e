/**
 * Who is dialled when: one fiber for each peer that membership wishes to have a link to, and one for
 * each address where peers may be found (docs/protocol.md, R1, R3, R10, R11).
 */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Address } from "../Address.ts"
import type * as Discovery from "../Discovery.ts"
import { monotonicMillis } from "../internal/time.ts"
import * as Member from "../membership/Member.ts"
import type { DialTarget } from "../membership/State.ts"
import * as State from "../membership/State.ts"
import { compareNames } from "../protocol/PeerName.ts"
import type * as Reconnect from "../Reconnect.ts"
import * as Handshake from "../link/Handshake.ts"
import type { Link } from "../link/Link.ts"
import { onRefusal } from "./HandshakeRules.ts"
import type { LinkManager } from "./LinkManager.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"

export interface Dialer {
  /** Starts and stops dialling as the state wishes. */
  readonly reconcile: (state: State.State) => void
  /** Asks at these addresses from now on, instead of those of the last call. */
  readonly discovered: (addresses: Iterable<Address>) => void
  /** Asks at this address from now on, for ever; `met` is the name that answered there, if somebody did. */
  readonly seed: (address: Address, met?: string) => void
  /** Dials an address until it answers; fails only if trying again cannot help. */
  readonly join: (address: Address) => Effect.Effect<Link, Handshake.HandshakeRejected>
}

/** How long the peer with the higher name waits for the other to dial, when they first hear of each other. */
const dutyMillis = 2_000

/** Where the attempts to reach one life of a peer stand. */
interface Attempts {
  readonly generation: number
  /** Whether the peer was called failed when they were looked at last. */
  failed: boolean
  readonly step: Step
  /** When they led to a link. */
  linkAt: number | undefined
  /** The schedule has ended. */
  over: boolean
}

type Step = (input: unknown) => Pull.Pull<unknown, never, unknown>

export const make = Effect.fnUntraced(function* (options: {
  readonly loop: MembershipLoop
  readonly links: LinkManager
  readonly reconnect: Reconnect.Policy
  readonly discovery: Discovery.Policy
  /** A link that lived so long, in milliseconds, was healthy. */
  readonly healthy: number
  readonly clock: Clock
  readonly onUnavailable: (address: Address, reason: string) => void
}): Effect.fn.Return<Dialer, never, Scope.Scope> {
  const { clock, discovery, links, loop } = options
  const fork = yield* FiberSet.makeRuntime<never, void, never>()
  const kept = new Set<Address>()

  /** Where the attempts to reach a peer stand, so that a link that dies at once does not start them afresh. */
  const attempts = new Map<string, Attempts>()

  const freshStep: Effect.Effect<Step> = Schedule.toStepWithSleep(options.reconnect)

  /** Sleeps as the schedule says; `false` if it is over. */
  const pause = (step: Step) =>
    Pull.matchEffect(step(undefined), {
      onSuccess: () => Effect.succeed(true),
      onFailure: Effect.failCause,
      onDone: () => Effect.succeed(false),
    })

  /** The same, but so long at most; and so long if the schedule is over. */
  const pauseAtMost = (step: Step, interval: Duration.Duration) =>
    Effect.raceFirst(
      Effect.sleep(interval),
      Effect.flatMap(pause(step), (more) => (more ? Effect.void : Effect.never)),
    )

  const tryAddress = (address: Address, how?: Parameters<LinkManager["dial"]>[1]) =>
    links.dial(address, how).pipe(
      Effect.tapError((error) => onRefusal(loop, error)),
      // A generation that was too low, or that of an earlier life, is higher now.
      Effect.catchIf(
        (error) =>
          error._tag === "HandshakeRejected" &&
          (error.code === "stale" || error.code === "evicted") &&
          error.by === "them",
        () => links.dial(address, how),
      ),
    )

  /** `done`: nothing is left to try; `refused`: at every address somebody said that it is not there. */
  const tryPeer = Effect.fnUntraced(function* ({ addresses, name }: DialTarget) {
    let refusals = 0
    for (const address of addresses) {
      const result = yield* Effect.result(tryAddress(address, { expected: name }))
      if (result._tag === "Success") return "done"
      const error = result.failure
      if (error._tag === "HandshakeRejected" && error.code === "parted" && error.by === "them") {
        // The word that the two parted was lost with a link.
        yield* loop.submitAndAwait({ _tag: "Disconnect", name })
        return "done"
      }
      if (error._tag === "TransportError" && error.reason === "refused") refusals++
    }
    return addresses.length > 0 && refusals === addresses.length ? "refused" : "failed"
  })

  const keepDialing = Effect.fnUntraced(function* (name: string, generation: number) {
    const self = loop.state().self.name
    let attempt = attempts.get(name)
    const now = monotonicMillis(clock)
    const flapping = attempt?.linkAt !== undefined && now - attempt.linkAt < options.healthy
    if (attempt === undefined || (attempt.linkAt !== undefined && !flapping)) {
      const wish = State.dialTargets(loop.state()).get(name)
      attempt = { generation, failed: wish?.kind === "failed", step: yield* freshStep, linkAt: undefined, over: false }
      attempts.set(name, attempt)
      if (wish?.kind === "candidate" && compareNames(self, name) > 0) yield* Effect.sleep(dutyMillis)
    } else if (flapping) {
      attempt.linkAt = undefined
      attempt.over = !(yield* pause(attempt.step))
    }
    while (!attempt.over) {
      const wish = State.dialTargets(loop.state()).get(name)
      if (wish === undefined) return
      // The whole cluster makes about one attempt per interval to reach one that failed (R10).
      const chance = wish.kind === "failed" ? 1 / Math.max(1, State.linked(loop.state()).length) : 1
      if ((yield* Random.next) < chance) {
        const outcome = yield* tryPeer(wish)
        if (outcome !== "done") yield* loop.submit({ _tag: "DialFailed", name, refused: outcome === "refused" })
        // A link that membership does not want, as that of an older life, is no reason to dial at once again.
        else if (!State.dialTargets(loop.state()).has(name)) return
      }
      attempt.over = !(yield* pause(attempt.step))
    }
  })

  const peers = keyed<string>(fork, () => reconcile(loop.state()))
  const seeds = keyed<Address>(fork, () => {})

  const reconcile: Dialer["reconcile"] = (state) => {
    const wishes = State.dialTargets(state)
    for (const [name, attempt] of attempts) {
      const member = state.members.get(name)
      if (member === undefined && !state.candidates.has(name)) attempts.delete(name)
      else if (State.hasLink(state, name)) {
        attempt.linkAt ??= monotonicMillis(clock)
        attempt.over = false
      }
    }
    for (const name of peers.keys()) if (!wishes.has(name)) peers.stop(name)
    for (const [name, { generation, kind }] of wishes) {
      const attempt = attempts.get(name)
      const failed = kind === "failed"
      // The waiting for an earlier life is not for this one, which lives elsewhere and is just starting; nor is that for
      // one that was called failed for the same one that has just given a sign of life.
      if (attempt !== undefined && (attempt.generation < generation || (attempt.failed && !failed))) {
        peers.stop(name)
        attempts.delete(name)
      } else if (attempt !== undefined) attempt.failed = failed
      if (attempts.get(name)?.over !== true) peers.start(name, keepDialing(name, generation))
    }
    if (state.phase._tag !== "Running") for (const address of seeds.keys()) seeds.stop(address)
  }

  /**
   * Whether an address need not be asked now: `yes`, for the peer that says that it lives there has a link, or who answered
   * must not be dialled. Where somebody else answered (`met`, if he need not tell others this address) who has a link, it may
   * be the name of a service, and only `strangers` are looked for.
   */
  const isSettled = (address: Address, met: string | undefined): "yes" | "strangers" | "no" => {
    let settled: "strangers" | "no" = "no"
    for (const [name, member] of loop.state().members) {
      const says = member.record.body.addresses.includes(address)
      if (!says && name !== met && member.address !== address) continue
      if (member.disconnected || (says && Member.isLinked(member))) return "yes"
      if (Member.isLinked(member)) settled = "strangers"
    }
    return settled
  }

  // `met` is who answered here last; it need not tell others this address.
  const keepAsking = Effect.fnUntraced(function* (address: Address, met: string | undefined) {
    let step = yield* freshStep
    while (true) {
      const settled = isSettled(address, met)
      if (settled === "yes") {
        step = yield* freshStep
        yield* Effect.sleep(discovery.interval)
        continue
      }
      const error = yield* Effect.match(tryAddress(address, { stranger: settled === "strangers" }), {
        onFailure: (failure): Handshake.HandshakeError | undefined => failure,
        onSuccess: ({ peer }) => {
          met = peer.name
          return undefined
        },
      })
      if (
        (error?._tag === "HandshakeRejected" && error.code === "self") ||
        (error?._tag === "HandshakeFailed" && error.reason === "known")
      ) {
        // The name of a service may lead to another peer next time.
        yield* Effect.sleep(discovery.interval)
        continue
      }
      if (error !== undefined) options.onUnavailable(address, error.message)
      const alone = State.linked(loop.state()).length === 0
      // The first attempts follow the reconnect schedule, which is quicker; the interval is for ever.
      yield* alone ? pauseAtMost(step, discovery.intervalAlone) : Effect.sleep(discovery.interval)
    }
  })

  const ask = (address: Address, met?: string): void => {
    if (loop.state().phase._tag === "Running") seeds.start(address, keepAsking(address, met))
  }

  const join: Dialer["join"] = Effect.fnUntraced(function* (address) {
    const step = yield* freshStep
    while (true) {
      const there = [...links.all()].find(({ peer }) => {
        const member = loop.state().members.get(peer.name)
        if (member === undefined || !Member.isLinked(member) || member.disconnected) return false
        return member.address === address || peer.body.addresses.includes(address)
      })
      if (there !== undefined) return there
      const result = yield* Effect.result(tryAddress(address, { join: true }))
      if (result._tag === "Success") return result.success
      const error = result.failure
      if (error._tag === "HandshakeRejected" && !Handshake.isTransient(error)) return yield* error
      options.onUnavailable(address, error.message)
      yield* pauseAtMost(step, Duration.min(discovery.intervalAlone, discovery.interval))
    }
  })

  return {
    reconcile,
    discovered: (addresses) => {
      const wanted = new Set(addresses)
      for (const address of seeds.keys()) if (!wanted.has(address) && !kept.has(address)) seeds.stop(address)
      for (const address of wanted) ask(address)
    },
    seed: (address, met) => {
      kept.add(address)
      ask(address, met)
    },
    join,
  }
})

/**
 * At most one wanted fiber per key. Unlike a `FiberMap` it forgets a fiber at the moment it is stopped,
 * so that one that is wanted again at once does not find the place taken by one that is just ending.
 */
const keyed = <K>(fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>, onEnd: () => void) => {
  const running = new Map<K, Fiber.Fiber<void>>()
  return {
    keys: () => [...running.keys()],
    start: (key: K, effect: Effect.Effect<void>): void => {
      if (running.has(key)) return
      const fiber = fork(effect)
      running.set(key, fiber)
      fiber.addObserver(() => {
        if (running.get(key) !== fiber) return
        running.delete(key)
        onEnd()
      })
    },
    stop: (key: K): void => {
      const fiber = running.get(key)
      running.delete(key)
      fiber?.interruptUnsafe()
    },
  }
}
