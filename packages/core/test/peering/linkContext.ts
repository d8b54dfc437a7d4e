/** Context that the connections of a node share, for tests of one connection. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { defaults } from "../../src/cluster/Overrides.ts"
import * as LogBudget from "../../src/internal/LogBudget.ts"
import * as Limits from "../../src/Limits.ts"
import { writeBufferBytes } from "../../src/link/LinkWriter.ts"
import * as LinkTimer from "../../src/link/LinkTimer.ts"
import { WriteBuffers } from "../../src/link/WriteBuffers.ts"
import { EpochCounter } from "../../src/peering/EpochCounter.ts"
import * as HandshakeRules from "../../src/peering/HandshakeRules.ts"
import type { LinkContext } from "../../src/peering/LinkLife.ts"
import { ObservedHosts } from "../../src/peering/ObservedHosts.ts"
import { PeerConnections } from "../../src/peering/PeerConnections.ts"
import type { Frame } from "../../src/protocol/Frame.ts"
import * as Traffic from "../../src/wire/Traffic.ts"
import { record } from "./fakeLink.ts"
import { testNow } from "../link/support.ts"
import { initial, makeLoop } from "./support.ts"

/** Creates the context of node `a` in this state, with a membership that changes nothing and records its inputs. */
export const makeContext = Effect.fnUntraced(function* (limits: Partial<Limits.Limits> = {}, state = initial) {
  const { inputs, loop } = yield* makeLoop(undefined, { initial: state })
  yield* Effect.forkChild(loop.run({ perform: () => undefined, changed: () => undefined }))
  /** Outcomes of the handshakes. */
  const outcomes: Array<string> = []
  const connections = new PeerConnections({
    onEnd: () => true,
    onSessionStart: () => undefined,
    onSessionEnd: () => undefined,
    remembered: 8,
  })
  const context: LinkContext = {
    loop,
    connections,
    epochs: new EpochCounter(0),
    limits: { ...Limits.defaults, linger: 500, handshakeTimeout: 2_000, ...limits },
    timing: { heartbeat: 1_000, idleHeartbeat: 15_000, linkTimeout: 3_000 },
    timer: yield* LinkTimer.make({ heartbeat: 1_000, now: yield* testNow }),
    watchers: { has: () => true },
    clock: yield* Clock.Clock,
    buffers: new WriteBuffers(writeBufferBytes),
    observer: {
      received: Traffic.make(),
      sent: Traffic.make(),
      connected: (direction, outcome) => outcomes.push(`${direction} ${outcome}`),
      measured: () => undefined,
      ended: () => undefined,
    },
    laneFactories: defaults,
    detachBuffers: true,
    laneObserver: { opened: () => undefined, closed: () => undefined, changed: () => undefined },
    sinkOf: () => ({ offer: () => undefined }),
    lanes: () => [],
    observedHosts: new ObservedHosts(),
    log: yield* LogBudget.make,
    entropy: { u32: () => 1 },
    renew: () => Effect.void,
  }
  const handshake = HandshakeRules.make({
    label: "test",
    loop,
    limits: context.limits,
    timing: context.timing,
    admission: () => Effect.succeed({ _tag: "Admit" }),
    dialing: context.epochs.dialing,
    outlivesNamesake: () => true,
    hasRoom: () => true,
    linkTo: (name) => connections.open(name),
    isWeaker: (name, identity) => connections.isWeaker(name, identity),
    wall: () => 0,
  })
  return {
    context,
    connections,
    handshake,
    outcomes,
    /** Inputs about links that the membership received, in order. */
    linkEvents: () => inputs.flatMap(({ _tag }) => (_tag === "LinkUp" || _tag === "LinkDown" ? [_tag] : [])),
    /** Frames that the membership received, in order. */
    frames: () => inputs.flatMap((input) => (input._tag === "Received" ? [input.frame._tag] : [])),
  }
})

/** HelloAck of a peer that a test plays. */
export const helloAck: Frame = {
  _tag: "HelloAck",
  version: 1,
  record: record(1),
  instance: 0,
  viewHash: 0n,
  window: 8_192,
  linkTimeout: 3_000,
  observedHost: "198.51.100.1",
  youAre: undefined,
}

/** Ready of a peer that a test plays. */
export const ready: Frame = { _tag: "Ready", incarnation: 0, viewHash: 0n, youAre: undefined }
